/// `docs/configuration.md`, made from the schema; a test compares the committed page.
package enum ReferencePage {
  package static var text: String {
    ([head] + Schema.sections.map(section) + [dialect, codes]).joined(separator: "\n\n") + "\n"
  }

  private static let head = """
    # Configuration

    One file, `p2p_athena.conf`, in rAthena's look; it sets everything to its default and explains it. Leave it as it is, \
    and write what you want to differ into `import/p2p_conf.txt`, which it imports (made once from \
    `import-tmpl/p2p_conf.txt`). This page is made from the same table that reads the files.

    **rAthena itself must never read these files: its reader takes `true` for off.**

    | layer | the last one that sets a value wins |
    |---|---|
    | defaults | built in; `mesh-ctl config show --defaults` |
    | `security_level` | sets the section `security`; `mesh-ctl config explain security_level` |
    | `p2p_athena.conf` | shipped |
    | `import/p2p_conf.txt` | yours, in sections or as `p2p_settings.network.compression: no` |
    | `--set network.compression=no` | for one run; may be repeated |

    | to | command |
    |---|---|
    | check a file without a node | `mesh-ctl config check FILE` |
    | see every value and the line that set it | `mesh-ctl config show --origin` |
    | read about a setting or an error code | `mesh-ctl explain network.port_range`, `mesh-ctl explain C020` |
    | make a running node read its files again | `mesh-ctl reload` (with an error the old settings stay) |

    `live`: works after a reload. `restart`: the node must be started again. `world`: counts where \
    `mesh-ctl world build` runs and travels in the signed world. Settings marked *later* are read and checked, but \
    nothing in this version acts upon them.
    """

  private static func section(_ section: (path: String, title: String)) -> String {
    let settings = Schema.settings.filter { $0.section == section.path }
    let parts = settings.map { setting in
      var facts = ["default `\(setting.defaultText)`" + (isPreset(setting) ? " (by `security_level`)" : "")]
      facts.append(setting.allowed)
      if let unit = setting.plainUnit { facts.append("a plain number is in \(unit)") }
      if !setting.aliases.isEmpty { facts.append("also `\(setting.aliases.joined(separator: "`, `"))`") }
      facts.append(setting.change.rawValue)
      if setting.isMeshWide { facts.append("the same at all hosts") }
      if !setting.isInUse { facts.append("*later*") }
      return "### `\(setting.name)`\n\n\(facts.joined(separator: " · "))\n\n\(setting.explanation)"
    }
    return (["## \(section.title): `\(section.path)`"] + parts).joined(separator: "\n\n")
  }

  private static func isPreset(_ setting: Setting) -> Bool {
    Schema.preset(.high).contains { $0.path == setting.path }
  }

  private static let dialect = """
    ## How files are written

    ```
    file    := { entry }
    entry   := name (":" | "=") value | name [":"] "{" { entry } "}" | "import" ":" path | "@include" path
    name    := word { "." word }
    value   := "text with \\n \\" \\\\ \\u{1F600}" | "[" value { "," value } "]" | bare
    bare    := anything up to newline , ; } ] or a blank and a comment; trimmed
    comment := "//" or "#" at the start of a line or after a blank; /* over lines */
    ends    := newline, ";" or ","
    ```

    UTF-8 with or without byte order mark, LF or CRLF; at most \(FileLimits.bytes / 1024) KiB a file, \
    \(FileLimits.files) files, \(FileLimits.depth) deep. What a text means comes from the setting, never from its look. \
    Yes is \(Shape.wordsForTrue.joined(separator: ", ")); no is \(Shape.wordsForFalse.joined(separator: ", ")). Times take \
    ms, s, m, h, d; sizes kB, MB, GB, TB (of 1000) and KiB, MiB, GiB, TiB (of 1024). A name may stand once in a file; a \
    later file overrides; `+name: value` adds to a list. An import is looked for from the working folder, then from the \
    folder of the importing file, and read where it stands. A file must belong to root or the node's user, and not \
    everybody may write to it.
    """

  private static var codes: String {
    let rows = MessageCode.allCases.map { "| \($0.rawValue) | \($0.explanation) | `\($0.helpCommand)` |" }
    return (["## Error codes", "", "| code | meaning | command |", "|---|---|---|"] + rows).joined(separator: "\n")
  }
}
