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
  ) -> (node: Node<Channel>, signer: RosterSigner)? {
    let certificate = identity.first
    var channelSettings = ChannelSettings(
      port: ports.endpoint.port, reaches: reaches(certificate, settings, ports))
    channelSettings.compresses = settings.network.compresses
    let signer = RosterSigner(
      roster: identity.roster, certificate: certificate, facts: facts(settings, program: nil),
      version: RosterSigner.firstVersion(after: state.generation, at: SystemClock.now, draw: entropy.u64()))
    guard
      let channel = Channel(
        roster: identity.roster, certificate: certificate, arena: identity.arena, entropy: entropy,
        seed: entropy.u64(), bootID: entropy.u64(), labelFloor: state.labelFloor, settings: channelSettings)
    else { return nil }
    let membership = Membership(
      host: identity.host, roles: certificate.roles, settings: MembershipSettings(settings.network.profile),
      signer: signer, persistedGeneration: state.generation, seed: entropy.u64())
    return (Node(channel: channel, membership: membership, renewal: signer), signer)
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
