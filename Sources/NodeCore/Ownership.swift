import Gossip
import MapShard
import SecureChannel
import Wire

/// The joint of ownership and replication to the rest: heartbeats ride in datagrams, all else on links, and what
/// sessions, links and gossip learn of a host is told to the shards. Gossip only advises; it grants nothing.
extension Node {
  mutating func beat(_ delivery: ChannelEffects.Delivery, now: Now, into effects: inout NodeEffects) {
    guard let member = member(delivery.from) else { return }
    shards.handle(.heartbeat(delivery.bytes, from: member), now: now, into: &effects.shards)
  }

  /// What a channel's event means for shards; false when it is none of theirs.
  mutating func followForShards(_ event: ChannelEvent, now: Now, into effects: inout NodeEffects) -> Bool {
    switch event {
    case .sessionUp(let host, _):
      if let member = member(host) { shards.handle(.met(member), now: now, into: &effects.shards) }
      return false
    case .linkUp(let host):
      if let member = member(host) { shards.handle(.linkUp(member), now: now, into: &effects.shards) }
      return false
    case .linkDown(let host):
      shards.handle(.linkDown(host), now: now, into: &effects.shards)
      return false
    case .linkFrame(let host, let linkChannel, let body):
      guard let carrier = ShardCarrier(rawValue: linkChannel.rawValue), let member = member(host) else { return false }
      body.withUnsafeBytes {
        if carrier == .register, StewardMessage.isMeant(by: $0) {
          receive($0, from: member, now: now, into: &effects)
        } else {
          shards.handle(.frame(carrier, $0, from: member), now: now, into: &effects.shards)
        }
      }
      channel.handle(.command(.linkCredit(linkChannel, body.count, host)), now: now, into: &effects.channel)
      return true
    case .linkReady(let host, let linkChannel):
      guard let carrier = ShardCarrier(rawValue: linkChannel.rawValue) else { return false }
      shards.handle(.room(carrier, to: host), now: now, into: &effects.shards)
      return true
    default:
      return false
    }
  }

  mutating func advise(of event: MembershipEvent, now: Now, into effects: inout NodeEffects) {
    let advice: (HostID, HostAdvice)? =
      switch event {
      case .alive(let host, _), .refuted(let host): (host, .alive)
      case .suspected(let host, _): (host, .suspect)
      case .dead(let host, _, _): (host, .dead)
      case .left(let host): (host, .left)
      case .revoked(let host): (host, .revoked)
      default: nil
      }
    guard let (host, word) = advice else { return }
    shards.handle(.advice(host, word), now: now, into: &effects.shards)
  }

  mutating func send(_ heartbeat: ShardEffects.Heartbeat, now: Now, into effects: inout NodeEffects) {
    channel.send(.heartbeat, heartbeat.message, to: heartbeat.to, at: nil, now: now, into: &effects.channel)
  }

  /// A frame that the link does not take is lost, like one on a link that breaks: the shards ask again.
  mutating func send(_ frame: ShardEffects.Frame, now: Now, into effects: inout NodeEffects) {
    guard let linkChannel = LinkChannel(rawValue: frame.carrier.rawValue) else { return }
    let body = Array(effects.buffer.bytes(of: frame.message))
    channel.handle(.command(.linkFrame(linkChannel, body, to: frame.to)), now: now, into: &effects.channel)
  }

  mutating func send(_ snapshot: ShardEffects.SnapshotSend, now: Now, into effects: inout NodeEffects) {
    transfer(.snapshot, snapshot.content, to: snapshot.to, now: now, into: &effects)
  }

  /// A peer's life as the channel has proven it; nothing of a host without one reaches the shards.
  func member(_ host: HostID) -> MapShard.Member? {
    channel.life(of: host).map {
      MapShard.Member(host: host, life: breaks(.livesNotTold) ? Life(rawValue: host.rawValue) : $0)
    }
  }
}
