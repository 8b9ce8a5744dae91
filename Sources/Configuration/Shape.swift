/// What a setting's text may be: it comes from the schema, never from the look of the text.
enum Shape: Sendable {
  case truth
  case number(Quantity, ClosedRange<Int>)
  case ports
  /// One word of a list.
  case choice([String])
  /// An IP address without a port.
  case address
  /// An IP address, with or without a port; empty allowed.
  case addressOrNone
  /// A host, by address or name, and a port.
  case endpoint
  /// An IP address and a port; empty allowed.
  case doorOrNone
  case path(mayBeEmpty: Bool, limit: Int)
  /// A list of paths; a single one is a list of one.
  case paths(atMost: Int)
  /// Letters, digits and `_-.`, up to a length; empty allowed or not.
  case word(mayBeEmpty: Bool, limit: Int)
  case shards
  case database

  /// A text that is not what it should be; the span is made of it where the text stands.
  struct Mistake: Error {
    var code: MessageCode
    var text: String
    var help: String?
    /// Bytes of the text that are wrong; `nil`: all of it.
    var part: Range<Int>?
    /// The element of a list that is wrong, where it stands in the source.
    var element: Range<Int>?
    /// The text holds a secret: it is not shown.
    var isSecret = false
  }
}

// MARK: Reading

extension Shape {
  func read(_ node: ValueNode) throws(Mistake) -> Value {
    if case .paths(let limit) = self { return try readPaths(node, limit: limit) }
    guard case .text(let text) = node.kind else {
      let isAddress =
        switch self {
        case .address, .addressOrNone, .endpoint, .doorOrNone: true
        default: false
        }
      throw Mistake(
        code: .unwantedList, text: "this is a list, but one value is wanted",
        help: isAddress ? "an IPv6 address in brackets is written in quotes: \"[2001:db8::1]:7000\"" : "write \(wanted)"
      )
    }
    if let bad = text.unicodeScalars.first(where: { !Printable.isPlain($0) }) {
      throw Mistake(
        code: .controlCharacter, text: "U+\(String(bad.value, radix: 16, uppercase: true)) cannot stand in a value",
        help: "write \(wanted)")
    }
    return try read(text)
  }

  private func read(_ text: String) throws(Mistake) -> Value {
    switch self {
    case .truth: .truth(try readTruth(text))
    case .number(let quantity, let range): .number(try readNumber(text, quantity, range))
    case .ports: .ports(try readPorts(text))
    case .choice(let words): .text(try readChoice(text, words))
    case .address: .text(try readAddress(text))
    case .addressOrNone: .text(try readTextual(text, as: Address?.self, .badAddress))
    case .endpoint: .text(try readTextual(text, as: HostAndPort.self, .badAddress))
    case .doorOrNone: .text(try readDoor(text))
    case .path(let mayBeEmpty, let limit): .text(try readPath(text, mayBeEmpty: mayBeEmpty, limit: limit))
    case .paths: .texts([text])
    case .word(let mayBeEmpty, let limit): .text(try readWord(text, mayBeEmpty: mayBeEmpty, limit: limit))
    case .shards: .text(try readShards(text))
    case .database: .text(try readDatabase(text))
    }
  }

  /// rAthena's words (in its five languages) and those of everybody else. rAthena itself reads `true` as 0.
  static let wordsForTrue = ["true", "yes", "on", "1", "oui", "ja", "si", "sim"]
  static let wordsForFalse = ["false", "no", "off", "0", "non", "nein", "nao"]

  private func readTruth(_ text: String) throws(Mistake) -> Bool {
    let word = text.lowercased()
    if Shape.wordsForTrue.contains(word) { return true }
    if Shape.wordsForFalse.contains(word) { return false }
    let near = Suggestions.nearest(to: word, among: Shape.wordsForTrue.filter { $0 != "1" } + Shape.wordsForFalse)
    throw Mistake(
      code: .notATruth, text: "`\(Printable.text(text))` is neither yes nor no",
      help: near.map { "did you mean `\($0)`?" } ?? "write \(wanted)")
  }

  private func readNumber(_ text: String, _ quantity: Quantity, _ range: ClosedRange<Int>) throws(Mistake) -> Int {
    let value: Int
    do {
      value = try quantity.parse(text)
    } catch {
      switch error {
      case .notANumber:
        throw Mistake(code: .notANumber, text: "`\(Printable.text(text))` is not a number", help: "write \(wanted)")
      case .negative, .tooLarge:
        throw outOfRange(text, quantity, range)
      case .unknownUnit(let unit, let part):
        throw Mistake(
          code: .wrongUnit, text: "`\(Printable.text(unit))` is not a unit of \(quantity.noun)",
          help: quantity.units.isEmpty ? "write a number without a unit" : "units are \(quantity.unitList)", part: part)
      case .tooFine:
        throw Mistake(
          code: .notANumber, text: "`\(Printable.text(text))` is finer than this setting can be",
          help: quantity.units.isEmpty ? "write a whole number" : "the finest step is \(quantity.text(quantity.grain))")
      }
    }
    guard range.contains(value) else { throw outOfRange(text, quantity, range) }
    return value
  }

  private func outOfRange(_ text: String, _ quantity: Quantity, _ range: ClosedRange<Int>) -> Mistake {
    var help = "write \(wanted)"
    // A plain number that fits with another unit was probably meant in that one.
    if text.utf8.allSatisfy(Quantity.isDigit), let number = Int(text) {
      let (plain, overflow) = number.multipliedReportingOverflow(by: quantity.plain.factor)
      let isAbove = overflow || plain > range.upperBound
      let fitting = quantity.units.filter { unit in
        let (product, overflow) = number.multipliedReportingOverflow(by: unit.factor)
        return unit.isShown && !overflow && range.contains(product)
      }
      // The neighbouring unit is the likely one: milliseconds for seconds, MB for GB.
      let nearest =
        isAbove ? fitting.max { $0.factor < $1.factor } : fitting.min { $0.factor < $1.factor }
      if let unit = nearest {
        help = "a number without a unit is in \(quantity.plain.name); did you mean `\(number)\(unit.name)`?"
      }
    }
    return Mistake(
      code: .outOfRange,
      text:
        "`\(Printable.text(text))` is outside \(quantity.text(range.lowerBound)) to \(quantity.text(range.upperBound))",
      help: help)
  }

  private func readPorts(_ text: String) throws(Mistake) -> PortRange {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { trimmed($0) }
    guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Quantity.isDigit) })
    else {
      throw Mistake(
        code: .badPorts, text: "`\(Printable.text(text))` is not a range of ports", help: "write \(wanted)")
    }
    guard let first = InternetAddress.port(parts[0][...]), let last = InternetAddress.port(parts[parts.count - 1][...])
    else {
      throw Mistake(code: .outOfRange, text: "a port is a number from 1 to 65535", help: "write \(wanted)")
    }
    guard first <= last else {
      throw Mistake(code: .reversedRange, text: "the range ends before it starts", help: "write `\(last)-\(first)`")
    }
    return PortRange(first: first, last: last)
  }

  private func readChoice(_ text: String, _ words: [String]) throws(Mistake) -> String {
    let word = text.lowercased()
    if words.contains(word) { return word }
    throw Mistake(
      code: .unknownChoice, text: "`\(Printable.text(text))` is not one of \(words.joined(separator: ", "))",
      help: Suggestions.nearest(to: word, among: words).map { "did you mean `\($0)`?" } ?? "write \(wanted)")
  }

  private func readAddress(_ text: String) throws(Mistake) -> String {
    if InternetAddress.isValid(text) { return text }
    let hasPort = HostAndPort(text: text).map { InternetAddress.isValid($0.host) } ?? false
    throw Mistake(
      code: .badAddress, text: "`\(Printable.text(text))` is not an IP address",
      help: hasPort ? "leave out the port: it is the first of `port_range`" : "write \(wanted)")
  }

  private func readTextual<T: TextualValue>(
    _ text: String, as type: T.Type, _ code: MessageCode
  ) throws(Mistake) -> String {
    guard let value = T(text: text) else {
      let lacksPort = InternetAddress.isValid(text) || InternetAddress.isName(text)
      throw Mistake(
        code: code, text: "`\(Printable.text(text))` is not \(article)",
        help: lacksPort
          ? "a port is missing: `\(Shape.written(HostAndPort(host: text, port: 6121).text))`" : "write \(wanted)")
    }
    return value.text
  }

  private func readTextual<T: TextualValue>(
    _ text: String, as type: T?.Type, _ code: MessageCode
  ) throws(Mistake) -> String {
    if text.isEmpty { return text }
    guard let value = T(text: text) else {
      throw Mistake(code: code, text: "`\(Printable.text(text))` is not \(article)", help: "write \(wanted)")
    }
    return value.text
  }

  private func readDoor(_ text: String) throws(Mistake) -> String {
    if text.isEmpty { return text }
    let address = try readTextual(text, as: HostAndPort.self, .badAddress)
    guard let door = HostAndPort(text: address), InternetAddress.isV4(door.host) else {
      throw Mistake(
        code: .badAddress, text: "clients know IPv4 addresses only, `\(Printable.text(text))` is none",
        help: "write \(wanted)")
    }
    return address
  }

  private func readPath(_ text: String, mayBeEmpty: Bool, limit: Int) throws(Mistake) -> String {
    guard !text.isEmpty || mayBeEmpty else {
      throw Mistake(code: .badPath, text: "a path is wanted, and this is empty", help: "write \(wanted)")
    }
    guard text.utf8.count <= limit else {
      throw Mistake(
        code: .badPath, text: "this path has \(text.utf8.count) bytes, and \(limit) are the most", help: "shorten it")
    }
    if text.hasPrefix("~") {
      throw Mistake(
        code: .badPath, text: "`~` is not expanded here: only a shell knows it", help: "write the whole path")
    }
    return text
  }

  private func readPaths(_ node: ValueNode, limit: Int) throws(Mistake) -> Value {
    let nodes: [ValueNode]
    if case .list(let list) = node.kind { nodes = list } else { nodes = [node] }
    guard nodes.count <= limit else {
      throw Mistake(code: .tooLong, text: "\(nodes.count) files are listed, and \(limit) are the most")
    }
    var paths: [String] = []
    for node in nodes {
      do {
        let path = try Shape.path(mayBeEmpty: false, limit: Shape.pathLimit).read(node)
        if case .text(let text) = path { paths.append(text) }
      } catch {
        var mistake = error
        mistake.element = node.span
        throw mistake
      }
    }
    return .texts(paths)
  }

  private func readWord(_ text: String, mayBeEmpty: Bool, limit: Int) throws(Mistake) -> String {
    guard (text.isEmpty && mayBeEmpty) || InternetAddress.isWord(text, limit: limit) else {
      throw Mistake(code: .badName, text: "`\(Printable.text(text))` is not a name", help: "write \(wanted)")
    }
    return text
  }

  private func readShards(_ text: String) throws(Mistake) -> String {
    let words = text.split(separator: " ").joined(separator: " ")
    let isRule = words == "auto" || words.hasPrefix("auto ")
    guard let rule = ShardRule(text: isRule || words == "per-map" ? words : text) else {
      throw Mistake(code: .unknownChoice, text: "`\(Printable.text(text))` is not a rule", help: "write \(wanted)")
    }
    if case .file(let path) = rule {
      if !path.utf8.contains(UInt8(ascii: "/")), !path.utf8.contains(UInt8(ascii: ".")) {
        throw Mistake(
          code: .unknownChoice, text: "`\(Printable.text(text))` is not a rule",
          help: "write \(wanted); a file has a `/` or a `.` in its path")
      }
      return try readPath(path, mayBeEmpty: false, limit: Shape.pathLimit)
    }
    return rule.text
  }

  private func readDatabase(_ text: String) throws(Mistake) -> String {
    if let database = SummaryDatabase(text: text) { return database.text }
    if text.utf8.contains(UInt8(ascii: "@")) {
      throw Mistake(
        code: .secret, text: "a user or password does not belong into the address of the database",
        help: "write `mariadb://HOST/NAME`, and set `database_user` and `database_password_file`", isSecret: true)
    }
    throw Mistake(code: .unknownChoice, text: "`\(Printable.text(text))` is not a database", help: "write \(wanted)")
  }

  private func trimmed(_ text: Substring) -> String {
    var view = text
    while view.first == " " { view = view.dropFirst() }
    while view.last == " " { view = view.dropLast() }
    return String(view)
  }
}

// MARK: Writing

extension Shape {
  /// PATH_MAX of Linux, less its end.
  static let pathLimit = 4095
  /// `sun_path` of a Unix socket on Linux is 108 bytes, its end included.
  static let socketPathLimit = 107

  /// As it can stand in a file: `read` gives the same value back.
  func text(_ value: Value) -> String {
    switch (self, value) {
    case (_, .truth(let truth)): truth ? "yes" : "no"
    case (.number(let quantity, _), .number(let number)): quantity.text(number)
    case (_, .number(let number)): String(number)
    case (_, .ports(let ports)): "\(ports.first)-\(ports.last)"
    case (_, .text(let text)): Shape.written(text)
    case (_, .texts(let texts)): "[" + texts.map(Shape.written).joined(separator: ", ") + "]"
    }
  }

  /// In quotes where it needs them.
  static func written(_ text: String) -> String {
    let isBare =
      !text.isEmpty && !text.hasPrefix(" ") && !text.hasSuffix(" ") && !text.hasPrefix("/*")
      && !text.utf8.contains { byte in
        byte < 0x20 || byte > 0x7e || "\"\\,;{}[]#*".utf8.contains(byte)
      } && !text.split(separator: " ").contains { $0.hasPrefix("//") }
    if isBare { return text }
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\r": result += "\\r"
      default:
        if Printable.isPlain(scalar) {
          result.unicodeScalars.append(scalar)
        } else {
          result += "\\u{\(String(scalar.value, radix: 16))}"
        }
      }
    }
    return result + "\""
  }

  /// What to write, as the end of "write …".
  var wanted: String {
    switch self {
    case .truth: "yes or no"
    case .number(let quantity, let range):
      "a \(quantity.units.isEmpty ? "whole number" : "number") from \(quantity.text(range.lowerBound)) to "
        + quantity.text(range.upperBound)
    case .ports: "two ports with `-` between, as in `7000-7999`"
    case .choice(let words): words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    case .address: "an IP address without a port, as in `0.0.0.0`"
    case .addressOrNone: "an IP address, with or without a port, as in `192.0.2.1:7000`, or `\"\"` for none"
    case .endpoint: "a host and a port, as in `127.0.0.1:6121`"
    case .doorOrNone: "an IPv4 address and a port, as in `192.0.2.1:6121`, or `\"\"` for none"
    case .path(let mayBeEmpty, _): mayBeEmpty ? "the path of a file or folder, or `\"\"` for none" : "a path"
    case .paths: "a path, or a list of paths as in `[first.txt, second.txt]`"
    case .word(let mayBeEmpty, let limit):
      "up to \(limit) letters, digits, `_`, `-` or `.`" + (mayBeEmpty ? ", or `\"\"` for none" : "")
    case .shards: "`auto N` (N from 1 to \(ShardRule.shardLimit)), `per-map` or the path of a file"
    case .database: "`sqlite` or `mariadb://HOST/NAME`"
    }
  }

  private var article: String {
    switch self {
    case .addressOrNone: "an IP address, with or without a port"
    case .endpoint: "a host and a port"
    case .doorOrNone: "an address and a port"
    default: "what is wanted here"
    }
  }

  /// For a number without a unit.
  var plainUnit: String? {
    guard case .number(let quantity, _) = self, !quantity.units.isEmpty else { return nil }
    return quantity.plain.name
  }
}
