/// An answer of a node, or of a command of `mesh-ctl` in `--json`. The first thing to look at is `schema`; inside one
/// major version fields are only added, so a reader ignores what it does not know.
package protocol Reply: Codable, Sendable {
  static var schemaName: String { get }
  var schema: String { get }
}

extension Reply {
  /// As one line, line feed included.
  package func line() -> [UInt8] { JSONLine.encode(self) }
}

/// Longest reply line in bytes: 2,000 members are about 1 MiB.
package let replyLineLimit = 4 << 20

package enum Health: String, Codable, Sendable, Comparable, CaseIterable {
  case ok, degraded, unhealthy

  package var exitCode: ExitCode {
    switch self {
    case .ok: .ok
    case .degraded: .degraded
    case .unhealthy: .unhealthy
    }
  }

  private var rank: Int { self == .ok ? 0 : self == .degraded ? 1 : 2 }
  package static func < (left: Health, right: Health) -> Bool { left.rank < right.rank }
}

package struct NetworkName: Codable, Hashable, Sendable {
  package var name: String
  /// 16 hexadecimal digits.
  package var id: String

  package init(name: String, id: String) {
    self.name = name
    self.id = id
  }
}

/// A host as people and machines name it.
package struct HostName: Codable, Hashable, Sendable {
  /// 16 hexadecimal digits.
  package var id: String
  /// From its certificate; `nil` as long as that is not known.
  package var name: String?

  package init(id: String, name: String?) {
    self.id = id
    self.name = name
  }

  /// The name, or the id without one.
  package var shown: String { name?.printable(limit: 31) ?? id }
}
