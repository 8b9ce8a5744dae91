import Configuration
import Control
import Gossip
import SecureChannel
import Wire
import WorldData

/// Valid inputs of each target, made by the encoders of today: where mutations begin.
package enum FuzzSeeds {
  package static func inputs(for target: FuzzTarget) -> [[UInt8]] {
    let world = FuzzWorld.shared
    switch target {
    case .wire:
      return [[0, 1, 2, 3, 0x80, 1, 5, 4, 127, 0, 0, 1, 0x58, 0x1b, 6, 1, 2, 3], [3, 0xff, 0xff, 0x7f, 4, 9]]
    case .endpoint: return texts(["127.0.0.1:7000", "[2001:db8::1]:7000", "[::ffff:1.2.3.4]:5", "[fe80::1:0:0:1]:9"])
    case .certificate: return [world.certificate.bytes, world.otherCertificate.bytes]
    case .metadata: return [metadata()]
    case .revocation: return [revocation()]
    case .admission: return texts(pastes())
    case .datagram: return [hello(), [16, 0, 4, 1] + [UInt8](repeating: 0, count: 60)]
    case .handshake: return handshake()
    case .frames: return [path] + controls + [path + frame(.gossip, [5]) + [UInt8](repeating: 0, count: 9)]
    case .session: return session()
    case .link: return link()
    case .transfer: return transfer()
    case .stream: return [[48] + [UInt8](repeating: 3, count: 48), [16] + [UInt8](repeating: 4, count: 16)]
    case .compression: return [compressed()]
    case .gossip: return gossip()
    case .roster: return roster()
    case .configuration: return texts([configuration, "import: other.conf\np2p_settings.network.compression: no\n"])
    case .bootstrapList:
      let key = HostKey(exchange: world.other.key.exchange, signing: world.other.key.signing)?.description ?? ""
      return texts(["prt-1 192.0.2.1:7000 \(key)  # home\n\n// more\nprt-2 host.example:7001 \(key)\n"])
    case .control:
      let requests: [ControlRequest] = [
        .status, .members, .leave, .events(EventsQuery(follow: true)), .doctor(checks: ["udp-in"]),
        .revoke(revocation: revocation(), reason: "disk stolen"), .renew(certificates: [world.certificate.bytes]),
        .certificates(of: ["a"]),
      ]
      return requests.map { Array($0.line().dropLast()) }
    case .replies: return replies()
    case .mapCache: return [FuzzMaps.shared.cache]
    case .mapObject: return FuzzMaps.shared.bundle.objects.map(\.encoded)
    case .world: return [FuzzMaps.shared.bundle.document.bytes]
    case .worldBundle: return [FuzzMaps.shared.bundle.bytes]
    case .worldMessage: return FuzzMaps.shared.messages
    case .worldText: return texts([FuzzMaps.shardFile, FuzzMaps.mapList])
    case .registerMessage: return FuzzShards.registerMessages
    case .replicaMessage: return FuzzShards.replicaMessages
    case .shardContent: return FuzzShards.content.map { [$0] } ?? []
    case .stewardMessage: return FuzzShards.stewardMessages
    case .keyFiles: return [world.own.withFile { [UInt8]($0) }, world.network.withFile { [UInt8]($0) }]
    }
  }

  private static func texts(_ texts: [String]) -> [[UInt8]] { texts.map { [UInt8]($0.utf8) } }

  private static func metadata() -> [UInt8] {
    let world = FuzzWorld.shared
    guard let facts = HostFacts(configuration: .init(repeating: 1, count: 16), build: .init(repeating: 2, count: 16))
    else { return [] }
    let roster = Roster(network: world.network, identity: world.other)
    roster.publish(world.otherCertificate, facts: facts, version: 1)
    return written(HostMetadata.size) { _ = roster.writeMetadata(of: world.other.hostID, into: &$0) }
  }

  private static func revocation() -> [UInt8] { revocation(of: FuzzWorld.shared.other.key) }

  private static func revocation(of key: HostKey) -> [UInt8] {
    let world = FuzzWorld.shared
    let revocation = Revocation(
      of: key, in: world.network.id, reason: RevocationReason(rawValue: 1),
      issued: FuzzWorld.wall / 1_000_000_000, by: world.signer)
    return written(Revocation.size) { revocation.write(to: &$0) }
  }

  private static func pastes() -> [String] {
    let world = FuzzWorld.shared
    let peer = WelcomePeer(key: world.other.key, endpoint: FuzzWorld.peerEndpoint, name: "other")
    let request = try? AdmissionRequest.line(for: world.own, name: "own")
    let welcome = try? Welcome.line(
      certificate: world.certificate, network: world.network, peers: [peer], signer: world.signer)
    return [request, welcome?.line, world.own.key.description].compactMap(\.self)
  }

  private static func hello() -> [UInt8] {
    let world = FuzzWorld.shared
    var channel = world.otherChannel()
    var effects = ChannelEffects(buffer: MessageBuffer())
    guard let message = effects.buffer.append(maximum: 8, { $0.u64(1) }) else { return [] }
    channel.send(
      .gossip, message, to: world.own.hostID, at: Endpoint(ipv4: 0x7f00_0001, port: 7000), now: world.now,
      into: &effects)
    return effects.sends.reduce(into: []) { all, send in
      all.append(UInt8(truncatingIfNeeded: send.message.count))
      all.append(UInt8(truncatingIfNeeded: send.message.count >> 8))
      all += [UInt8](UnsafeRawBufferPointer(effects.buffer.bytes(of: send.message)))
    }
  }

  private static func compressed() -> [UInt8] {
    let raw = [UInt8]("prontera prontera prontera prontera prontera".utf8)
    let packed = [UInt8](unsafeUninitializedCapacity: Compression.bound(raw.count)) { buffer, count in
      count = raw.withUnsafeBytes { Compression.compress($0, into: UnsafeMutableRawBufferPointer(buffer)) } ?? 0
    }
    return written(4 + packed.count) {
      $0.u32(UInt32(raw.count))
      $0.append(packed)
    }
  }

  /// {length, bytes} of each, as the targets of messages and plaintexts want them.
  private static func led(_ parts: [[UInt8]]) -> [UInt8] {
    parts.flatMap { [UInt8(truncatingIfNeeded: $0.count), UInt8(truncatingIfNeeded: $0.count >> 8)] + $0 }
  }

  /// All that one host says to another while a third dies and is expelled, and while
  /// the host itself leaves; in order, and each message once by itself.
  private static func gossip() -> [[UInt8]] {
    var mesh = FuzzMembers.joined()
    mesh.take(.command(.setLoad(load)), FuzzMembers.other)
    mesh.pass(milliseconds: 6_000)
    mesh.crash(FuzzMembers.third)
    mesh.pass(milliseconds: 30_000)
    mesh.take(.command(.revoke(revocation(of: FuzzWorld.shared.third.key))), FuzzMembers.other)
    mesh.pass(milliseconds: 3_000)
    mesh.take(.command(.leave), FuzzMembers.other)
    mesh.pass(milliseconds: 3_000)
    let messages = mesh.overheard
    // One of each type and size is enough; mutations bring the rest.
    var seen: Set<Int> = []
    let kinds = messages.filter { seen.insert(Int($0.first ?? 0) << 16 | $0.count).inserted }
    return kinds.map { led([$0]) } + [led(messages.prefix(12).map(\.self)), led(kinds)]
  }

  private static var load: LoadRecord {
    var load = LoadRecord()
    load.processor = 120
    load.memory = 80
    return load
  }

  private static func roster() -> [[UInt8]] {
    var mesh = FuzzMembers.joined()
    mesh.pass(milliseconds: 3_000)
    let whole = mesh.members[FuzzMembers.other].membership.roster()
    mesh.crash(FuzzMembers.third)
    mesh.pass(milliseconds: 30_000)
    let withDead = mesh.members[FuzzMembers.other].membership.roster()
    mesh.take(.command(.revoke(revocation(of: FuzzWorld.shared.third.key))), FuzzMembers.other)
    return [whole, withDead, mesh.members[FuzzMembers.other].membership.roster()]
  }

  // MARK: Behind the seals

  private static func handshake() -> [[UInt8]] {
    let response = written(16) { writer in
      writer.u64(77)
      writer.u32(0)
      writer.u32(1)
    }
    return [[0] + HostileHost().helloPayload(), [1] + [UInt8](repeating: 9, count: 448), [2] + response, [3, 1, 2, 3]]
  }

  private static func frame(_ kind: FrameKind, _ body: [UInt8]) -> [UInt8] {
    [kind.rawValue, 0, UInt8(truncatingIfNeeded: body.count), UInt8(truncatingIfNeeded: body.count >> 8)] + body
  }

  private static let path = frame(.path, [1, 1, 2, 3, 4, 5, 6, 7, 8])

  /// Opening a link, opening a transfer, an acceptance and a refusal.
  private static var controls: [[UInt8]] {
    let id = [UInt8](repeating: 1, count: 16)
    let size: [UInt8] = [0, 4, 0, 0, 0, 0, 0, 0]
    return [
      [1, 0, 0, 0] + id + [UInt8](repeating: 0, count: 40),
      [1, 4, 0, 0] + id + size + [UInt8](repeating: 5, count: 32),
      [2, 0, 0, 0] + id, [3, 1, 0, 0] + id,
    ].map { frame(.streamControl, $0) }
  }

  private static func session() -> [[UInt8]] {
    let time = HostileHost.timeFrame
    let gossip = frame(.gossip, [5]) + frame(.heartbeat, [1, 2, 3, 4])
    return [led([time + path]), led([time + gossip]), led(controls.map { time + $0 } + [[], time])]
      + controls.map { led([time + $0]) }
  }

  /// Frames of two channels, a compressed one, keepalive and credit, cut across chunks.
  private static func link() -> [[UInt8]] {
    func header(_ channel: UInt8, _ flags: UInt8, _ count: Int) -> [UInt8] {
      [channel, flags] + withUnsafeBytes(of: UInt32(count).littleEndian) { [UInt8]($0) }
    }
    let block = compressed()
    let chunks: [[UInt8]] = [
      [0] + header(0, 0, 2) + [1, 1], [4] + header(4, 0, 5) + [1, 2, 3, 4, 5], [1] + header(1, 0, 6) + [9, 9],
      [1, 8, 8, 8, 8], [5] + header(5, 1, block.count) + block, [0] + header(0, 0, 6) + [2, 4, 100, 0, 0, 0],
    ]
    return [0, 2, 4, 6].map { [$0] + led(chunks + [[]]) } + [[1] + led([[UInt8](repeating: 1, count: 64)])]
  }

  private static func transfer() -> [[UInt8]] {
    let block = compressed()
    let packed = [1] + block.prefix(2) + block.dropFirst(4)
    let purposes = (0..<TransferPurpose.allCases.count).map { UInt8($0 << 3) }
    // Bit 15 of a length marks the last chunk.
    let last: [UInt8] = [5, 0x80, 0, 7, 7, 7, 7]
    return purposes.map { [$0 | 4] + led([[0, 1, 2, 3]]) + last }
      + [[0] + led([packed]) + last, [2] + [1, 0x80, 1], [1] + led([[UInt8](repeating: 1, count: 64)])]
  }

  // MARK: Replies

  private static func replies() -> [[UInt8]] {
    let at = Timestamp(nanoseconds: FuzzWorld.wall)
    let network = NetworkName(name: "izlude", id: "41aa0c1177e2b9d0")
    let host = HostName(id: "c4e1f00d00000006", name: "gef-2")
    let own = OwnHost(
      id: "0a11ce0000000001", name: "home", state: .member, address: "127.0.0.1:7001", roles: ["host", "home"],
      trustClass: 0, contributor: 0, generation: 41, refutation: 2, profile: "lan", version: "0.1.0", processId: 4711,
      uptimeSeconds: 86_400, certificateNotBefore: at, certificateNotAfter: at)
    let status = StatusReply(
      at: at, network: network, hosts: HostCounts(alive: 5, dead: 1),
      view: ViewAgreement(digest: "7c1e55aa00112233", agreeing: 5, heard: 5, differingSeconds: 3), own: own,
      warnings: [Warning(.hostDead, ["host": "gef-2", "address": "203.0.113.9:7001"], subject: host, since: at)])
    let members = MembersReply(
      at: at, network: network,
      members: [
        MemberReport(
          id: host.id, name: host.name, state: .suspect, since: at, address: "192.0.2.17:7001", roles: ["host"],
          trustClass: 1, contributor: 7, certificateNotAfter: at, generation: 3, impaired: true, cpuRatio: 0.4,
          memoryRatio: 0.3, loopLagSeconds: 0.001, rttSeconds: 0.03, lossRatio: 0.25, seenSecondsAgo: 12,
          why: "no ack from 2 of 3")
      ])
    let events = EventsReply(
      at: at,
      events: [
        EventReport(
          sequence: 7, at: at, name: .memberDead, health: .degraded, subject: host, text: "dead", code: .hostDead)
      ], missed: 3)
    let doctor = DoctorReply(
      at: at, checks: [Finding(.udpIn, .fail, "nothing comes in", evidence: ["0 of 3"], fix: "open it")])
    let fault = Fault(.noNode, ["socket": "/run/mesh.sock"], evidence: ["there is no such socket"])
    return [
      status.line(), members.line(), events.line(), doctor.line(), fault.line(),
      LeaveReply(at: at, state: .leaving, drainSeconds: 2).line(),
      RevokeReply(at: at, host: host, state: .adopted).line(),
      CertificatesReply(at: at, certificates: [.init(host: host, state: .alive, certificate: [1, 2, 3])]).line(),
      RenewReply(at: at, results: [.init(host: host, state: .failed, reason: "away")]).line(),
    ].map { Array($0.dropLast()) }
  }

  private static let configuration = """
    // as an operator writes it
    p2p_settings: {
        enable: true
        security_level: high
        network: {
            port_range: 7000-7999   # mesh first
            max_connections: 1000
            compression: "yes"
        }
        map_settings { check_interval: 5m; failover_timeout: 30 }
        node: { log_level: debug }
    }
    p2p_settings.network.bootstrap_peers: [ peers.txt, "more peers.txt" ]
    /* end */

    """
}
