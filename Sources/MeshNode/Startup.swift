import Configuration
package import Control
import EventLoop
import Glibc
import Gossip
import KeyStore
import Logging
import NodeCore
import SecureChannel
import Wire
import WorldData

/// From options to a running node: each step refuses with its cause, its place and its exit code.
package enum Startup {
  /// Runs a node until it ends, and returns what the process exits with.
  package static func run(_ options: RunOptions) -> ExitCode {
    let begin = SystemClock.monotonic
    var options = options
    let configured = Configured(options)
    guard let settings = configured.settings else {
      say(configured.loaded.messages.description + "\n")
      return .configuration
    }
    guard settings.isEnabled else {
      say("the mesh is switched off here: p2p_settings.enable is false (\(configured.origin))\n")
      return .ok
    }
    options.configurationOrigin = configured.origin
    options.loaded = configured.loaded
    Telemetry.bootstrap(format: settings.node.logFormat, level: settings.node.logLevel)
    let log = Logger(label: "mesh")
    for warning in configured.loaded.messages.warnings {
      log.warning("\(warning.text)", metadata: ["event": "config.warning", "code": "\(warning.code.rawValue)"])
    }
    do throws(Fault) {
      try Hardened.process(log)
      let lock = try DataLock(folder: settings.node.dataDirectory)
      defer { lock.release() }
      let parts = try assemble(settings, options)
      return live(parts, begin: begin)
    } catch {
      tell(error, settings.node.logFormat, log)
      return error.nodeExitCode
    }
  }

  private static func live(_ parts: ShellParts, begin: UInt64) -> ExitCode {
    let shell = Shell(parts)
    var outcome: Outcome
    do throws(Fault) {
      try shell.begin(after: SystemClock.monotonic &- begin)
      parts.loop.run(shell)
      outcome = shell.ending.outcome
    } catch {
      shell.abandon()
      outcome = .failed(error)
    }
    do throws(Loop.CloseError) {
      try parts.loop.close()
    } catch {
      // A mistake of ours, or a name look-up that hangs; either way the process ends here.
      shell.log.error("the loop did not close cleanly", metadata: ["event": "node.stopped", "reason": "\(error)"])
    }
    if case .failed(let fault) = outcome { tell(fault, parts.settings.node.logFormat, shell.log) }
    return outcome.exitCode
  }

  /// Why the process ends: in the form that people read, or as one line of a log that machines read.
  private static func tell(_ fault: Fault, _ format: LogFormat, _ log: Logger) {
    if case .text = Telemetry.form(format, environment: ServiceNotice.environmentValue) {
      return say(FaultScreen.text(fault, for: .standardError))
    }
    var metadata: Logger.Metadata = ["event": "node.failed", "code": "\(fault.code)"]
    if let place = fault.place { metadata["at"] = "\(place)" }
    if !fault.evidence.isEmpty { metadata["evidence"] = "\(fault.evidence.joined(separator: "; "))" }
    if let help = fault.help { metadata["help"] = "\(help)" }
    if !fault.notes.isEmpty { metadata["note"] = "\(fault.notes.joined(separator: "; "))" }
    log.critical("\(fault.sentence)", metadata: metadata)
  }

  static func say(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  // MARK: Assembly

  private static func assemble(_ settings: Settings, _ options: RunOptions) throws(Fault) -> ShellParts {
    guard let arena = SecretArena(), let entropy = SodiumEntropy() else {
      throw Fault(.memoryNotLocked, ["reason": "no memory for keys is left"])
    }
    let folder = settings.nodeFolder
    let identity = try self.identity(KeyFiles(folder, arena: arena), settings)
    let state = try SavedState(folder: folder.data, host: identity.host)
    for revocation in state.revocations {
      _ = revocation.withUnsafeBytes { identity.roster.adopt(revocation: $0) }
    }
    if let revocation = identity.roster.revocation(of: identity.host) {
      throw Fault(.revokedHere, ["reason": "\(revocation.reason)"], at: folder.certificate)
    }
    let store = try StoreStart(dataFolder: folder.data, host: identity.host, state: state, entropy: entropy)
    let worldFiles = WorldFiles(dataFolder: folder.data)
    let foundWorlds = try worldFiles.load()
    let loop = try makeLoop()
    do throws(Fault) {
      let links = LinkSockets(loop)
      let ports = try Ports(
        loop, listen: settings.network.listenAddress, port: settings.network.ports.first,
        filter: DatagramFilter(identity.network), connections: links)
      let disk = Disk(
        loop, folder: folder.data, certificatePath: folder.certificate, certificateStart: identity.first.notBefore,
        host: identity.host, state: state)
      let lookup = PeerSource(
        loop, listed: try BootstrapFiles.peers(settings, KeyFiles(folder, arena: arena)), remembered: state.peers,
        own: identity.host)
      guard let (node, signer) = NodeFactory.node(identity, settings, state, store, foundWorlds, ports, entropy) else {
        ports.close()
        throw Fault(.memoryNotLocked, ["reason": "no memory for keys is left"])
      }
      return ShellParts(
        loop: loop, identity: identity, settings: settings, node: node, signer: signer, ports: ports, disk: disk,
        storeDisk: StoreDisk(loop, store.path),
        worldDisk: WorldDisk(loop, worldFiles), orders: OrderBook(state.orders),
        isNewHost: state.generation == 0, links: links,
        audit: AuditLog(loop, folder: folder.data),
        lookup: lookup, options: options,
        notices: state.notices.map(Announcement.init)
          + store.notices { shard in
            node.worlds.store.active?.world.shards.first { $0.id == shard }?.name.text ?? shard.description
          }
          + foundWorlds.notices.map(Announcement.init))
    } catch {
      try? loop.close()
      throw error
    }
  }

  private static func makeLoop() throws(Fault) -> Loop {
    do throws(UVError) {
      return try Loop()
    } catch {
      throw Fault(.cannotRead, ["file": "the event loop", "reason": error.message])
    }
  }

  private static func identity(_ files: KeyFiles, _ settings: Settings) throws(Fault) -> NodeIdentity {
    let identity = try files.identity()
    let network = try files.network()
    let certificate = try files.certificate()
    if !files.arena.isLocked, settings.security.lockedMemory == .required {
      throw Fault(
        .memoryNotLocked, ["reason": "the limit on locked memory is too small (ulimit -l)"],
        notes: ["security.locked_memory is required at security_level \(settings.securityLevel.rawValue)"])
    }
    let roster = Roster(network: network, identity: identity)
    let now = SystemClock.now.wallSeconds
    guard certificate.key == identity.key else {
      throw Fault(
        .fileDamaged, ["file": files.folder.certificate, "reason": "it is for another host's keys"],
        at: files.folder.certificate)
    }
    do throws(CertificateRefusal) {
      _ = try verify(certificate, roster, at: now)
    } catch .expired {
      throw Fault(
        .certificateExpired,
        ["host": certificate.name, "time": Figures.coarse(Double(now &- min(now, certificate.notAfter)))],
        at: files.folder.certificate)
    } catch .notYetValid {
      throw Fault(
        .fileDamaged,
        ["file": files.folder.certificate, "reason": "it begins at \(Timestamp(seconds: certificate.notBefore))"],
        at: files.folder.certificate, notes: ["this machine's clock says \(Timestamp(seconds: now)): is it right?"])
    } catch {
      throw Fault(
        .fileDamaged, ["file": files.folder.certificate, "reason": "\(error)"], at: files.folder.certificate)
    }
    return NodeIdentity(
      roster: roster, arena: files.arena, certificatePath: files.folder.certificate, first: certificate)
  }

  private static func verify(
    _ certificate: Certificate, _ roster: Roster, at now: UInt64
  ) throws(CertificateRefusal) -> Certificate {
    try certificate.bytes.withUnsafeBytes { bytes in
      Result { () throws(CertificateRefusal) in try roster.verify(bytes, at: now) }
    }.get()
  }
}

extension DatagramFilter {
  /// The four kinds of datagrams of a network.
  init(_ network: Network) {
    func word(_ size: Int) -> UInt32 {
      SocketFilterRule.rules(tag: network.tag).first { $0.minimum == size }?.word.byteSwapped ?? 0
    }
    self.init(
      hello: word(DatagramSize.hello), response: word(DatagramSize.response), cookie: word(DatagramSize.cookie),
      data: word(DatagramSize.emptyData))
  }
}

extension Announcement {
  init(_ notice: SavedState.Notice) {
    self.init(
      name: .nodeStateDamaged, level: .warning, health: .degraded,
      text: "\(notice.reason); it was moved to \(notice.movedTo) and is made anew", code: .fileDamaged)
  }
}

extension Terminal {
  /// For words on standard error.
  static var standardError: Terminal {
    let isTerminal = isatty(STDERR_FILENO) == 1
    var environment: [String: String] = [:]
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "TERM", "LC_ALL", "LC_CTYPE", "LANG"] {
      environment[name] = ServiceNotice.environmentValue(name)
    }
    return Terminal(
      isTerminal: isTerminal, columns: nil, rows: nil, wish: .auto, environment: environment, localOffset: { _ in 0 })
  }
}
