/// `mesh-ctl voters`: who keeps the register, and how far the present set is in force.
package struct VotersReply: Reply, Hashable {
  package static let schemaName = "mesh.voters/1"
  package var schema = VotersReply.schemaName
  package var at: Timestamp
  /// Number of the set; 0: this host knows none yet.
  package var number: UInt64
  /// In the order of stewardship.
  package var voters: [Voter]
  package var steward: HostName?
  /// What the seat of this host waits for; `nil`: nothing, or it has none.
  package var waitsFor: String?
  /// Hosts that could be voters, as far as this host knows their data folder.
  package var candidates: [Candidate]

  package enum SeatWord: String, Codable, Sendable, CaseIterable {
    /// It answers in this set.
    case voting
    /// It takes its seat: it copies or rebuilds the register.
    case opening
    /// Its register is damaged, or the set names another data folder.
    case lost
    /// Gossip does not call it alive.
    case away
    /// Only voters hear how others stand.
    case unknown
  }

  package struct Voter: Codable, Hashable, Sendable {
    package var host: HostName
    /// `host:store`, 16 hexadecimal digits each.
    package var seat: String
    package var state: SeatWord

    package init(host: HostName, seat: String, state: SeatWord) {
      self.host = host
      self.seat = seat
      self.state = state
    }
  }

  package struct Candidate: Codable, Hashable, Sendable {
    package var host: HostName
    package var seat: String

    package init(host: HostName, seat: String) {
      self.host = host
      self.seat = seat
    }
  }

  package init(
    at: Timestamp, number: UInt64, voters: [Voter], steward: HostName?, waitsFor: String?, candidates: [Candidate]
  ) {
    self.at = at
    self.number = number
    self.voters = voters
    self.steward = steward
    self.waitsFor = waitsFor
    self.candidates = candidates.sorted { $0.host.id < $1.host.id }
  }

  /// Voters that certainly do not answer now.
  package var missing: [Voter] { voters.filter { $0.state == .away || $0.state == .lost || $0.state == .opening } }
  /// A majority may answer, as far as is known here.
  package var hasMajority: Bool { voters.count - missing.count > voters.count / 2 }

  package var health: Health { voters.isEmpty || !hasMajority ? .unhealthy : missing.isEmpty ? .ok : .degraded }

  /// One sentence.
  package var verdict: String {
    guard !voters.isEmpty else { return "this host knows no voters yet" }
    let names = missing.map { "\($0.host.shown) \($0.state.phrase)" }.joined(separator: ", ")
    let subject = "set \(number): \(Plural.of(voters.count, "voter"))"
    if missing.isEmpty {
      let unknown = voters.count { $0.state == .unknown }
      return subject + (unknown == 0 ? ", all vote" : "; whether they vote is known to voters only")
    }
    return subject + "; " + names + (hasMajority ? "" : "; no majority can answer")
  }

  /// Tab-separated: number, seat, host, state.
  package var plain: String {
    voters.map { "\(number)\t\($0.seat)\t\($0.host.shown)\t\($0.state.rawValue)\n" }.joined()
  }

  package func text(for terminal: Terminal) -> String {
    var table = Table(columns: [.init(title: "VOTER"), .init(title: "STATE"), .init(title: "SEAT")])
    table.rows = voters.map {
      [.init($0.host.shown), .init($0.state.rawValue), .init($0.seat)]
    }
    let lines = table.text(for: terminal)
    guard terminal.isTerminal else { return lines }
    var text = verdict + "\n\n" + lines
    if let steward { text += "steward: \(steward.shown)\n" }
    if let waitsFor { text += "the seat of this host waits: \(waitsFor.printable(limit: 300))\n" }
    return text
  }
}

extension VotersReply.SeatWord {
  fileprivate var phrase: String {
    switch self {
    case .voting: "votes"
    case .opening: "is taking its seat"
    case .lost: "has lost its register"
    case .away: "does not answer"
    case .unknown: "is there"
    }
  }
}
