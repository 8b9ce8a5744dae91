package import Control
import EventLoop
import Gossip
import Logging
import NodeCore
import SecureChannel
import Wire

/// The shell tells what happens: event log, followers, log, service manager, exit.
extension Shell {
  func name(of host: HostID) -> String {
    host == identity.host ? identity.name : identity.roster.certificate(of: host)?.name ?? host.description
  }

  func hostName(_ host: HostID) -> HostName {
    HostName(id: host.description, name: identity.roster.certificate(of: host)?.name)
  }

  /// An event of the node: remembered, told, and acted upon where it concerns the process.
  func follow(_ event: NodeEvent) {
    remember(event)
    let announcer = Announcer(
      own: identity.host, names: { self.name(of: $0) }, shards: { self.name(of: $0) })
    if let announcement = announcer.announcement(of: event) { tell(announcement) }
    act(on: event)
    followShards(event)
    if options.runsOnce { leaveWhenUp() }
  }

  func tell(_ announcement: Announcement) {
    events.append(
      announcement.name, health: announcement.health, subject: announcement.subject.map(hostName),
      text: announcement.text, code: announcement.code, at: Timestamp(nanoseconds: SystemClock.wall))
    control?.eventHappened()
    guard announcement.level >= log.logLevel else { return }
    var metadata: Logger.Metadata = ["event": "\(announcement.name.rawValue)"]
    if let subject = announcement.subject { metadata["peer"] = "\(subject)" }
    if let code = announcement.code { metadata["code"] = "\(code.rawValue)" }
    if let address = announcement.address, log.logLevel <= .debug { metadata["address"] = "\(address)" }
    log.log(level: announcement.level, "\(announcement.text)", metadata: metadata)
  }

  func announceStall(_ lateness: UInt64) {
    tell(
      Announcement(
        name: .nodeStalled, level: .warning, health: .degraded, subject: identity.host,
        text: "this process stood still for \(lateness / 1_000_000) ms"))
  }

  /// What screens and the doctor want to know later.
  private func remember(_ event: NodeEvent) {
    switch event {
    case .membership(.ownEndpoint(let endpoint)): sightings.observed(endpoint)
    case .channel(.sessionUp(_, let endpoint)):
      if !hellos.hasAsked(endpoint, at: loop.now.monotonic) { sightings.sessionsFromOutside &+= 1 }
    case .channel(.surveyed(let host, let wall, let roundTrip)):
      for run in doctors { run.surveyed(host, wall: wall, roundTrip: roundTrip, at: SystemClock.wall) }
    case .membership(let event): joining.follow(event, own: identity.host)
    case .channel(.identityConflict(let host, let first, let second)):
      seen.copiedKeys[host] = (first, second)
    default: break
    }
  }

  private func act(on event: NodeEvent) {
    switch event {
    case .membership(.identityConflict):
      end(.failed(Fault(.identityConflict, ["host": identity.name])))
    case .membership(.leaveFinished): leaveFinished()
    case .membership(.joined), .membership(.synchronized), .membership(.alive), .membership(.dead):
      statusChanged()
    default: break
    }
  }
}

/// How far this host has come into the mesh.
struct JoinProgress {
  private(set) var state = JoinState.joining
  /// Since when nothing but asking has happened, `Now.monotonic`.
  var since: UInt64 = 0

  mutating func started(withPeers: Bool) { state = withPeers ? .joining : .alone }

  mutating func peersFound() {
    if state == .alone { state = .joining }
  }

  mutating func leaving() { state = .leaving }

  mutating func follow(_ event: MembershipEvent, own: HostID) {
    switch event {
    case .joined: if state == .joining || state == .alone { state = .synchronizing }
    case .synchronized: if state == .synchronizing || state == .joining { state = .member }
    // Somebody has joined through us.
    case .alive(let host, _): if state == .alone, host != own { state = .member }
    case .revoked(let host): if host == own { state = .revoked }
    default: break
    }
  }
}

/// Small facts that the doctor goes by, gathered as they pass.
struct Sightings {
  /// Addresses that are remembered.
  static let limit = 8

  /// Sessions that peers opened to an address that we had not asked.
  var sessionsFromOutside: UInt64 = 0
  /// Where peers see us, newest last.
  private(set) var ownEndpoints: [Endpoint] = []

  mutating func observed(_ endpoint: Endpoint) {
    ownEndpoints.removeAll { $0 == endpoint }
    ownEndpoints.append(endpoint)
    if ownEndpoints.count > Sightings.limit { ownEndpoints.removeFirst() }
  }
}

/// Failures that `status` shows until they are over.
package struct SeenFaults {
  /// The last failed write of the host's own state; over when the file was written.
  package var state: Fault?
  /// The store of the shards has failed: it stays so for this life.
  package var store: Fault?
  /// The last failed write of a world; over when one succeeds.
  package var world: Fault?
  /// Hosts whose key is used at two places.
  var copiedKeys: [HostID: (Endpoint, Endpoint)] = [:]

  package init() {}

  package mutating func stateIsWritten() { state = nil }

  package var ofDisk: [Fault] { [store, state, world].compactMap { $0 } }
}
