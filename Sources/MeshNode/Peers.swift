import Configuration
import Control
import EventLoop
import Logging
import NodeCore
import SecureChannel
import Wire

/// A peer of the bootstrap list.
struct ListedPeer: Equatable {
  var name: String
  var key: HostKey
  /// An address, or a name that is looked up.
  var place: HostAndPort

  /// `nil` for a name.
  var endpoint: Endpoint? { Endpoint(address: place.host, port: place.port) }

  /// `nil` when the key is no key.
  init?(_ peer: BootstrapPeer) {
    let bytes = peer.publicKey
    guard bytes.count == HostKey.size,
      let key = HostKey(exchange: Array(bytes[..<32]), signing: Array(bytes[32...]))
    else { return nil }
    name = peer.name
    self.key = key
    place = HostAndPort(host: peer.host, port: peer.port)
  }
}

/// The ways into the mesh: bootstrap list, and what was remembered. Names in the list are looked up on the pool, one
/// at a time, at the start and every minute as long as nobody answers.
final class PeerSource {
  static let interval: UInt64 = 60_000_000_000

  let listed: [ListedPeer]
  let remembered: [KnownPeer]
  /// Names without an address at the last try, and why.
  private(set) var failures: [String: String] = [:]
  /// What names were found to stand for.
  private(set) var resolved: [HostID: Endpoint] = [:]

  private let names: NameLookup
  private var queue: [ListedPeer] = []
  private var roundStarted: UInt64?

  init(_ loop: Loop, listed: [ListedPeer], remembered: [KnownPeer], own: HostID) {
    self.listed = listed.filter { $0.key.hostID != own }
    self.remembered = remembered.filter { $0.host != own }
    names = loop.nameLookup()
  }

  var isEmpty: Bool { listed.isEmpty && remembered.isEmpty }

  /// Peers whose address is known without a look-up: the list first, as people wrote it.
  var known: [KnownPeer] {
    let direct = listed.compactMap { peer in
      peer.endpoint.map { KnownPeer(key: peer.key, host: peer.key.hostID, endpoint: $0) }
    }
    let hosts = Set(direct.map(\.host))
    return direct + remembered.filter { !hosts.contains($0.host) }
  }

  /// Begins a round when one is due, and goes on with it. `found` is called for each name that has addresses.
  func lookUp(
    at monotonic: UInt64, found: @escaping ([KnownPeer]) -> Void, failed: @escaping (ListedPeer, String) -> Void
  ) {
    if queue.isEmpty, roundStarted.map({ monotonic &- $0 >= PeerSource.interval }) ?? true {
      roundStarted = monotonic
      queue = listed.filter { $0.endpoint == nil }
    }
    guard let peer = queue.first, !names.isBusy else { return }
    queue.removeFirst()
    do throws(UVError) {
      try names.lookUp(peer.place.host, port: peer.place.port) { [weak self] result in
        guard let self else { return }
        switch result {
        case .success(let endpoints):
          failures[peer.place.host] = nil
          // One host may have addresses of both families; each is a way.
          let known = endpoints.map { KnownPeer(key: peer.key, host: peer.key.hostID, endpoint: $0) }
          resolved[peer.key.hostID] = endpoints.first
          found(known)
        case .failure(let error):
          if failures.updateValue(error.message, forKey: peer.place.host) == nil { failed(peer, error.message) }
        }
      }
    } catch {
      failures[peer.place.host] = error.message
    }
  }
}

extension Shell {
  /// Names are looked up as long as this host is not in the mesh.
  func lookUpNames(now: Now) {
    guard joining.state == .joining || joining.state == .alone, !ending.hasBegun else { return }
    lookup.lookUp(
      at: now.monotonic,
      found: { [weak self] peers in
        guard let self, !ending.hasBegun else { return }
        joining.peersFound()
        command(.introduce(peers))
      },
      failed: { [weak self] peer, reason in
        self?.tell(
          Announcement(
            name: .nodeNameUnresolved, level: .warning, health: .degraded,
            text: Fault(.nameNotResolved, ["name": peer.place.host, "reason": reason]).sentence, code: .nameNotResolved)
        )
      })
  }
}
