import Gossip
import SecureChannel
import Wire

/// The joint to the disk: one numbering of persists over all cores.
struct PersistLedger {
  enum Origin {
    case membership(token: UInt64)
    case certificate([UInt8])
    /// Nothing waits for it.
    case nobody
  }

  /// More than this many under way means that the disk is gone; newer ones are refused (`refused` counts them).
  static let limit = 256

  private var waiting: [UInt64: Origin] = [:]
  private var last: UInt64 = 0
  private(set) var refused: UInt64 = 0

  mutating func begin(_ origin: Origin) -> UInt64? {
    guard waiting.count < PersistLedger.limit else {
      refused &+= 1
      return nil
    }
    last &+= 1
    waiting[last] = origin
    return last
  }

  mutating func end(_ token: UInt64) -> Origin? { waiting.removeValue(forKey: token) }
}

extension Node {
  mutating func keep(_ persist: MembershipEffects.Persist, now: Now, into effects: inout NodeEffects) {
    let content: NodeEffects.Persist.Content =
      switch persist.content {
      case .generation(let generation): .generation(generation)
      case .revocation(let revocation): .revocation(revocation)
      case .peerBook(let peers):
        .peers(
          peers.compactMap { peer in
            channel.key(of: peer.host).map { KnownPeer(key: $0, host: peer.host, endpoint: peer.endpoint) }
          })
      }
    if !begin(.membership(token: persist.token), content, into: &effects) {
      membership.handle(.persistFailed(token: persist.token), now: now, into: &effects.membership)
    }
  }

  mutating func keepLabelFloor(_ floor: UInt64, into effects: inout NodeEffects) {
    _ = begin(.nobody, .labelFloor(floor), into: &effects)
  }

  mutating func keepCertificate(_ certificate: [UInt8], into effects: inout NodeEffects) {
    _ = begin(.certificate(certificate), .certificate(certificate), into: &effects)
  }

  /// False, and an event, when too many persists are under way.
  private mutating func begin(
    _ origin: PersistLedger.Origin, _ content: NodeEffects.Persist.Content, into effects: inout NodeEffects
  ) -> Bool {
    guard let token = persists.begin(origin) else {
      effects.events.append(.persistFailed)
      return false
    }
    effects.persists.append(NodeEffects.Persist(token: token, content: content))
    return true
  }

  mutating func persistEnded(_ token: UInt64, durable: Bool, now: Now, into effects: inout NodeEffects) {
    guard let origin = persists.end(token) else { return }
    if !durable { effects.events.append(.persistFailed) }
    switch origin {
    case .membership(let token):
      membership.handle(
        durable ? .persisted(token: token) : .persistFailed(token: token), now: now, into: &effects.membership)
    case .certificate(let certificate):
      if durable { useRenewed(certificate, now: now, into: &effects) }
    case .nobody:
      break
    }
  }
}
