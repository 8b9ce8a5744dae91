/// Where a value comes from.
package enum Origin: Hashable, Sendable {
  case builtIn
  /// From `security_level`.
  case preset(SecurityLevel)
  /// A place in a file or in a `--set` option; several for a list that was added to.
  case set([Place])

  package var description: String {
    switch self {
    case .builtIn: "default"
    case .preset(let level): "security_level \(level.rawValue)"
    case .set(let places):
      places.map { place in
        place.file == SettingsReader.optionName ? place.file : "\(Printable.text(place.file)):\(place.line)"
      }.joined(separator: ", ")
    }
  }
}

/// What came of reading a configuration.
package struct LoadedSettings: Sendable {
  /// `nil` when there is an error: nothing is ever half applied.
  package let settings: Settings?
  /// By the order of `Schema.settings`.
  package let origins: [Origin]
  package let messages: Messages
  /// In the order in which they were read.
  package let files: [String]

  package func origin(of path: String) -> Origin? {
    Schema.settings.firstIndex { $0.path == Schema.setting(path)?.path }.map { origins[$0] }
  }
}

/// What the machine and the mesh say about settings; whatever is not known is not checked.
package struct Surroundings: Sendable {
  /// The longest that a shard may rightly be without an owner: promise and takeover of a profile (DESIGN 7).
  package var takeoverBound: (@Sendable (NetworkProfile) -> Span?)?
  package var admittedHosts: Int?
  package var mapServers: Int?
  /// RLIMIT_NOFILE of this process.
  package var openFileLimit: Int?

  package init() {}
}

/// Reads a configuration: defaults, then `security_level`, then the file, what it imports where it imports it, then
/// `--set`. The last one that sets a value wins. All mistakes of all files are found in one run.
package enum SettingsReader {
  static let optionName = "--set"

  /// - Parameters:
  ///   - path: the first file; `nil`: defaults and options only.
  ///   - options: as given with `--set`, in order.
  package static func load(
    _ path: String?, options: [String] = [], surroundings: Surroundings = Surroundings(), from source: some FileSource
  ) -> LoadedSettings {
    var layers = Layers(reader: FileReader(source: source))
    if let path { layers.readFirst(path) }
    for option in options { layers.readOption(option) }
    return layers.finish(surroundings)
  }
}

struct Layers<Source: FileSource> {
  /// A value that was set, and where.
  struct Assigned {
    var value: Value
    var spots: [Spot]
  }

  struct Spot {
    var text: Int
    var span: Range<Int>
  }

  private var reader: FileReader<Source>
  private(set) var texts: [SourceText] = []
  private var problems: [Problems] = []
  /// By setting; the order is never used.
  private(set) var assigned: [Int: Assigned] = [:]
  private(set) var messages = Messages()
  /// The index of the first file in `texts`, if there is one.
  private(set) var first: Int?

  init(reader: FileReader<Source>) { self.reader = reader }

  // MARK: Files

  mutating func readFirst(_ path: String) {
    do {
      let file = try reader.read(path, importedBy: nil)
      first = register(reader.texts[file])
      readEntries(of: texts.count - 1)
      reader.finish()
    } catch {
      let help = error.code == .missingFile ? "name the file with --config FILE" : error.help
      messages.add(
        Message(
          severity: .error, code: error.code, text: error.text, place: Place(file: path, line: 1, column: 1),
          help: help))
    }
  }

  private mutating func register(_ text: SourceText) -> Int {
    texts.append(text)
    problems.append(Problems())
    return texts.count - 1
  }

  private mutating func readEntries(of index: Int) {
    let text = texts[index]
    if let problem = Characters.problem(in: text) { return problems[index].add(problem) }
    let parsed = Parser.parse(text, isSection: Schema.isSection)
    var file = FileState(index: index, unsureFrom: parsed.unsureFrom ?? .max)
    for entry in parsed.entries {
      switch entry {
      case .importing(let path, let span): readImport(path, at: span, in: index)
      case .section(let section): begin(section, in: &file)
      case .assignment(let assignment): assign(assignment, in: &file)
      }
    }
    // Both lists are in the order of the file.
    problems[index] = problems[index].merged(with: parsed.problems)
  }

  private mutating func readImport(_ path: String, at span: Range<Int>, in index: Int) {
    do {
      let file = try reader.read(path, importedBy: texts[index].name)
      readEntries(of: register(reader.texts[file]))
      reader.finish()
    } catch {
      problems[index].add(Problem(error.code, span, error.text, help: error.help))
    }
  }

  mutating func readOption(_ option: String) {
    let index = register(SourceText(name: SettingsReader.optionName, bytes: Array(option.utf8)))
    let text = texts[index]
    guard text.bytes.count <= FileLimits.bytes / 4, !text.bytes.contains(UInt8(ascii: "\n")) else {
      return problems[index].add(Problem(.badOption, 0..<0, "an option is one line of at most 64 KiB"))
    }
    if let problem = Characters.problem(in: text) { return problems[index].add(problem) }
    let (assignment, found) = Parser.parse(option: text)
    problems[index] = found
    guard let assignment else { return }
    var state = FileState(index: index, unsureFrom: .max)
    // `p2p_settings.` may be left out.
    if text.text(assignment.name).hasPrefix(Schema.root + ".") == false { state.prefix = Schema.root + "." }
    assign(assignment, in: &state)
  }

  // MARK: Names

  /// What is known about the file that is being read.
  private struct FileState {
    var index: Int
    var unsureFrom: Int
    var prefix = ""
    /// Path of each section; `nil`: not known, what stands in it is not looked at.
    var sections: [String?] = []
    /// Where this file set a setting already.
    var set: [Int: Range<Int>] = [:]

    /// The path before a name, with its dot.
    func prefix(of section: Int?) -> String? {
      guard let section else { return prefix }
      return sections[section].map { $0 + "." }
    }
  }

  private mutating func begin(_ section: Entry.Section, in file: inout FileState) {
    guard let prefix = file.prefix(of: section.parent) else { return file.sections.append(nil) }
    let path = prefix + texts[file.index].text(section.name)
    let found = Schema.find(path)
    if case .section = found {
      file.sections.append(path)
    } else {
      file.sections.append(nil)
      if case .setting = found {
        let name = Printable.text(Schema.split(path).name)
        return report(
          file,
          Problem(
            .settingWanted, section.name, "`\(name)` is a setting, not a section", help: "write `\(name): ` and a value"
          ))
      }
      reportUnknown(found, path, prefix, name: section.name, value: nil, in: file)
    }
  }

  private mutating func assign(_ assignment: Entry.Assignment, in file: inout FileState) {
    guard let prefix = file.prefix(of: assignment.section) else { return }
    let path = prefix + texts[file.index].text(assignment.name)
    let found = Schema.find(path)
    guard case .setting(let index) = found else {
      return reportUnknown(found, path, prefix, name: assignment.name, value: assignment.value.span, in: file)
    }
    if !assignment.appends {
      if let earlier = file.set[index] { return reportTwice(index, earlier, assignment.name, in: file) }
      file.set[index] = assignment.name
    }
    read(assignment, index, in: file)
  }

  private mutating func read(_ assignment: Entry.Assignment, _ index: Int, in file: FileState) {
    let setting = Schema.settings[index]
    do {
      var value = try setting.shape.read(assignment.value)
      var spots: [Spot] = []
      if assignment.appends {
        guard case .texts(let added) = value, case .paths(let limit) = setting.shape else {
          return report(
            file,
            Problem(
              .notAList, assignment.name, "`\(setting.name)` is not a list, so nothing can be added to it",
              help: "leave out the `+`"))
        }
        if let before = assigned[index], case .texts(let texts) = before.value {
          value = .texts(texts + added)
          spots = before.spots
        }
        guard case .texts(let all) = value, all.count <= limit else {
          return report(file, Problem(.tooLong, assignment.value.span, "more than \(limit) files are listed"))
        }
      }
      spots.append(Spot(text: file.index, span: assignment.value.span))
      assigned[index] = Assigned(value: value, spots: spots)
    } catch {
      var span = error.element ?? error.part.map { assignment.value.span(of: $0) } ?? assignment.value.span
      if span.isEmpty { span = assignment.value.span }
      report(
        file,
        Problem(
          error.code, span, error.text, help: error.help, hidden: error.isSecret ? assignment.value.span : nil))
    }
  }

  // MARK: Mistakes in names

  private mutating func report(_ file: FileState, _ problem: Problem) { problems[file.index].add(problem) }

  private mutating func reportTwice(_ index: Int, _ earlier: Range<Int>, _ name: Range<Int>, in file: FileState) {
    let text = texts[file.index]
    let words = (first: Schema.split(text.text(earlier)).name, second: Schema.split(text.text(name)).name)
    let isSame = words.first == words.second
    report(
      file,
      Problem(
        isSame ? .setTwice : .twoSpellings, name,
        isSame
          ? "`\(words.first)` is set twice in this file"
          : "`\(words.second)` and `\(words.first)` are two names of one setting",
        help: "remove one of the two", other: ("the first one is here", earlier)))
  }

  private mutating func reportUnknown(
    _ found: Schema.Found, _ path: String, _ prefix: String, name: Range<Int>, value: Range<Int>?, in file: FileState
  ) {
    // After a missing or superfluous brace nobody knows which section this is in.
    guard name.lowerBound < file.unsureFrom else { return }
    guard !problems[file.index].isFull else { return problems[file.index].skip() }
    switch found {
    case .setting: return
    case .section:
      let word = Printable.text(Schema.split(path).name)
      report(
        file,
        Problem(
          .sectionWanted, name, "`\(word)` is a section, not a setting", help: "write `\(word): {` and its settings"))
    case .beyond(let index):
      let setting = Schema.settings[index]
      report(
        file,
        Problem(
          .settingWanted, name, "`\(setting.name)` is a setting, and nothing is in it",
          help: "its full name is `\(setting.path)`"))
    case .unknown(let word, let section):
      let inName = max(0, word.lowerBound - prefix.utf8.count)..<max(0, word.upperBound - prefix.utf8.count)
      let span = name.lowerBound + inName.lowerBound..<name.lowerBound + inName.upperBound
      let text = texts[file.index].text(span)
      reportUnknown(word: text, at: span, in: section, value: value, in: file)
    }
  }

  private mutating func reportUnknown(
    word: String, at span: Range<Int>, in section: String, value: Range<Int>?, in file: FileState
  ) {
    let isSecret = value != nil && Secrets.isNameOfOne(word)
    let help = Schema.help(for: word, in: section)
    if isSecret, Suggestions.nearest(to: word, among: Schema.children[section] ?? []) == nil {
      return report(
        file,
        Problem(
          .secret, span, "`\(Printable.text(word))` looks like a secret, which does not belong into this file",
          help: Secrets.help(in: section), hidden: value))
    }
    let full = section.isEmpty ? word : section + "." + word
    report(
      file,
      Problem(
        .unknownSetting, span, "unknown setting `\(Printable.text(full))`",
        help: help ?? "see `mesh-ctl config show --defaults` for all names", hidden: isSecret ? value : nil))
  }

  // MARK: Result

  /// Checks what no single value can tell, and makes the settings.
  mutating func finish(_ surroundings: Surroundings) -> LoadedSettings {
    var origins = [Origin](repeating: .builtIn, count: Schema.settings.count)
    var settings = Settings()
    apply(assigned, to: &settings)
    for (path, value) in Schema.preset(settings.securityLevel) {
      guard let index = Schema.indices[path], assigned[index] == nil else { continue }
      apply([index: Assigned(value: value, spots: [])], to: &settings)
      origins[index] = .preset(settings.securityLevel)
    }
    for (index, value) in assigned {
      origins[index] = .set(value.spots.map { texts[$0.text].place(of: $0.span.lowerBound) })
    }
    for (text, problems) in zip(texts, problems) {
      for problem in problems.list { messages.add(problem.message(in: text)) }
      messages.countErrors(problems.leftOut)
    }
    for message in Checks(layers: self, settings: settings, surroundings: surroundings).run() { messages.add(message) }
    return LoadedSettings(
      settings: messages.errorCount == 0 ? settings : nil, origins: origins, messages: messages,
      files: texts.map(\.name).filter { $0 != SettingsReader.optionName })
  }

  private func apply(_ values: [Int: Assigned], to settings: inout Settings) {
    for (index, assigned) in values {
      let isTyped = Schema.settings[index].write(&settings, assigned.value)
      precondition(isTyped, "the table gives \(Schema.settings[index].path) a shape that its property cannot hold")
    }
  }
}

/// Names under which people write passwords.
enum Secrets {
  private static let words = ["passw", "pasw", "secret", "pwd", "token", "private_key"]

  static func isNameOfOne(_ name: String) -> Bool {
    let lowered = name.lowercased()
    return words.contains { lowered.contains($0) }
  }

  static func help(in section: String) -> String {
    let files = (Schema.children[section] ?? []).filter { isNameOfOne($0) && $0.hasSuffix("_file") }
    let names = files.isEmpty ? "a setting that ends in `_file`" : files.map { "`\($0)`" }.joined(separator: " or ")
    return "write it into a file with mode 0600, and name that file in \(names)"
  }
}
