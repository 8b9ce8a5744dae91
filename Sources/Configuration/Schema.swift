/// One setting: everything that reading, checking, showing and explaining it needs.
package struct Setting: Sendable {
  /// Dotted, from the top: `p2p_settings.network.port_range`.
  package let path: String
  /// Other names of it in the same section.
  package let aliases: [String]
  let shape: Shape
  package let change: Change
  /// All hosts of a network should have the same value; such settings make up the digest.
  package let isMeshWide: Bool
  /// False: checked and kept, but nothing acts upon it in this version.
  package let isInUse: Bool
  /// One paragraph.
  package let explanation: String
  let read: @Sendable (Settings) -> Value
  /// False for a value of another shape, which the table's own test excludes.
  let write: @Sendable (inout Settings, Value) -> Bool

  /// When a new value starts to work.
  package enum Change: String, Sendable {
    /// `mesh-ctl reload` is enough.
    case live
    /// The node must be started again.
    case restart
    /// The value travels in the signed world: it counts where `mesh-ctl world build` runs, from the next world on.
    case world
  }

  init<Home: SettingValue & SendableMetatype>(
    _ path: String, _ home: any WritableKeyPath<Settings, Home> & Sendable, _ shape: Shape, _ change: Change,
    aliases: [String] = [], meshWide: Bool = false, inUse: Bool = true, _ explanation: String
  ) {
    self.path = Schema.root + "." + path
    self.aliases = aliases
    self.shape = shape
    self.change = change
    isMeshWide = meshWide
    isInUse = inUse
    self.explanation = explanation
    read = { $0[keyPath: home].value }
    write = { settings, value in
      guard let typed = Home(value) else { return false }
      settings[keyPath: home] = typed
      return true
    }
  }

  /// The last word of the path.
  package var name: String { Schema.split(path).name }
  /// The path without its last word.
  package var section: String { Schema.split(path).section }
  /// As it can stand in a file.
  package func text(in settings: Settings) -> String { shape.text(read(settings)) }
  package var defaultText: String { text(in: Settings()) }
  /// What may be written.
  package var allowed: String { shape.wanted }
  /// The unit of a number without one.
  package var plainUnit: String? { shape.plainUnit }
}

/// All settings, and how a name finds its setting.
package enum Schema {
  static let root = "p2p_settings"

  /// In the order of the shipped file, section by section.
  package static let settings: [Setting] = table

  /// The setting with this path; aliases and a missing `p2p_settings.` are understood.
  package static func setting(_ path: String) -> Setting? {
    let index = indices[path] ?? indices[root + "." + path]
    return index.map { settings[$0] }
  }

  static func isSection(_ path: String) -> Bool { children[path] != nil }

  /// By full path, aliases included.
  static let indices: [String: Int] = {
    var result: [String: Int] = [:]
    for (index, setting) in settings.enumerated() {
      result[setting.path] = index
      for alias in setting.aliases { result[setting.section + "." + alias] = index }
    }
    return result
  }()

  /// Names in each section, in the order of the table; the top of a file is the empty path.
  static let children: [String: [String]] = {
    var result = ["": [root]]
    for setting in settings {
      let section = setting.section
      if result[section] == nil {
        result[section] = []
        let parent = split(section)
        if section != root { result[parent.section, default: []].append(parent.name) }
      }
      result[section, default: []] += [setting.name] + setting.aliases
    }
    return result
  }()

  static func split(_ path: String) -> (section: String, name: String) {
    guard let dot = path.lastIndex(of: ".") else { return ("", path) }
    return (String(path[..<dot]), String(path[path.index(after: dot)...]))
  }

  /// What `security_level` stands for: values below those of the files.
  static func preset(_ level: SecurityLevel) -> [(path: String, value: Value)] {
    let (lifetime, memory): (Span, LockedMemory) =
      switch level {
      case .low: (Span(days: 90), .wanted)
      case .medium: (Span(days: 30), .wanted)
      case .high: (Span(days: 7), .required)
      }
    return [
      (root + ".security.certificate_lifetime", lifetime.value), (root + ".security.locked_memory", memory.value),
    ]
  }

  // MARK: Names that are not known

  /// What was found at the end of a path.
  enum Found {
    case setting(Int)
    case section
    /// The word at these bytes of the path is not known in the section before it.
    case unknown(word: Range<Int>, section: String)
    /// The path goes on after a setting.
    case beyond(setting: Int)
  }

  static func find(_ path: String) -> Found {
    if let index = indices[path] { return .setting(index) }
    if children[path] != nil { return .section }
    let bytes = Array(path.utf8)
    var start = 0
    var section = ""
    while true {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: ".")) ?? bytes.count
      let prefix = String(decoding: bytes[..<end], as: UTF8.self)
      if let index = indices[prefix] { return .beyond(setting: index) }
      guard children[prefix] != nil, end < bytes.count else {
        return .unknown(word: start..<end, section: section)
      }
      section = prefix
      start = end + 1
    }
  }

  /// Help for an unknown word: a similar one of the same section, the same one in another section, a similar one
  /// in another section.
  static func help(for word: String, in section: String) -> String? {
    if let near = Suggestions.nearest(to: word, among: children[section] ?? []) { return "did you mean `\(near)`?" }
    let lowered = word.lowercased()
    let elsewhere = places(of: lowered).first ?? similarElsewhere(lowered)
    guard let elsewhere else { return nil }
    let home = split(elsewhere)
    let isSame = home.name == lowered
    let start = isSame ? "`\(lowered)` lives in `\(home.section)`" : "did you mean `\(home.name)` in `\(home.section)`?"
    return children[elsewhere] != nil
      ? "\(start): write `\(elsewhere): {`" : "\(start); its full name is `\(elsewhere)`"
  }

  private static let everyPath: [String] = {
    let sections = settings.map(\.section)
    let distinct = sections.enumerated().filter { sections.firstIndex(of: $1) == $0 }.map(\.element)
    return distinct.filter { $0 != root }
      + settings.flatMap { setting in
        [setting.path] + setting.aliases.map { setting.section + "." + $0 }
      }
  }()

  private static func places(of name: String) -> [String] { everyPath.filter { split($0).name == name } }

  private static func similarElsewhere(_ name: String) -> String? {
    Suggestions.nearest(to: name, among: everyPath.map { split($0).name }).flatMap { places(of: $0).first }
  }
}
