import Configuration
import Control
import EventLoop
import Glibc
import Logging
import NodeCore
import SecureChannel
import Wire

/// The first moments of a shell: doors open, then the node begins its life.
extension Shell {
  func begin(after nanoseconds: UInt64) throws(Fault) {
    try watchSignals()
    audit.failed = { [unowned self] fault in auditFailed(fault) }
    control = try ControlSocket(loop, path: settings.node.controlSocketPath, answering: self)
    announceStart()
    for announcement in notices { tell(announcement) }
    warnOfThisHost()

    schedule(ShellTimer.tick, in: 0)
    schedule(ShellTimer.trim, in: Shell.firstTrim)
    if let limit = options.joinTimeout { schedule(ShellTimer.joinTimeout, in: limit) }
    // The first record names the program, so the node waits for its hash.
    let hasBegun = loop.lane(waiting: 0).run({ ProgramDigest.measure() }) { [weak self] digest in
      self?.live(program: digest ?? nil, after: nanoseconds)
    }
    if !hasBegun { live(program: nil, after: nanoseconds) }
    feedWatchdog()
  }

  private func live(program: [UInt8]?, after nanoseconds: UInt64) {
    guard !ending.hasBegun else { return }
    if program == nil {
      log.warning(
        "this program's file cannot be read: others see the version in place of its hash",
        metadata: ["event": "node.start"])
    }
    signer.state(NodeFactory.facts(settings, program: program))
    if let endpoint = advertised ?? listening { command(.setEndpoint(endpoint)) }
    joining.started(withPeers: !lookup.isEmpty)
    command(.start(peers: lookup.known))
    command(.steward(.order(orders.steward)))
    reportToSteward()
    liveAt = loop.now.monotonic
    tell(
      Announcement(
        name: .nodeStarted, level: .notice, subject: identity.host,
        text: "ready in \((nanoseconds &+ SystemClock.monotonic &- startedAt.monotonic) / 1_000_000) ms"))
    notice.ready(statusReply().verdict.sentence)
    if options.runsOnce { leaveWhenUp() }
  }

  /// The address that is listened on, when it is one.
  private var listening: Endpoint? {
    let endpoint = ports.endpoint
    let isWildcard = endpoint.high == 0 && (endpoint.low == 0 || (endpoint.isIPv4 && endpoint.ipv4 == 0))
    return isWildcard ? nil : endpoint
  }

  /// One block that says what runs here, with what, and where its files are.
  private func announceStart() {
    let certificate = identity.certificate
    let lines: [(String, Logger.Metadata)] = [
      ("mesh-node \(ProductVersion.text), settings from \(options.configurationOrigin)", [:]),
      (
        "host \(identity.name) (\(identity.host)) of the network \(identity.network.name), roles "
          + certificate.roles.words.joined(separator: ", "), ["host": "\(identity.host)"]
      ),
      (
        "mesh port \(ports.endpoint) (UDP and TCP), receive buffer "
          + Figures.bytes(UInt64(max(0, ports.datagrams.receiveBufferGranted))), [:]
      ),
      ("data in \(settings.node.dataDirectory), control socket \(settings.node.controlSocketPath)", [:]),
    ]
    for (text, metadata) in lines {
      log.notice("\(text)", metadata: metadata.merging(["event": "node.start"]) { old, _ in old })
    }
    if ports.datagrams.receiveBufferGranted < Int(Datagrams.receiveBufferWanted) {
      log.info(
        "the kernel granted less than the \(Figures.bytes(UInt64(Datagrams.receiveBufferWanted))) of receive buffer that were asked for",
        metadata: ["event": "node.start", "help": "sysctl -w net.core.rmem_max=\(Datagrams.receiveBufferWanted)"])
    }
  }

  private func warnOfThisHost() {
    if !identity.arena.isLocked {
      tell(
        Announcement(
          name: .nodeMemoryUnlocked, level: .warning, subject: identity.host,
          text: "keys may be written to swap: the limit on locked memory is too small (ulimit -l)",
          code: .memoryNotLocked))
    }
    let shortfalls = shortfalls
    if !shortfalls.isEmpty {
      tell(
        Announcement(
          name: .nodeWarning, level: .warning, subject: identity.host,
          text: "below host_requirements (\(shortfalls.map(\.words).joined(separator: ", "))): "
            + "this host holds copies but owns nothing"))
    }
  }

  /// `--run-once`: as soon as it is known how the start went, leave.
  func leaveWhenUp() {
    switch joining.state {
    case .member, .alone: leave()
    case .joining, .synchronizing: break
    case .leaving, .revoked: break
    }
  }

  /// Start-up failed after the shell was made: closes what is open.
  func abandon() {
    control?.close()
    links.closeAll()
    for signal in signals { signal.close() }
    ports.close()
  }
}
