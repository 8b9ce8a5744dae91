/// `conf/p2p_athena.conf` as it is shipped: every setting at its default under its explanation, in rAthena's look.
/// A test compares the committed file.
package enum ShippedFile {
  package static var text: String {
    let rest = Schema.sections.compactMap(section)
    return ([head, introduction, seedBlock, divider("Everything else")] + rest + [ending]).joined(separator: "\n\n")
      + "\n"
  }

  /// What the operator's own file starts with.
  package static let template = """
    // Your settings for the mesh: whatever stands here wins over conf/p2p_athena.conf.
    // The file is yours; no update overwrites it. Names and explanations are in conf/p2p_athena.conf, and
    //   mesh-ctl config check conf/p2p_athena.conf
    // tells whether all is well. Both of these forms work:
    //
    // p2p_settings.network.compression: no
    //
    // p2p_settings: {
    //     network: {
    //         port_range: 7000-7049
    //     }
    // }

    """

  private static let head = """
    //--------------------------------------------------------------------------
    // The mesh that spreads this server over many machines
    //--------------------------------------------------------------------------
    //
    //  !!  rAthena itself must NEVER read this file. Do not import it from      !!
    //  !!  map_athena.conf or any other file of rAthena: its reader takes the   !!
    //  !!  word `true` for OFF, and knows none of these settings.               !!
    //
    // Only mesh-node and mesh-ctl read it. Do not edit it: write what should be
    // different into import/p2p_conf.txt, which the last line of this file imports.
    // Make that file once:
    //
    //   mkdir -p conf/import && cp conf/import-tmpl/p2p_conf.txt conf/import/p2p_conf.txt
    //
    // After a change:
    //
    //   mesh-ctl config check conf/p2p_athena.conf    is everything all right?
    //   mesh-ctl reload                               make a running node read it
    //
    // A reload tells what changed and what needs a restart of the node; there is no
    // @reload command for it in the game. With a mistake in it nothing changes at all.
    //
    //   mesh-ctl config show --origin                 every value and its line
    //   mesh-ctl explain network.port_range           about one setting
    //
    // Comments start with // or #, or stand between /* and */. Yes is yes, true, on,
    // 1, oui, ja, si or sim; no is no, false, off, 0, non, nein or nao. A time without
    // a unit is in seconds (300ms, 5m and 2h work too).
    //--------------------------------------------------------------------------
    """

  private static var introduction: String {
    let paths = Set(seedPaths)
    let settings = Schema.settings.filter { paths.contains($0.path) }
    return ([divider("The fourteen settings to know")] + settings.map { entry(in: "", $0, value: nil) })
      .joined(separator: "\n//\n")
  }

  /// The block as the project's plan has it, byte for byte.
  package static let seedBlock = """
    p2p_settings: {
        enable: true
        security_level: high
       \u{20}
        host_requirements: {
            min_cpu_cores: 4
            min_memory_gb: 8
            min_bandwidth_mbps: 10
            min_uptime_percent: 95
        }
       \u{20}
        map_settings: {
            auto_distribute: true
            min_replication: 2
            check_interval: 300
            failover_timeout: 30
        }
       \u{20}
        network: {
            port_range: 7000-7999
            max_connections: 1000
            encryption: true
            compression: true
        }
    }
    """

  /// What the block sets.
  static var seedPaths: [String] {
    let text = SourceText(name: "", bytes: Array(seedBlock.utf8))
    var sections: [String] = []
    return Parser.parse(text, isSection: Schema.isSection).entries.compactMap { entry in
      switch entry {
      case .section(let section):
        sections.append((section.parent.map { sections[$0] + "." } ?? "") + text.text(section.name))
        return nil
      case .assignment(let assignment):
        return (assignment.section.map { sections[$0] + "." } ?? "") + text.text(assignment.name)
      case .importing: return nil
      }
    }
  }

  private static func section(_ section: (path: String, title: String)) -> String? {
    let seeds = Set(seedPaths)
    let settings = Schema.settings.filter { $0.section == section.path && !seeds.contains($0.path) }
    guard !settings.isEmpty else { return nil }
    let entries = settings.map { setting in
      let isPreset = Schema.preset(.high).contains { $0.path == setting.path }
      return entry(in: "    ", setting, value: isPreset ? "//" : "")
    }
    return "// \(section.title)\n\(section.path): {\n\(entries.joined(separator: "\n\n"))\n}"
  }

  /// The explanation as a comment, and the setting below it; `value` is what stands before the name, `nil`: no value.
  private static func entry(in indent: String, _ setting: Setting, value: String?) -> String {
    let name = value == nil ? setting.path.dropFirst(Schema.root.count + 1) + ": " : ""
    var text = name + setting.explanation + " (\(setting.allowed)"
    if let unit = setting.plainUnit { text += "; a plain number is in \(unit)" }
    text += ")"
    if !setting.isInUse { text += " No effect yet in this version." }
    let comment = wrapped(text, to: 76 - indent.utf8.count).map { "\(indent)// \($0)" }.joined(separator: "\n")
    return value.map { "\(comment)\n\(indent)\($0)\(setting.name): \(setting.defaultText)" } ?? comment
  }

  private static func divider(_ title: String) -> String {
    "//==========================================================================\n// \(title)\n"
      + "//=========================================================================="
  }

  private static let ending = """
    // What the operator wants to have different. This line stays the last one.
    import: import/p2p_conf.txt
    """

  /// Lines of at most `width` characters, broken at blanks.
  private static func wrapped(_ text: String, to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, line.unicodeScalars.count + 1 + word.unicodeScalars.count > width {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " " + word
    }
    return lines + [line]
  }
}
