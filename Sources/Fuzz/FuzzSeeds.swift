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
    case .stream: return [[48] + [UInt8](repeating: 3, count: 48), [16] + [UInt8](repeating: 4, count: 16)]
    case .compression: return [compressed()]
    case .gossip: return gossip()
    case .roster: return [FuzzMembership().membership.roster()]
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
    case .mapCache: return [FuzzMaps.shared.cache]
    case .mapObject: return FuzzMaps.shared.bundle.objects.map(\.encoded)
    case .world: return [FuzzMaps.shared.bundle.document.bytes]
    case .worldBundle: return [FuzzMaps.shared.bundle.bytes]
    case .worldMessage: return FuzzMaps.shared.messages
    case .worldText: return texts([FuzzMaps.shardFile, FuzzMaps.mapList])
    case .keyFiles: return [world.own.withFile { [UInt8]($0) }, world.network.withFile { [UInt8]($0) }]
    }
  }

  private static func texts(_ texts: [String]) -> [[UInt8]] { texts.map { [UInt8]($0.utf8) } }

  private static func written(_ maximum: Int, _ body: (inout Writer) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: maximum) { buffer, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
      body(&writer)
      count = writer.count
    }
  }

  private static func metadata() -> [UInt8] {
    let world = FuzzWorld.shared
    guard let facts = HostFacts(configuration: .init(repeating: 1, count: 16), build: .init(repeating: 2, count: 16))
    else { return [] }
    let roster = Roster(network: world.network, identity: world.other)
    roster.publish(world.otherCertificate, facts: facts, version: 1)
    return written(HostMetadata.size) { _ = roster.writeMetadata(of: world.other.hostID, into: &$0) }
  }

  private static func revocation() -> [UInt8] {
    let world = FuzzWorld.shared
    let revocation = Revocation(
      of: world.other.key, in: world.network.id, reason: RevocationReason(rawValue: 1),
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

  /// What a host sends in its first seconds, and to whom it does not matter.
  private static func gossip() -> [[UInt8]] {
    var world = FuzzMembership()
    return world.sentMessages(for: 30).map { message in
      [UInt8(truncatingIfNeeded: message.count), UInt8(truncatingIfNeeded: message.count >> 8)] + message
    }
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
