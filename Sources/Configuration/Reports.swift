/// What `mesh-ctl config check`, `show` and `explain` print: text without a newline at its end. The tool adds nothing
/// but colour and the exit code.
package enum Reports {
  // MARK: check

  /// Verdict first, then the messages.
  package static func check(_ loaded: LoadedSettings) -> String {
    let messages = loaded.messages
    let files = loaded.files.isEmpty ? "no file" : loaded.files.map(Printable.text).joined(separator: " + ")
    let verdict: String
    if messages.errorCount > 0 {
      verdict =
        "BAD: \(counted(messages.errorCount, "error")), \(counted(messages.warningCount, "warning")) in \(files)"
    } else {
      let set = loaded.origins.count { if case .set = $0 { true } else { false } }
      verdict = "OK: \(files): \(counted(set, "setting")), \(counted(messages.warningCount, "warning"))"
    }
    return messages.list.isEmpty ? verdict : verdict + "\n\n" + messages.description
  }

  // MARK: show

  /// Every setting with its value, as a file that could be read again; with `origin` where each value comes from.
  package static func show(_ settings: Settings, origins: [Origin]? = nil) -> String {
    var rows: [(line: String, origin: String)] = []
    for (index, setting) in Schema.settings.enumerated() {
      let mark = setting.isInUse ? "" : " (no effect yet)"
      let origin = origins.map { index < $0.count ? $0[index].description + mark : "" } ?? ""
      rows.append(("\(setting.path): \(setting.text(in: settings))", origin))
    }
    guard origins != nil else { return rows.map(\.line).joined(separator: "\n") }
    let width = min(60, rows.map { $0.line.unicodeScalars.count }.max() ?? 0)
    return rows.map { line, origin in
      let blanks = max(2, width + 2 - line.unicodeScalars.count)
      return line + String(repeating: " ", count: blanks) + "# " + origin
    }.joined(separator: "\n")
  }

  /// What a reload did or would do.
  package static func differences(_ list: [Difference]) -> String {
    guard !list.isEmpty else { return "nothing changes" }
    return list.map { difference in
      let effect =
        switch difference.change {
        case .live: "at once"
        case .restart: "after a restart of the node"
        case .world: "with the next `mesh-ctl world build`"
        }
      return "\(difference.path): \(difference.before) -> \(difference.after)  (\(effect))"
    }.joined(separator: "\n")
  }

  // MARK: explain

  /// A setting by its path (`p2p_settings.` may be left out), a section, or a code; `nil` for anything else.
  package static func explain(_ subject: String, in loaded: LoadedSettings? = nil) -> String? {
    if let code = MessageCode(rawValue: subject.uppercased()) {
      return "\(code.rawValue): \(code.explanation)\n\nhelp: \(code.helpCommand)"
    }
    if let setting = Schema.setting(subject) { return explain(setting, in: loaded) }
    let section = Schema.isSection(subject) ? subject : Schema.root + "." + subject
    guard !subject.isEmpty, Schema.isSection(section) else { return nil }
    let inside = Schema.settings.filter { $0.section == section }.map { "  \($0.name): \($0.allowed)" }
    let title = Schema.sections.first { $0.path == section }.map { ": \($0.title)" } ?? ""
    return "\(section)\(title)\n\n\(inside.joined(separator: "\n"))"
  }

  /// Why `subject` is nothing to explain, with the nearest name.
  package static func unknownSubject(_ subject: String) -> String {
    let parts = Schema.split(subject)
    let sections = [parts.section, Schema.root + "." + parts.section]
    let section = sections.first { !$0.isEmpty && Schema.isSection($0) } ?? Schema.root
    let help = Schema.help(for: parts.name, in: section).map { "; \($0)" } ?? ""
    return "`\(Printable.text(subject))` is neither a setting nor an error code\(help)"
  }

  private static func explain(_ setting: Setting, in loaded: LoadedSettings?) -> String {
    var lines = [setting.path]
    let index = Schema.indices[setting.path]
    if let loaded, let settings = loaded.settings, let index {
      lines.append("  value    \(setting.text(in: settings))   (\(loaded.origins[index].description))")
    }
    lines.append("  default  \(setting.defaultText)\(levels(of: setting))")
    lines.append("  allowed  \(setting.allowed)" + (setting.plainUnit.map { "; without a unit in \($0)" } ?? ""))
    if !setting.aliases.isEmpty { lines.append("  or as    \(setting.aliases.joined(separator: ", "))") }
    lines.append("  change   \(words(for: setting.change))")
    if setting.isMeshWide { lines.append("  mesh     the same at all hosts; `mesh-ctl status` tells when it is not") }
    if !setting.isInUse { lines.append("  effect   none yet in this version") }
    var text = lines.joined(separator: "\n") + "\n\n" + setting.explanation
    if setting.path == Schema.root + ".security_level" { text += "\n\n" + presets }
    return text
  }

  private static var presets: String {
    SecurityLevel.allCases.map { level in
      let values = Schema.preset(level).map { path, value in
        "\(path): \(Schema.setting(path)?.shape.text(value) ?? "")"
      }
      return "  \(level.rawValue): \(values.joined(separator: ", "))"
    }.joined(separator: "\n")
  }

  private static func levels(of setting: Setting) -> String {
    Schema.preset(.high).contains { $0.path == setting.path } ? " (by security_level)" : ""
  }

  static func words(for change: Setting.Change) -> String {
    switch change {
    case .live: "works at once after `mesh-ctl reload`"
    case .restart: "needs a restart of the node"
    case .world: "counts where `mesh-ctl world build` runs, from the next world on"
    }
  }

  private static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
