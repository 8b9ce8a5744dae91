import Configuration
import Control
import EventLoop
import Glibc
import Gossip
import Hashing
import NodeCore
import SecureChannel
import Wire

/// Puts the cores of a node together.
enum NodeFactory {
  /// `nil` when the memory for keys is full.
  static func node(
    _ identity: NodeIdentity, _ settings: Settings, _ state: SavedState, _ ports: Ports, _ entropy: any Entropy
  ) -> Node<Channel>? {
    let certificate = identity.first
    var channelSettings = ChannelSettings(
      port: ports.endpoint.port, reaches: reaches(certificate, settings, ports))
    channelSettings.compresses = settings.network.compresses
    let signer = RosterSigner(
      roster: identity.roster, certificate: certificate, facts: facts(settings),
      version: metadataVersion(after: state.generation))
    guard
      let channel = Channel(
        roster: identity.roster, certificate: certificate, arena: identity.arena, entropy: entropy,
        seed: entropy.u64(), bootID: entropy.u64(), labelFloor: state.labelFloor, settings: channelSettings)
    else { return nil }
    let membership = Membership(
      host: identity.host, roles: certificate.roles, settings: MembershipSettings(settings.network.profile),
      signer: signer, persistedGeneration: state.generation, seed: entropy.u64())
    return Node(channel: channel, membership: membership, renewal: signer)
  }

  /// Above every version of earlier lives: the next generation, as membership chooses it, in the upper bits.
  private static func metadataVersion(after generation: UInt64) -> UInt64 {
    let epoch: UInt64 = 1_735_689_600  // 2025-01-01
    let now = SystemClock.now.wallSeconds
    return Incarnation(generation: max(generation &+ 1, now > epoch ? now - epoch : 0), refutation: 0).rawValue
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

  /// What this host states about its settings and its program.
  private static func facts(_ settings: Settings) -> HostFacts {
    let configuration = digest(settings.canonicalBytes)
    let build = digest(Array("mesh-build/1 \(ProductVersion.text)".utf8))
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
