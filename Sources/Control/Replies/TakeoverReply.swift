/// `mesh-ctl takeover`: what is left of a shard, host by host.
package struct TakeoverReply: Reply, Hashable {
  package static let schemaName = "mesh.takeover/1"
  package var schema = TakeoverReply.schemaName
  package var at: Timestamp
  /// Its name, its id (16 hexadecimal digits) and its maps.
  package var shard: String
  package var id: String
  package var maps: [String]
  package var state: ShardState
  package var why: String?
  /// Of the newest record that is known here; an order counts for this version only.
  package var epoch: UInt64
  package var version: UInt64
  package var owner: HostName?
  /// In-sync hosts first.
  package var copies: [Copy]

  package enum CopyState: String, Codable, Sendable, CaseIterable {
    /// In sync, in the life that the register names: it needs no order.
    case inSync
    /// It holds a whole log, but its seat is gone or it never had one.
    case whole
    /// Parts of its log are damaged.
    case damaged
    /// It answers and has nothing.
    case empty
    /// It does not answer.
    case silent
  }

  package struct Copy: Codable, Hashable, Sendable {
    package var host: HostName
    /// The register names it as in sync.
    package var member: Bool
    package var state: CopyState
    /// Up to where it has the shard's log durably; 0 without an answer.
    package var epoch: UInt64
    package var sequence: UInt64
    /// It knows the record of `version`: only then it can obey an order.
    package var current: Bool

    package init(
      host: HostName, member: Bool, state: CopyState, epoch: UInt64 = 0, sequence: UInt64 = 0, current: Bool = false
    ) {
      self.host = host
      self.member = member
      self.state = state
      self.epoch = epoch
      self.sequence = sequence
      self.current = current
    }
  }

  package init(
    at: Timestamp, shard: String, id: String, maps: [String], state: ShardState, why: String?, epoch: UInt64,
    version: UInt64, owner: HostName?, copies: [Copy]
  ) {
    self.at = at
    self.shard = shard
    self.id = id
    self.maps = maps
    self.state = state
    self.why = why
    self.epoch = epoch
    self.version = version
    self.owner = owner
    self.copies = copies.sorted { ($0.member ? 0 : 1, $0.host.id) < ($1.member ? 0 : 1, $1.host.id) }
  }

  /// The copy from which least is lost; of equal ones a whole one.
  package var best: Copy? {
    copies.filter { $0.state == .whole || $0.state == .damaged }.max { left, right in
      (left.epoch, left.sequence, left.state == .whole ? 1 : 0)
        < (right.epoch, right.sequence, right.state == .whole ? 1 : 0)
    }
  }

  package var verdict: String {
    let name = shard.printable(limit: 31)
    if let owner, state == .acting { return "\(name) is owned by \(owner.shown), who acts" }
    return "\(name) is \(state.rawValue)" + (why.map { ": \($0.printable(limit: 200))" } ?? "")
  }

  /// Tab-separated: host, in sync or not, state, epoch, sequence.
  package var plain: String {
    copies.map {
      "\($0.host.shown)\t\($0.member ? "member" : "-")\t\($0.state.rawValue)\t\($0.epoch)\t\($0.sequence)\n"
    }.joined()
  }

  package func text(for terminal: Terminal) -> String {
    var table = Table(columns: [
      .init(title: "HOST"), .init(title: "REGISTER"), .init(title: "COPY"), .init(title: "EPOCH", isNumber: true),
      .init(title: "SEQUENCE", isNumber: true),
    ])
    table.rows = copies.map { copy in
      let answers = copy.state != .silent && copy.state != .empty
      return [
        .init(copy.host.shown), .init(copy.member ? "member" : nil), .init(copy.state.rawValue),
        .init(answers ? "\(copy.epoch)" : nil), .init(answers ? "\(copy.sequence)" : nil),
      ]
    }
    let lines = table.text(for: terminal)
    return terminal.isTerminal ? "\(verdict)\n\n\(lines)" : lines
  }
}
