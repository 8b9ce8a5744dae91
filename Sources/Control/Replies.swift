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

package enum Health: String, Codable, Sendable, Comparable {
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

// MARK: status

package struct StatusReply: Reply, Hashable {
  package static let schemaName = "mesh.status/1"
  package var schema = StatusReply.schemaName
  package var at: Timestamp
  package var network: NetworkName
  package var verdict: Verdict
  package var hosts: HostCounts
  package var view: ViewAgreement
  package var own: OwnHost
  /// Worst first, then by code, then by subject.
  package var warnings: [Warning]

  /// The verdict follows from the rest; see `Verdict.init(…)`.
  package init(
    at: Timestamp, network: NetworkName, hosts: HostCounts, view: ViewAgreement, own: OwnHost, warnings: [Warning]
  ) {
    self.at = at
    self.network = network
    self.hosts = hosts
    self.view = view
    self.own = own
    self.warnings = warnings.sorted(by: Warning.isWorse)
    verdict = Verdict(hosts: hosts, own: own, warnings: self.warnings)
  }
}

/// The one sentence that every screen begins with.
package struct Verdict: Codable, Hashable, Sendable {
  package var health: Health
  /// Without the health word: `5 of 6 hosts alive; gef-2 does not answer …`.
  package var sentence: String

  package init(health: Health, sentence: String) {
    self.health = health
    self.sentence = sentence
  }
}

/// Members by state, this host included.
package struct HostCounts: Codable, Hashable, Sendable {
  package var alive: Int
  package var suspect: Int
  package var dead: Int
  package var left: Int
  package var revoked: Int

  package init(alive: Int = 0, suspect: Int = 0, dead: Int = 0, left: Int = 0, revoked: Int = 0) {
    self.alive = alive
    self.suspect = suspect
    self.dead = dead
    self.left = left
    self.revoked = revoked
  }

  /// Hosts that should be there: who left or was revoked is not missed.
  package var expected: Int { alive + suspect + dead }
}

/// How many live hosts hold the same member table as this one.
package struct ViewAgreement: Codable, Hashable, Sendable {
  /// Root digest of the member table, 16 hexadecimal digits.
  package var digest: String
  /// Live hosts, this one included, whose last known root is ours.
  package var agreeing: Int
  /// Live hosts, this one included, whose root was heard at all in the last probe rounds.
  package var heard: Int
  /// For how long somebody has differed; 0 when all agree.
  package var differingSeconds: Double

  package init(digest: String, agreeing: Int, heard: Int, differingSeconds: Double = 0) {
    self.digest = digest
    self.agreeing = agreeing
    self.heard = heard
    self.differingSeconds = differingSeconds
  }
}

package enum JoinState: String, Codable, Sendable {
  /// Asking peers; none has answered.
  case joining
  /// No peers are known: alone by decision.
  case alone
  /// A Welcome came; the member table is still being filled.
  case synchronizing
  case member
  case leaving
  case revoked
}

/// The host whose node answers.
package struct OwnHost: Codable, Hashable, Sendable {
  /// 16 hexadecimal digits.
  package var id: String
  package var name: String
  package var state: JoinState
  /// `address:port` that it tells others.
  package var address: String
  /// What peers see, when it differs.
  package var observedAddress: String?
  /// `host bridge observer home door`, in this order.
  package var roles: [String]
  /// 0 operator's machine, 1 vetted, 2 volunteer.
  package var trustClass: Int
  /// Account of the person whose machine it is; 0 is the operator.
  package var contributor: UInt32
  package var generation: UInt64
  package var refutation: UInt64
  package var profile: String
  package var version: String
  package var processId: Int
  package var uptimeSeconds: Double
  package var certificateNotBefore: Timestamp
  package var certificateNotAfter: Timestamp
  /// Worst lateness of the loop in the last 5 s.
  package var loopLagSeconds: Double
  package var residentBytes: UInt64
  /// Running sums since the start, datagrams and streams together.
  package var receivedBytes: UInt64
  package var sentBytes: UInt64
  package var sessions: Int
  package var links: Int

  package init(
    id: String, name: String, state: JoinState, address: String, observedAddress: String? = nil, roles: [String],
    trustClass: Int, contributor: UInt32, generation: UInt64, refutation: UInt64, profile: String, version: String,
    processId: Int, uptimeSeconds: Double, certificateNotBefore: Timestamp, certificateNotAfter: Timestamp,
    loopLagSeconds: Double = 0, residentBytes: UInt64 = 0, receivedBytes: UInt64 = 0, sentBytes: UInt64 = 0,
    sessions: Int = 0, links: Int = 0
  ) {
    self.id = id
    self.name = name
    self.state = state
    self.address = address
    self.observedAddress = observedAddress
    self.roles = roles
    self.trustClass = trustClass
    self.contributor = contributor
    self.generation = generation
    self.refutation = refutation
    self.profile = profile
    self.version = version
    self.processId = processId
    self.uptimeSeconds = uptimeSeconds
    self.certificateNotBefore = certificateNotBefore
    self.certificateNotAfter = certificateNotAfter
    self.loopLagSeconds = loopLagSeconds
    self.residentBytes = residentBytes
    self.receivedBytes = receivedBytes
    self.sentBytes = sentBytes
    self.sessions = sessions
    self.links = links
  }
}

/// Something to worry about, with the command that helps.
package struct Warning: Codable, Hashable, Sendable {
  package var code: String
  package var health: Health
  package var sentence: String
  package var command: String
  /// The host it is about, when it is about one.
  package var subject: HostName?
  package var since: Timestamp?

  /// Fills `{name}` in the code's sentence and command; how bad it is follows from the code.
  package init(
    _ code: ErrorCode, _ values: KeyValuePairs<String, String> = [:], subject: HostName? = nil, since: Timestamp? = nil
  ) {
    let fault = Fault(code, values)
    self.code = code.rawValue
    health =
      switch code.text.severity {
      case .notice: .ok
      case .degraded: .degraded
      case .unhealthy: .unhealthy
      }
    sentence = fault.sentence
    command = fault.help ?? "mesh-ctl explain \(code.rawValue)"
    self.subject = subject
    self.since = since
  }

  static func isWorse(_ left: Warning, _ right: Warning) -> Bool {
    if left.health != right.health { return left.health > right.health }
    if left.code != right.code { return left.code < right.code }
    return (left.subject?.shown ?? "", left.sentence) < (right.subject?.shown ?? "", right.sentence)
  }
}

// MARK: members

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
  /// Filled only when something is unusual, a few words: `no ack from 3 of 3`, `1 core < 4 (p2p.conf:6)`.
  package var why: String?

  package init(
    id: String, name: String?, state: MemberState, since: Timestamp, isSelf: Bool = false, address: String? = nil,
    roles: [String] = [], trustClass: Int? = nil, contributor: UInt32? = nil, certificateNotAfter: Timestamp? = nil,
    generation: UInt64 = 0, refutation: UInt64 = 0, impaired: Bool = false, draining: Bool = false,
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

// MARK: events

package struct EventsReply: Reply, Hashable {
  package static let schemaName = "mesh.events/1"
  package var schema = EventsReply.schemaName
  package var at: Timestamp
  /// By sequence.
  package var events: [EventReport]
  /// Events that were asked for but are not kept any more (or were left out because this reader was too slow).
  package var missed: Int

  package init(at: Timestamp, events: [EventReport], missed: Int = 0) {
    self.at = at
    self.events = events.sorted { $0.sequence < $1.sequence }
    self.missed = missed
  }
}

package struct EventReport: Codable, Hashable, Sendable {
  /// Counts up from the start of the node.
  package var sequence: UInt64
  package var at: Timestamp
  package var name: EventName
  package var health: Health
  package var subject: HostName?
  /// One sentence for people.
  package var text: String
  package var code: String?

  package init(
    sequence: UInt64, at: Timestamp, name: EventName, health: Health = .ok, subject: HostName? = nil, text: String,
    code: ErrorCode? = nil
  ) {
    self.sequence = sequence
    self.at = at
    self.name = name
    self.health = health
    self.subject = subject
    self.text = text
    self.code = code?.rawValue
  }
}

/// The stable dotted name of an event; logs use the same ones. A reader takes names that it does not know.
package struct EventName: RawRepresentable, Codable, Hashable, Sendable {
  package var rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }

  package static let nodeStarted = EventName(rawValue: "node.started")
  package static let nodeJoined = EventName(rawValue: "node.joined")
  package static let nodeSynchronized = EventName(rawValue: "node.synchronized")
  package static let nodeLeaving = EventName(rawValue: "node.leaving")
  package static let nodeRefuted = EventName(rawValue: "node.refuted")
  package static let nodeStalled = EventName(rawValue: "node.stalled")
  package static let nodeAddressObserved = EventName(rawValue: "node.address.observed")
  package static let nodeIdentityConflict = EventName(rawValue: "node.identity.conflict")
  package static let nodeCertificateRenewed = EventName(rawValue: "node.certificate.renewed")
  package static let nodePersistFailed = EventName(rawValue: "node.persist.failed")
  package static let memberAlive = EventName(rawValue: "member.alive")
  package static let memberSuspected = EventName(rawValue: "member.suspected")
  package static let memberRefuted = EventName(rawValue: "member.refuted")
  package static let memberDead = EventName(rawValue: "member.dead")
  package static let memberLeft = EventName(rawValue: "member.left")
  package static let memberRevoked = EventName(rawValue: "member.revoked")
  package static let memberForgotten = EventName(rawValue: "member.forgotten")
  package static let memberMoved = EventName(rawValue: "member.moved")
  package static let memberImpaired = EventName(rawValue: "member.impaired")
  package static let memberRecovered = EventName(rawValue: "member.recovered")
  package static let memberMetadata = EventName(rawValue: "member.metadata.adopted")
  package static let memberStableUp = EventName(rawValue: "member.stable.up")
  package static let memberStableDown = EventName(rawValue: "member.stable.down")
  package static let peerSessionUp = EventName(rawValue: "peer.session.up")
  package static let peerSessionDown = EventName(rawValue: "peer.session.down")
  package static let peerUnreachable = EventName(rawValue: "peer.unreachable")
  package static let peerViolation = EventName(rawValue: "peer.violation")
  package static let peerBanned = EventName(rawValue: "peer.banned")
  package static let peerLinkUp = EventName(rawValue: "peer.link.up")
  package static let peerLinkDown = EventName(rawValue: "peer.link.down")
  package static let controlChange = EventName(rawValue: "control.change")

  package init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(String.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}

// MARK: doctor

package struct DoctorReply: Reply, Hashable {
  package static let schemaName = "mesh.doctor/1"
  package var schema = DoctorReply.schemaName
  package var at: Timestamp
  /// In the order of `DoctorCheck.allCases`, then others by name.
  package var checks: [Finding]

  package init(at: Timestamp, checks: [Finding]) {
    self.at = at
    self.checks = checks.sorted { ($0.order, $0.name) < ($1.order, $1.name) }
  }
}

/// The checks of `mesh-ctl doctor`, in the order in which they are shown.
package enum DoctorCheck: String, CaseIterable, Sendable {
  case config
  case clock
  case udpOut = "udp-out"
  case udpIn = "udp-in"
  case tcpIn = "tcp-in"
  case mtu
  case nat
  case hardware
  case disk
  case keys

  /// Whether the node makes this check; the others need no node and are made by `mesh-ctl`.
  package var isMadeByNode: Bool {
    switch self {
    case .clock, .udpOut, .udpIn, .tcpIn, .mtu, .nat: true
    case .config, .hardware, .disk, .keys: false
    }
  }

  package var code: ErrorCode {
    switch self {
    case .config: .checkConfig
    case .clock: .checkClock
    case .udpOut: .checkUDPOut
    case .udpIn: .checkUDPIn
    case .tcpIn: .checkTCPIn
    case .mtu: .checkMTU
    case .nat: .checkNAT
    case .hardware: .checkHardware
    case .disk: .checkDisk
    case .keys: .checkKeys
    }
  }
}

package struct Finding: Codable, Hashable, Sendable {
  package enum Status: String, Codable, Sendable { case ok, warn, fail, skip }

  package var code: String
  /// A `DoctorCheck`, or one that this program does not know yet.
  package var name: String
  package var status: Status
  package var sentence: String
  /// What was seen, a line each; shown below the sentence.
  package var evidence: [String]
  /// The command that mends it.
  package var fix: String?
  /// The command that checks it again.
  package var recheck: String

  package init(
    _ check: DoctorCheck, _ status: Status, _ sentence: String, evidence: [String] = [], fix: String? = nil
  ) {
    code = check.code.rawValue
    name = check.rawValue
    self.status = status
    self.sentence = sentence
    self.evidence = evidence
    self.fix = fix
    recheck = "mesh-ctl doctor \(check.rawValue)"
  }

  fileprivate var order: Int {
    DoctorCheck.allCases.firstIndex { $0.rawValue == name } ?? DoctorCheck.allCases.count
  }
}

// MARK: changes

package struct LeaveReply: Reply, Hashable {
  package enum State: String, Codable, Sendable { case leaving, left }
  package static let schemaName = "mesh.leave/1"
  package var schema = LeaveReply.schemaName
  package var at: Timestamp
  package var state: State
  /// Longest time the goodbye takes.
  package var drainSeconds: Double

  package init(at: Timestamp, state: State, drainSeconds: Double) {
    self.at = at
    self.state = state
    self.drainSeconds = drainSeconds
  }
}

package struct RevokeReply: Reply, Hashable {
  package enum State: String, Codable, Sendable {
    /// New here: it is being spread.
    case adopted
    /// Was known already.
    case known
  }
  package static let schemaName = "mesh.revoke/1"
  package var schema = RevokeReply.schemaName
  package var at: Timestamp
  package var host: HostName
  package var state: State

  package init(at: Timestamp, host: HostName, state: State) {
    self.at = at
    self.host = host
    self.state = state
  }
}

package struct CertificatesReply: Reply, Hashable {
  package static let schemaName = "mesh.certificates/1"
  package var schema = CertificatesReply.schemaName
  package var at: Timestamp
  /// By host id. Hosts that were asked for and are not known are missing.
  package var certificates: [Entry]

  package struct Entry: Codable, Hashable, Sendable {
    package var host: HostName
    package var state: MemberState
    /// base64url without padding.
    package var certificate: String

    package init(host: HostName, state: MemberState, certificate: [UInt8]) {
      self.host = host
      self.state = state
      self.certificate = Base64URL.encode(certificate)
    }

    /// `nil` when the text is no base64url.
    package var certificateBytes: [UInt8]? { Base64URL.decode(certificate) }
  }

  package init(at: Timestamp, certificates: [Entry]) {
    self.at = at
    self.certificates = certificates.sorted { $0.host.id < $1.host.id }
  }
}

package struct RenewReply: Reply, Hashable {
  package static let schemaName = "mesh.renew/1"
  package var schema = RenewReply.schemaName
  package var at: Timestamp
  /// By host id.
  package var results: [Result]

  package struct Result: Codable, Hashable, Sendable {
    package enum State: String, Codable, Sendable {
      /// The host has it (or it is this host itself).
      case delivered
      /// Under way; a renewed certificate is also spread as metadata.
      case sent
      case failed
    }
    package var host: HostName
    package var state: State
    package var reason: String?

    package init(host: HostName, state: State, reason: String? = nil) {
      self.host = host
      self.state = state
      self.reason = reason
    }
  }

  package init(at: Timestamp, results: [Result]) {
    self.at = at
    self.results = results.sorted { $0.host.id < $1.host.id }
  }
}
