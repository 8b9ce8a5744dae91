/// A map's name as rAthena has it, without `.gat`: 1 to 11 bytes of letters, digits, `_`, `-` and `@`, so that it is safe
/// in a log line, a table, a configuration file and a file name. Case counts.
package struct MapName: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// MAP_NAME_LENGTH of rAthena is 12, with the final zero.
  package static let limit = 11

  package let text: String

  package init?(_ bytes: some Collection<UInt8>) {
    guard MeshWord.isValid(bytes, atMost: MapName.limit) else { return nil }
    text = String(decoding: bytes, as: UTF8.self)
  }

  package init?(_ text: some StringProtocol) { self.init(text.utf8.map(\.self)) }

  package var description: String { text }

  /// By bytes: names are ASCII.
  package static func < (left: MapName, right: MapName) -> Bool { left.text < right.text }
}

/// A shard's name: 1 to 31 bytes of the same characters as a map's, not beginning with `@` (those are reserved, such as
/// `@bridge`).
package struct ShardName: Hashable, Comparable, Sendable, CustomStringConvertible {
  package static let limit = 31

  package let text: String

  package init?(_ bytes: some Collection<UInt8>) {
    guard MeshWord.isValid(bytes, atMost: ShardName.limit), bytes.first != UInt8(ascii: "@") else { return nil }
    text = String(decoding: bytes, as: UTF8.self)
  }

  package init?(_ text: some StringProtocol) { self.init(text.utf8.map(\.self)) }

  package var description: String { text }

  package static func < (left: ShardName, right: ShardName) -> Bool { left.text < right.text }
}

private enum MeshWord {
  static func isValid(_ bytes: some Collection<UInt8>, atMost limit: Int) -> Bool {
    (1...limit).contains(bytes.count)
      && bytes.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "@"):
          true
        default: false
        }
      }
  }
}
