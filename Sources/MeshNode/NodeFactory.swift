import Configuration
import Control
import EventLoop
import Glibc
import Gossip
import Hashing
import MapShard
import NodeCore
import SecureChannel
import Wire
import WorldData

/// Puts the cores of a node together.
enum NodeFactory {
  /// `nil` when the memory for keys is full.
  static func node(
    _ identity: NodeIdentity, _ settings: Settings, _ state: SavedState, _ store: StoreStart,
    _ foundWorlds: WorldFiles.Found, _ ports: Ports, _ entropy: any Entropy
  ) -> (node: Node<Channel>, signer: RosterSigner)? {
    let certificate = identity.first
    var channelSettings = ChannelSettings(
      port: ports.endpoint.port, reaches: reaches(certificate, settings, ports))
    channelSettings.compresses = settings.network.compresses
    let signer = RosterSigner(
      roster: identity.roster, certificate: certificate, facts: facts(settings, program: nil),
      version: RosterSigner.firstVersion(after: state.generation, at: SystemClock.now, draw: entropy.u64()))
    let life = entropy.u64()
    guard
      let channel = Channel(
        roster: identity.roster, certificate: certificate, arena: identity.arena, entropy: entropy,
        seed: entropy.u64(), bootID: life, labelFloor: state.labelFloor, settings: channelSettings)
    else { return nil }
    let membership = Membership(
      host: identity.host, roles: certificate.roles, settings: MembershipSettings(settings.network.profile),
      signer: signer, persistedGeneration: state.generation, seed: entropy.u64())
    let now = SystemClock.now
    let shards = ShardHost(
      me: MapShard.Member(host: identity.host, life: Life(rawValue: life)), store: store.id,
      settings: ShardSettings(settings.network.profile), signer: signer, seed: entropy.u64(),
      recovered: store.recovered.shards, now: now)
    let operators = identity.network.operators
    var worlds = WorldStore(network: identity.network.id) { key, signature, body in
      operators.first { $0.id == key }?.verify(signature, domain: SignedWorld.domain, body) ?? false
    }
    // Documents that do not hold any more come again from peers.
    _ = worlds.recover(state: foundWorlds.state, documents: foundWorlds.documents, objects: foundWorlds.objects)
    let node = Node(
      channel: channel, membership: membership, shards: shards,
      store: NodeStore(store.settings, entropy: entropy, recovered: store.recovered, now: now),
      worlds: WorldSync(store: worlds, seed: entropy.u64()), seed: entropy.u64(), renewal: signer, hosts: signer)
    return (node, signer)
  }

  /// Where this node may be asked to send: the kinds of addresses that it listens on or is certified for.
  private static func reaches(_ certificate: Certificate, _ settings: Settings, _ ports: Ports) -> ReachSet {
    var addresses = certificate.addresses.map(\.endpoint)
    let isWildcard = ports.endpoint.high == 0 && (ports.endpoint.low == 0 || ports.endpoint.ipv4 == 0)
    addresses += isWildcard ? HostAddresses.all() : [ports.endpoint]
    if let advertised = settings.network.advertised,
      let endpoint = Endpoint(address: advertised.host, port: advertised.port ?? ports.endpoint.port)
    {
      addresses.append(endpoint)
    }
    return ReachSet(listening: addresses)
  }

  /// What this host states about its settings and its program; without a program that can be read, its version.
  static func facts(_ settings: Settings, program: [UInt8]?) -> HostFacts {
    let configuration = digest(settings.canonicalBytes)
    let build = program ?? digest(Array("mesh-build/1 \(ProductVersion.text)".utf8))
    // Both have 16 bytes.
    return HostFacts(configuration: configuration, build: build).unsafelyUnwrapped
  }

  private static func digest(_ bytes: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBytes { Digest(of: $0).withBytes { Array($0.prefix(16)) } }
  }
}

extension MembershipSettings {
  init(_ profile: NetworkProfile) {
    switch profile {
    case .lan: self = .lan
    case .lanFast: self = .lanFast
    case .wan: self = .wan
    }
  }
}

extension ShardSettings {
  init(_ profile: NetworkProfile) {
    switch profile {
    case .lan: self = .lan
    case .lanFast: self = .lanFast
    case .wan: self = .wan
    }
  }
}
