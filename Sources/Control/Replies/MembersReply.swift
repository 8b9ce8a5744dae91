package struct MembersReply: Reply, Hashable {
  package static let schemaName = "mesh.members/1"
  package var schema = MembersReply.schemaName
  package var at: Timestamp
  package var network: NetworkName
  /// By host id.
  package var members: [MemberReport]

  package init(at: Timestamp, network: NetworkName, members: [MemberReport]) {
    self.at = at
    self.network = network
    self.members = members.sorted { $0.id < $1.id }
  }
}

package enum MemberState: String, Codable, Sendable, CaseIterable {
  case alive, suspect, dead, left, revoked
}

package struct MemberReport: Codable, Hashable, Sendable {
  /// 16 hexadecimal digits.
  package var id: String
  package var name: String?
  package var state: MemberState
  /// Since when it is in this state, as seen here.
  package var since: Timestamp
  /// It is the host whose node answers.
  package var isSelf: Bool
  package var address: String?
  package var roles: [String]
  package var trustClass: Int?
  package var contributor: UInt32?
  package var certificateNotAfter: Timestamp?
  package var generation: UInt64
  package var refutation: UInt64
  /// It says of itself that it is slow, or others measured so.
  package var impaired: Bool
  package var draining: Bool
  /// Maps that it owns; `nil` when no world is active here.
  package var maps: Int?
  /// 0…1 of all its processors; `nil` when it has not said.
  package var cpuRatio: Double?
  /// 0…1 of its memory limit.
  package var memoryRatio: Double?
  package var loopLagSeconds: Double?
  /// Round trip from here; `nil` when not measured.
  package var rttSeconds: Double?
  /// 0…1 of the last probes from here that were lost.
  package var lossRatio: Double?
  /// Since the last authentic datagram from it.
  package var seenSecondsAgo: Double?
  /// Hash of the program that it runs, and of its settings, in hexadecimal digits, as it states them.
  package var build: String?
  package var settings: String?
  /// Filled only when something is unusual, a few words: `no ack from 3 of 3`, `1 core < 4 (p2p.conf:6)`.
  package var why: String?

  package init(
    id: String, name: String?, state: MemberState, since: Timestamp, isSelf: Bool = false, address: String? = nil,
    roles: [String] = [], trustClass: Int? = nil, contributor: UInt32? = nil, certificateNotAfter: Timestamp? = nil,
    generation: UInt64 = 0, refutation: UInt64 = 0, impaired: Bool = false, draining: Bool = false, maps: Int? = nil,
    cpuRatio: Double? = nil, memoryRatio: Double? = nil, loopLagSeconds: Double? = nil, rttSeconds: Double? = nil,
    lossRatio: Double? = nil, seenSecondsAgo: Double? = nil, why: String? = nil
  ) {
    self.id = id
    self.name = name
    self.state = state
    self.since = since
    self.isSelf = isSelf
    self.address = address
    self.roles = roles
    self.trustClass = trustClass
    self.contributor = contributor
    self.certificateNotAfter = certificateNotAfter
    self.generation = generation
    self.refutation = refutation
    self.impaired = impaired
    self.draining = draining
    self.maps = maps
    self.cpuRatio = cpuRatio
    self.memoryRatio = memoryRatio
    self.loopLagSeconds = loopLagSeconds
    self.rttSeconds = rttSeconds
    self.lossRatio = lossRatio
    self.seenSecondsAgo = seenSecondsAgo
    self.why = why
  }

  package var host: HostName { HostName(id: id, name: name) }
}
