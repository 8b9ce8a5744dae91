import Configuration
import Control
import Glibc
import KeyStore
import SecureChannel
import Wire

/// Whom a welcome line names: this host first (the operator's machine is the one that is always there), then others
/// that are alive.
struct WelcomePeers {
  private let console: Console
  private let keyring: Keyring
  private let given: Endpoint?

  init(_ console: Console, _ keyring: Keyring, given: Endpoint?) {
    self.console = console
    self.keyring = keyring
    self.given = given
  }

  /// One to three.
  func choose() throws(Fault) -> [WelcomePeer] {
    let identity = try keyring.files.identity()
    let name = try keyring.files.certificate().name
    let client = try? console.connect()
    let status: StatusReply? = client.flatMap { try? $0.ask(.status) }
    var peers: [WelcomePeer] = []
    if let own = given ?? status.flatMap(usable) {
      peers.append(WelcomePeer(key: identity.key, endpoint: own, name: name))
    }
    if let client { peers += others(client, than: identity.hostID) }
    if peers.isEmpty { peers = try fromBootstrap() }
    if peers.isEmpty {
      let guess = try guessedEndpoint(port: status.flatMap { Endpoint($0.own.address)?.port })
      console.say(
        "note: the line says that this host is at \(guess); if others reach it elsewhere, give --peer ADDRESS:PORT")
      peers = [WelcomePeer(key: identity.key, endpoint: guess, name: name)]
    }
    return Array(peers.prefix(Welcome.peerLimit))
  }

  private func usable(_ status: StatusReply) -> Endpoint? {
    [status.own.address, status.own.observedAddress].lazy.compactMap { $0 }.compactMap { Endpoint($0) }
      .first { $0.reach != .unusable && $0.port != 0 }
  }

  /// Bridges first, then by host id, so that the same mesh gives the same line.
  private func others(_ client: ControlClient, than own: HostID) -> [WelcomePeer] {
    guard let members: MembersReply = try? client.ask(.members) else { return [] }
    let alive = members.members.filter { $0.state == .alive && !$0.isSelf && !$0.impaired }
      .sorted { ($0.roles.contains("bridge") ? 0 : 1, $0.id) < ($1.roles.contains("bridge") ? 0 : 1, $1.id) }
      .prefix(2 * Welcome.peerLimit)
    guard !alive.isEmpty, let papers: CertificatesReply = try? client.ask(.certificates(of: alive.map(\.id))) else {
      return []
    }
    return alive.compactMap { member in
      guard let endpoint = member.address.flatMap({ Endpoint($0) }), endpoint.reach != .unusable,
        let certificate = papers.certificates.first(where: { $0.host.id == member.id })?.parsed
      else { return nil }
      return WelcomePeer(key: certificate.key, endpoint: endpoint, name: certificate.name)
    }
  }

  /// The list that was written by `network create --address` or by this host's own welcome; names are not looked up.
  private func fromBootstrap() throws(Fault) -> [WelcomePeer] {
    try keyring.files.bootstrapPeers().compactMap { peer in
      guard let endpoint = Endpoint(address: peer.host, port: peer.port),
        let key = HostKey(exchange: [UInt8](peer.publicKey.prefix(32)), signing: [UInt8](peer.publicKey.dropFirst(32)))
      else { return nil }
      return WelcomePeer(key: key, endpoint: endpoint, name: peer.name)
    }
  }

  /// The address from which this machine would speak to a far one, and the configured port. Nothing is sent: connecting
  /// a UDP socket only asks the routing table. 192.0.2.1 is an address for documents (RFC 5737).
  private func guessedEndpoint(port known: UInt16?) throws(Fault) -> Endpoint {
    let setup = try console.setup()
    if let advertised = setup.advertised { return advertised }
    let port = known ?? setup.meshPort
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { if descriptor >= 0 { close(descriptor) } }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(9).bigEndian
    address.sin_addr.s_addr = UInt32(0xc000_0201).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let found = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        descriptor >= 0 && connect(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    return Endpoint(ipv4: found ? UInt32(bigEndian: address.sin_addr.s_addr) : 0x7f00_0001, port: port)
  }
}
