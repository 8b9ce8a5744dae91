import Control
import EventLoop
import Glibc
import NodeCore
import SecureChannel
import Wire

/// One `mesh-ctl doctor` at work: watches handshakes come and go for as long as it takes to tell, then answers.
final class DoctorRun {
  /// Handshakes to one peer that have to go unanswered before silence says something.
  static let handshakesWanted = 2
  /// How long an answer may take on a path that works.
  static let answerLimit: UInt64 = 1_200_000_000
  /// Handshakes come at least every 5.4 s while something waits; `mesh-ctl` waits for 20 s.
  static let limit: UInt64 = 13_000_000_000
  static let step: UInt64 = 250_000_000
  static let tcpLimit: UInt64 = 3_000_000_000
  /// Peers that are looked at.
  static let peerLimit = 8

  struct Peer {
    var name: String
    var known: KnownPeer
    var before: HelloLedger.Entry
    var tcp = PeerEvidence.TCP.notTried
  }

  let connection: ControlConnection
  let wanted: [DoctorCheck]
  let startedAt: UInt64
  var peers: [Peer]
  var surveys: [Survey] = []
  let packetsBefore: PacketCounters?
  var diskFinding: Finding?
  private(set) var isCancelled = false
  private var streams: [EventLoop.Stream] = []

  init(_ connection: ControlConnection, wanted: [DoctorCheck], peers: [Peer], at monotonic: UInt64) {
    self.connection = connection
    self.wanted = wanted
    self.peers = peers
    startedAt = monotonic
    packetsBefore = PacketCounters()
  }

  func tryTCP(_ loop: Loop) {
    for index in peers.indices {
      do throws(UVError) {
        let stream = try loop.connect(to: peers[index].known.endpoint, within: DoctorRun.tcpLimit, client: self)
        stream.tag = UInt64(index)
        streams.append(stream)
      } catch {
        peers[index].tcp = .failed(error.message)
      }
    }
  }

  var isTryingTCP: Bool { !streams.isEmpty }

  func cancel() {
    isCancelled = true
    for stream in streams { stream.reset() }
  }
}

extension DoctorRun: StreamClient {
  func connected(_ stream: EventLoop.Stream) {
    peers[Int(stream.tag)].tcp = .accepted
    stream.reset()
  }

  func received(_ bytes: UnsafeRawBufferPointer, on stream: EventLoop.Stream) {}
  func ended(_ stream: EventLoop.Stream) { stream.reset() }

  func closed(_ stream: EventLoop.Stream, _ error: UVError?) {
    streams.removeAll { $0 === stream }
    guard let error, peers[Int(stream.tag)].tcp == .notTried else { return }
    peers[Int(stream.tag)].tcp =
      switch error {
      case .connectionRefused, .connectionReset: .refused
      case .timedOut: .silent
      default: .failed(error.message)
      }
  }
}

/// What the kernel counts of this network namespace's packets (/proc/net/snmp).
struct PacketCounters {
  var received: UInt64
  var delivered: UInt64

  init?() {
    guard let text = ProcFile.text("/proc/net/snmp"), let received = ProcText.counter("Ip", "InReceives", in: text),
      let delivered = ProcText.counter("Ip", "InDelivers", in: text)
    else { return nil }
    self.received = received
    self.delivered = delivered
  }

  /// Packets that came since `earlier` and were not handed on.
  func dropped(since earlier: PacketCounters) -> UInt64 {
    let received = received &- earlier.received
    let delivered = delivered &- earlier.delivered
    return received > delivered ? received - delivered : 0
  }
}

extension Shell {
  /// Two at a time: each watches the same handshakes.
  static let doctorLimit = 2

  func startDoctor(_ names: [String], for connection: ControlConnection) -> ControlAnswer {
    var wanted: [DoctorCheck] = []
    for name in names {
      guard let check = DoctorCheck(rawValue: name) else {
        return .line(Fault(.badRequest, ["reason": "no check is called `\(name.printable(limit: 32))`"]).line())
      }
      wanted.append(check)
    }
    if wanted.isEmpty { wanted = DoctorCheck.allCases }
    guard doctors.count < Shell.doctorLimit else {
      return .line(Fault(.limitHit, ["what": "doctor", "limit": "\(Shell.doctorLimit)", "count": "1"]).line())
    }
    let run = DoctorRun(connection, wanted: wanted, peers: doctorPeers(), at: loop.now.monotonic)
    doctors.append(run)
    if wanted.contains(where: { [.clock, .mtu].contains($0) }) { run.surveys = doctorSurveys() }
    if wanted.contains(.disk) { probeDisk(run) }
    if wanted.contains(where: { [.udpOut, .udpIn].contains($0) }), !anySession(run) { run.tryTCP(loop) }
    schedule(ShellTimer.doctor, in: 0)
    return .later
  }

  private func doctorPeers() -> [DoctorRun.Peer] {
    var known = lookup.known
    for peer in lookup.listed {
      guard let endpoint = lookup.resolved[peer.key.hostID] else { continue }
      known.append(KnownPeer(key: peer.key, host: peer.key.hostID, endpoint: endpoint))
    }
    return known.prefix(DoctorRun.peerLimit).map { peer in
      let listed = lookup.listed.first { $0.key.hostID == peer.host }?.name
      return DoctorRun.Peer(
        name: listed ?? name(of: peer.host), known: peer, before: hellos[peer.endpoint])
    }
  }

  private func anySession(_ run: DoctorRun) -> Bool {
    node.channel.sessionCount > 0 && run.peers.contains { node.channel.hasSession(with: $0.known.host) }
  }

  func doctorIsDue(now: Now) {
    for run in doctors where !run.isCancelled && isFinished(run, now: now) {
      doctors.removeAll { $0 === run }
      run.connection.send(DoctorReply(at: Timestamp(nanoseconds: now.wall), checks: findings(of: run)).line())
      run.cancel()
    }
    doctors.removeAll { $0.isCancelled }
    if !doctors.isEmpty { schedule(ShellTimer.doctor, in: DoctorRun.step) }
  }

  /// Enough is known, or it took too long.
  private func isFinished(_ run: DoctorRun, now: Now) -> Bool {
    // Before it lives it asks nobody, so its silence says nothing.
    guard let liveAt else { return ending.hasBegun }
    if now.monotonic >= max(run.startedAt, liveAt) &+ DoctorRun.limit { return true }
    guard continueSurveys(run, now: now) else { return false }
    if run.wanted.contains(.disk), run.diskFinding == nil { return false }
    guard run.wanted.contains(where: { [.udpOut, .udpIn].contains($0) }) else { return true }
    if run.peers.isEmpty || anySession(run) { return true }
    if run.isTryingTCP { return false }
    return run.peers.contains { peer in
      let entry = hellos[peer.known.endpoint]
      let sent = entry.sent - min(entry.sent, peer.before.sent)
      return entry.answered > peer.before.answered
        || (sent >= DoctorRun.handshakesWanted && now.monotonic >= entry.lastSent &+ DoctorRun.answerLimit)
    }
  }

  private func findings(of run: DoctorRun) -> [Finding] {
    evidence(of: run).findings(Set(run.wanted)) + hostFindings(run)
  }

  private func evidence(of run: DoctorRun) -> NetworkEvidence {
    var evidence = NetworkEvidence(port: ports.endpoint.port)
    let failures = ports.datagrams.sendFailures
    evidence.peers = run.peers.map { peer in
      var found = PeerEvidence(name: peer.name, endpoint: peer.known.endpoint)
      let entry = hellos[peer.known.endpoint]
      found.hellos = entry.sent - min(entry.sent, peer.before.sent)
      found.answers = entry.answered - min(entry.answered, peer.before.answered)
      found.hasSession = node.channel.hasSession(with: peer.known.host)
      found.sendError = failures.first { $0.to == peer.known.endpoint && $0.last >= run.startedAt }?.error
      found.tcp = peer.tcp
      return found
    }
    if let before = run.packetsBefore, let after = PacketCounters() {
      evidence.droppedAfterArrival = after.dropped(since: before)
    }
    evidence.sessions = node.channel.sessionCount
    evidence.sessionsFromOutside = sightings.sessionsFromOutside
    evidence.connectionsFromOutside = links.counters.accepted
    evidence.surveys = run.surveys.map(\.evidence)
    evidence.tooLong = failures.filter { $0.error == UVError(code: -EMSGSIZE) }.map(\.to)
    evidence.observed = sightings.ownEndpoints
    evidence.ownAddresses = HostAddresses.all()
    evidence.advertised = ownAddress
    evidence.hasUFW = access("/usr/sbin/ufw", X_OK) == 0
    return evidence
  }
}
