import Control
import Gossip
import Logging
import NodeCore
import SecureChannel
import Wire

/// Something that happened, ready to be told: to the event log, to the log, and, where it matters, to the exit code.
struct Announcement {
  var name: EventName
  var level: Logger.Level
  var health: Health = .ok
  /// The host that it is about.
  var subject: HostID?
  /// One sentence for people. Peers' addresses stand in `address` instead.
  var text: String
  /// Shown in logs at level debug only.
  var address: Endpoint?
  var code: ErrorCode?
}

extension EventName {
  static let nodeStopped = EventName(rawValue: "node.stopped")
  static let nodeLeft = EventName(rawValue: "node.left")
  static let nodeReloaded = EventName(rawValue: "node.reloaded")
  static let nodeAuditFailed = EventName(rawValue: "node.audit.failed")
  static let nodeCertificateRefused = EventName(rawValue: "node.certificate.refused")
  static let nodeMemoryUnlocked = EventName(rawValue: "node.memory.unlocked")
  static let nodeStateDamaged = EventName(rawValue: "node.state.damaged")
  static let nodeNameUnresolved = EventName(rawValue: "node.name.unresolved")
  static let nodeWarning = EventName(rawValue: "node.warning")
  static let peerMoved = EventName(rawValue: "peer.moved")
  static let peerIdentityConflict = EventName(rawValue: "peer.identity.conflict")
  static let peerCertificateDelivered = EventName(rawValue: "peer.certificate.delivered")
  static let peerTransferFailed = EventName(rawValue: "peer.transfer.failed")
}

/// Turns what the node says into announcements. Names of hosts are put in by `names`, the roster's view.
struct Announcer {
  var own: HostID
  var names: (HostID) -> String

  /// `nil` for what is told by another event, or concerns the shell alone.
  func announcement(of event: NodeEvent) -> Announcement? {
    switch event {
    case .membership(let event): announcement(of: event)
    case .channel(let event): announcement(of: event)
    case .certificateRenewed(let end):
      Announcement(
        name: .nodeCertificateRenewed, level: .notice, subject: own,
        text: "a renewed certificate is in use, good until \(Timestamp(seconds: end))")
    case .certificateRefused(let from, let reason):
      Announcement(
        name: .nodeCertificateRefused, level: .warning, health: .degraded, subject: from,
        text: "a certificate\(from.map { " from " + names($0) } ?? "") was refused: \(reason)")
    case .transferEnded(let purpose, let host, let failure?):
      Announcement(
        name: .peerTransferFailed, level: purpose == .certificate ? .warning : .info, subject: host,
        text: "the \(purpose.words) could not be brought to \(names(host)): \(failure.words)")
    case .transferEnded(.certificate, let host, nil):
      Announcement(
        name: .peerCertificateDelivered, level: .notice, subject: host,
        text: "the renewed certificate has reached \(names(host))")
    case .transferEnded:
      nil  // rosters and what else goes by itself
    case .persistFailed:
      Announcement(
        name: .nodePersistFailed, level: .error, health: .unhealthy, subject: own,
        text: "a change of state could not be made durable and is not acted upon", code: .stateNotWritten)
    }
  }

  private func announcement(of event: MembershipEvent) -> Announcement? {
    switch event {
    case .joined(let host):
      Announcement(name: .nodeJoined, level: .notice, subject: host, text: "joined the mesh through \(names(host))")
    case .synchronized(let members):
      Announcement(
        name: .nodeSynchronized, level: .notice, subject: own, text: "member table complete: \(Plural.hosts(members))")
    case .alive(let host, let incarnation):
      Announcement(
        name: .memberAlive, level: .notice, subject: host, text: "\(names(host)) is alive (life \(incarnation))")
    case .suspected(let host, let accuser):
      Announcement(
        name: .memberSuspected, level: .info, health: .degraded, subject: host,
        text: "\(names(host)) does not answer \(accuser == own ? "this host" : names(accuser))", code: .hostSuspect)
    case .refuted(let host):
      Announcement(name: .memberRefuted, level: .info, subject: host, text: "\(names(host)) answers again")
    case .dead(let host, let incarnation, let accusers):
      Announcement(
        name: .memberDead, level: .warning, health: .degraded, subject: host,
        text: "\(names(host)) is dead (life \(incarnation)): no answer to \(list(accusers))", code: .hostDead)
    case .left(let host):
      Announcement(name: .memberLeft, level: .notice, subject: host, text: "\(names(host)) has left")
    case .revoked(let host):
      host == own
        ? Announcement(
          name: .memberRevoked, level: .critical, health: .unhealthy, subject: host,
          text: "the operator revoked this host", code: .revokedHere)
        : Announcement(
          name: .memberRevoked, level: .warning, subject: host, text: "the operator revoked \(names(host))")
    case .forgotten(let host):
      Announcement(name: .memberForgotten, level: .info, subject: host, text: "\(names(host)) is gone for good")
    case .metadataAdopted(let host, let version):
      Announcement(
        name: .memberMetadata, level: .debug, subject: host,
        text: "certificate and facts of \(names(host)) taken (version \(version))")
    case .endpointChanged(let host, let endpoint):
      Announcement(
        name: .memberMoved, level: .info, subject: host, text: "\(names(host)) has another address", address: endpoint)
    case .ownEndpoint(let endpoint):
      Announcement(
        name: .nodeAddressObserved, level: .info, subject: own, text: "peers see this host at \(endpoint)")
    case .refutedSelf(let incarnation):
      Announcement(
        name: .nodeRefuted, level: .warning, health: .degraded, subject: own,
        text: "others held this host suspect or dead; it answered (life \(incarnation))")
    case .identityConflict:
      Announcement(
        name: .nodeIdentityConflict, level: .critical, health: .unhealthy, subject: own,
        text: "another process lives with the identity of this host", code: .identityConflict)
    case .badRecord, .badMessage:
      nil  // the channel's `violation` tells it with the score
    case .stableUp(let host):
      Announcement(name: .memberStableUp, level: .info, subject: host, text: "\(names(host)) is stable")
    case .stableDown(let hosts):
      Announcement(
        name: .memberStableDown, level: .info, subject: hosts.count == 1 ? hosts.first : nil,
        text: "\(list(hosts)) counted out")
    case .impaired(let host, let isImpaired):
      Announcement(
        name: isImpaired ? .memberImpaired : .memberRecovered, level: .info, health: isImpaired ? .degraded : .ok,
        subject: host, text: "\(names(host)) is \(isImpaired ? "slow" : "quick again")",
        code: isImpaired && host == own ? .impaired : nil)
    case .leaveFinished: Announcement(name: .nodeLeft, level: .notice, subject: own, text: "left the mesh")
    }
  }

  private func announcement(of event: ChannelEvent) -> Announcement? {
    switch event {
    case .sessionUp(let host, let endpoint):
      Announcement(
        name: .peerSessionUp, level: .debug, subject: host, text: "session with \(names(host))", address: endpoint)
    case .sessionDown(let host, let end):
      Announcement(
        name: .peerSessionDown, level: .debug, subject: host, text: "session with \(names(host)) ended: \(end.words)")
    case .moved(let host, let endpoint):
      Announcement(
        name: .peerMoved, level: .debug, subject: host, text: "\(names(host)) sends from elsewhere", address: endpoint)
    case .unreachable(let host, let endpoint):
      Announcement(
        name: .peerUnreachable, level: .info, health: .degraded, subject: host,
        text: "\(names(host)) has answered no handshake for 90 s", address: endpoint)
    case .identityConflict(let host, let first, let second):
      Announcement(
        name: .peerIdentityConflict, level: .warning, health: .degraded, subject: host,
        text: "the key of \(names(host)) is used at \(first) and at \(second)", code: .identityConflict)
    case .violation(let host, let violation, let score):
      Announcement(
        name: .peerViolation, level: .info, health: .degraded, subject: host,
        text: "\(names(host)) broke the protocol: \(violation.words) (score \(score))")
    case .banned(let host, let until):
      Announcement(
        name: .peerBanned, level: .warning, health: .degraded, subject: host,
        text: "\(names(host)) is banned here until \(Timestamp(nanoseconds: until))")
    case .linkUp(let host):
      Announcement(name: .peerLinkUp, level: .debug, subject: host, text: "link with \(names(host))")
    case .linkDown(let host):
      Announcement(name: .peerLinkDown, level: .debug, subject: host, text: "link with \(names(host)) ended")
    case .linkFrame, .linkReady, .transferReceived, .transferSent, .transferFailed, .labelFloor, .surveyed:
      nil  // consumed by the joints of NodeCore
    }
  }

  /// At most three names, then a count.
  private func list(_ hosts: [HostID]) -> String {
    let shown = hosts.prefix(3).map { $0 == own ? "this host" : names($0) }.joined(separator: ", ")
    return hosts.count > 3 ? "\(shown) and \(hosts.count - 3) more" : shown
  }
}

extension SessionEnd {
  var words: String {
    switch self {
    case .expired: "not used for long"
    case .dropped: "dropped"
    case .banned: "banned"
    case .unanswered: "no answer"
    case .replaced: "replaced"
    }
  }
}

extension TransferPurpose {
  var words: String {
    switch self {
    case .roster: "roster"
    case .worldManifest: "world"
    case .objectBatch: "map data"
    case .snapshot: "snapshot"
    case .certificate: "renewed certificate"
    }
  }
}

extension TransferFailure {
  var words: String {
    switch self {
    case .refused: "refused"
    case .tooLarge: "too large"
    case .timedOut: "timed out"
    case .connectionLost: "connection lost"
    case .noSession: "no session"
    case .limit: "too many at once"
    }
  }
}

extension Violation {
  var words: String {
    switch self {
    case .malformedFrame: "malformed frame"
    case .overRate: "too much at once"
    case .badRecord: "a record with a bad signature"
    case .forgedRecord: "a forged record of its own"
    case .wrongRole: "not its role"
    case .badStream: "stream broke its rules"
    case .badMessage: "malformed message"
    }
  }
}
