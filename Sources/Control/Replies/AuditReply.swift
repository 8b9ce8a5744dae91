/// One line of a node's audit log: a change that somebody asked for through the control socket, and what came of it.
package struct AuditEntry: Codable, Hashable, Sendable {
  package enum Result: String, Codable, Sendable, CaseIterable {
    case done
    /// Under way: the answer came before the end.
    case begun
    /// Asked for by somebody who may not.
    case refused
    case failed
  }

  /// From 1 in each log.
  package var sequence: UInt64
  package var at: Timestamp
  /// The user at the other end of the socket, as the kernel says.
  package var user: UInt32
  package var verb: String
  /// A host, or several.
  package var target: String?
  /// First 16 bytes of BLAKE2b-256 over the whole request line, in hexadecimal digits.
  package var request: String
  package var reason: String?
  package var result: Result
  /// Why it failed, or what was done.
  package var detail: String?
  /// Lines about refusals that were left out before this one because there were too many.
  package var leftOut: Int?
  /// BLAKE2b-256 of the line before, without its line feed; zeros in the first line.
  package var previous: String

  package init(
    sequence: UInt64 = 0, at: Timestamp, user: UInt32, verb: String, target: String? = nil, request: String,
    reason: String? = nil, result: Result, detail: String? = nil, leftOut: Int? = nil, previous: String = ""
  ) {
    self.sequence = sequence
    self.at = at
    self.user = user
    self.verb = verb
    self.target = target
    self.request = request
    self.reason = reason
    self.result = result
    self.detail = detail
    self.leftOut = leftOut
    self.previous = previous
  }
}

/// `mesh-ctl audit`
package struct AuditReply: Reply, Hashable {
  package static let schemaName = "mesh.audit/1"
  package var schema = AuditReply.schemaName
  package var file: String
  /// Oldest first.
  package var entries: [AuditEntry]
  /// Lines that are no entries: torn by a crash, or written by somebody else.
  package var unreadable: Int

  package init(file: String, entries: [AuditEntry], unreadable: Int) {
    self.file = file
    self.entries = entries
    self.unreadable = unreadable
  }
}

/// `mesh-ctl audit verify`
package struct AuditCheckReply: Reply, Hashable {
  package static let schemaName = "mesh.audit_check/1"
  package var schema = AuditCheckReply.schemaName
  package var file: String
  package var lines: Int
  /// Sequence of the first line; above 1 when older lines were moved away.
  package var first: UInt64
  package var last: UInt64
  /// Hash of the last line: who notes it can tell later whether lines are missing at the end.
  package var head: String
  package var isWhole: Bool
  /// What breaks the chain, a line each.
  package var breaks: [String]

  package init(file: String, lines: Int, first: UInt64, last: UInt64, head: String, breaks: [String]) {
    self.file = file
    self.lines = lines
    self.first = first
    self.last = last
    self.head = head
    self.breaks = breaks
    isWhole = breaks.isEmpty
  }

  /// Tab-separated.
  package var plain: String {
    "\(isWhole ? "whole" : "broken")\t\(lines)\t\(first)\t\(last)\t\(head)\n" + breaks.map { "\($0)\n" }.joined()
  }
}
