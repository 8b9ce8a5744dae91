/// A setting's value once its text has been understood; `Shape` reads and writes it, `Settings` gives it its type.
enum Value: Hashable, Sendable {
  case truth(Bool)
  /// In the base unit of its `Quantity`.
  case number(Int)
  case ports(PortRange)
  case text(String)
  case texts([String])
}

/// A type of a property of `Settings`. `init` fails only for a value of another shape: a slip in the table.
protocol SettingValue {
  init?(_ value: Value)
  var value: Value { get }
}

extension Bool: SettingValue {
  init?(_ value: Value) {
    guard case .truth(let truth) = value else { return nil }
    self = truth
  }
  var value: Value { .truth(self) }
}

extension Int: SettingValue {
  init?(_ value: Value) {
    guard case .number(let number) = value else { return nil }
    self = number
  }
  var value: Value { .number(self) }
}

extension UInt64: SettingValue {
  init?(_ value: Value) {
    guard case .number(let number) = value else { return nil }
    self.init(exactly: number)
  }
  var value: Value { .number(Int(clamping: self)) }
}

extension Span: SettingValue {
  init?(_ value: Value) {
    guard let nanoseconds = UInt64(value) else { return nil }
    self.init(nanoseconds: nanoseconds)
  }
  var value: Value { nanoseconds.value }
}

extension PortRange: SettingValue {
  init?(_ value: Value) {
    guard case .ports(let ports) = value else { return nil }
    self = ports
  }
  var value: Value { .ports(self) }
}

extension String: SettingValue {
  init?(_ value: Value) {
    guard case .text(let text) = value else { return nil }
    self = text
  }
  var value: Value { .text(self) }
}

extension [String]: SettingValue {
  init?(_ value: Value) {
    guard case .texts(let texts) = value else { return nil }
    self = texts
  }
  var value: Value { .texts(self) }
}

extension SettingValue where Self: RawRepresentable, RawValue == String {
  init?(_ value: Value) {
    guard case .text(let text) = value else { return nil }
    self.init(rawValue: text)
  }
  var value: Value { .text(rawValue) }
}

extension SecurityLevel: SettingValue {}
extension LockedMemory: SettingValue {}
extension NetworkProfile: SettingValue {}
extension LogFormat: SettingValue {}
extension LogLevel: SettingValue {}

/// A value that is one text, checked by reading it.
protocol TextualValue: SettingValue {
  init?(text: String)
  var text: String { get }
}

extension TextualValue {
  init?(_ value: Value) {
    guard case .text(let text) = value else { return nil }
    self.init(text: text)
  }
  var value: Value { .text(text) }
}

/// Empty text: none.
extension Optional: SettingValue where Wrapped: TextualValue {
  init?(_ value: Value) {
    guard case .text(let text) = value else { return nil }
    if text.isEmpty {
      self = .none
    } else {
      guard let wrapped = Wrapped(text: text) else { return nil }
      self = .some(wrapped)
    }
  }
  var value: Value { .text(map(\.text) ?? "") }
}

extension Address: TextualValue {
  /// `192.0.2.1`, `192.0.2.1:7000`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:7000`.
  init?(text: String) {
    if InternetAddress.isValid(text) {
      self.init(host: text)
    } else if text.hasPrefix("["), text.hasSuffix("]"), InternetAddress.isV6(String(text.dropFirst().dropLast())) {
      self.init(host: String(text.dropFirst().dropLast()))
    } else if let parts = HostAndPort(text: text), InternetAddress.isValid(parts.host) {
      self.init(host: parts.host, port: parts.port)
    } else {
      return nil
    }
  }

  var text: String { port.map { HostAndPort(host: host, port: $0).text } ?? host }
}

extension HostAndPort: TextualValue {
  /// `192.0.2.1:7000`, `[2001:db8::1]:7000`, `char.example.org:6121`; the port is not 0.
  package init?(text: String) {
    guard let colon = text.lastIndex(of: ":"),
      let port = InternetAddress.port(text[text.index(after: colon)...])
    else { return nil }
    let host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      let inner = String(host.dropFirst().dropLast())
      guard InternetAddress.isV6(inner) else { return nil }
      self.init(host: inner, port: port)
    } else {
      guard InternetAddress.isV4(String(host)) || InternetAddress.isName(String(host)) else { return nil }
      self.init(host: String(host), port: port)
    }
  }

  package var text: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension ShardRule: TextualValue {
  static let shardLimit = 1200

  init?(text: String) {
    if text == "per-map" {
      self = .perMap
    } else if text.hasPrefix("auto ") {
      guard let count = Int(text.dropFirst(5)), (1...ShardRule.shardLimit).contains(count) else { return nil }
      self = .automatic(shards: count)
    } else if text == "auto" || text.isEmpty {
      return nil
    } else {
      self = .file(text)
    }
  }

  var text: String {
    switch self {
    case .automatic(let shards): "auto \(shards)"
    case .perMap: "per-map"
    case .file(let path): path
    }
  }
}

extension SummaryDatabase: TextualValue {
  static let mariadbPort: UInt16 = 3306

  init?(text: String) {
    if text == "sqlite" {
      self = .sqlite
      return
    }
    guard text.hasPrefix("mariadb://") else { return nil }
    let parts = text.dropFirst(10).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, InternetAddress.isWord(String(parts[1]), limit: 64) else { return nil }
    let host = String(parts[0])
    if let both = HostAndPort(text: host) {
      self = .mariadb(both, name: String(parts[1]))
    } else if let address = Address(text: host), address.port == nil {
      self = .mariadb(HostAndPort(host: address.host, port: SummaryDatabase.mariadbPort), name: String(parts[1]))
    } else if InternetAddress.isName(host) {
      self = .mariadb(HostAndPort(host: host, port: SummaryDatabase.mariadbPort), name: String(parts[1]))
    } else {
      return nil
    }
  }

  var text: String {
    switch self {
    case .sqlite: "sqlite"
    case .mariadb(let server, let name): "mariadb://\(server.text)/\(name)"
    }
  }
}

/// Texts of addresses and names, judged without looking anything up.
enum InternetAddress {
  static func isValid(_ text: String) -> Bool { isV4(text) || isV6(text) }

  static func isV4(_ text: String) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        (1...3).contains(part.utf8.count) && part.utf8.allSatisfy(Quantity.isDigit) && (Int(part) ?? 256) < 256
          && (part.utf8.count == 1 || !part.hasPrefix("0"))
      }
  }

  /// RFC 4291, 2.2, without a zone.
  static func isV6(_ text: String) -> Bool {
    guard text.utf8.contains(UInt8(ascii: ":")), text.utf8.count <= 45 else { return false }
    let halves = text.split(separator: "::", omittingEmptySubsequences: false)
    guard halves.count <= 2 else { return false }
    func groups(_ half: Substring, isLast: Bool) -> Int? {
      if half.isEmpty { return 0 }
      let parts = half.split(separator: ":", omittingEmptySubsequences: false)
      var count = 0
      for (index, part) in parts.enumerated() {
        if isLast, index == parts.count - 1, isV4(String(part)) {
          count += 2
        } else {
          guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexadecimal) else { return nil }
          count += 1
        }
      }
      return count
    }
    if halves.count == 1 { return groups(halves[0], isLast: true) == 8 }
    guard let head = groups(halves[0], isLast: false), let tail = groups(halves[1], isLast: true) else { return false }
    return head + tail <= 7
  }

  /// A name for DNS: labels of letters, digits and hyphens; not a number.
  static func isName(_ text: String) -> Bool {
    guard (1...253).contains(text.utf8.count) else { return false }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    let areLabels = labels.allSatisfy { label in
      (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
        && label.utf8.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }
    // A last label of digits only is a mistyped address (RFC 1123, 2.1).
    return areLabels && !(labels.last?.utf8.allSatisfy(Quantity.isDigit) ?? true)
  }

  /// Letters, digits, `_`, `-`, `.`.
  static func isWord(_ text: String, limit: Int) -> Bool {
    (1...limit).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        isLetterOrDigit($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
      }
  }

  /// 1...65535.
  static func port(_ text: Substring) -> UInt16? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy(Quantity.isDigit), let port = UInt16(text), port > 0
    else { return nil }
    return port
  }

  static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    Quantity.isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    Quantity.isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}
