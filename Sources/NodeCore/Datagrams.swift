import Gossip
import SecureChannel
import Wire
import WorldData

/// The joint between sessions and gossip: frames go up, what either side learns of a peer goes to the other.
extension Node {
  mutating func deliver(_ delivery: ChannelEffects.Delivery, now: Now, into effects: inout NodeEffects) {
    switch delivery.kind {
    case .gossip:
      membership.handle(
        .message(delivery.bytes, from: delivery.from, at: delivery.endpoint), now: now, into: &effects.membership)
    case .heartbeat:
      beat(delivery, now: now, into: &effects)
    case .world:
      hearOfWorld(delivery.bytes, from: delivery.from, now: now, into: &effects)
    case .streamControl, .path, .time, .survey:
      break  // the channel consumes its own kinds
    }
  }

  mutating func follow(_ event: ChannelEvent, now: Now, into effects: inout NodeEffects) {
    if followForShards(event, now: now, into: &effects) { return }
    switch event {
    case .transferReceived(let host, let purpose, let content):
      received(content, purpose, from: host, now: now, into: &effects)
      return
    case .transferSent(let id):
      transferEnded(id, nil, now: now, into: &effects)
      return
    case .transferFailed(let id, let failure):
      transferEnded(id, failure, now: now, into: &effects)
      return
    case .sessionUp(let host, _):
      worldSession(host, isUp: true, now: now, into: &effects)
    case .sessionDown(let host, _):
      worldSession(host, isUp: false, now: now, into: &effects)
    case .moved(let host, let endpoint):
      membership.handle(
        .command(.peerMoved(Peer(host: host, endpoint: endpoint))), now: now, into: &effects.membership)
    case .labelFloor(let floor):
      keepLabelFloor(floor, into: &effects)
      return
    default:
      break
    }
    effects.events.append(.channel(event))
  }

  mutating func follow(_ event: MembershipEvent, now: Now, into effects: inout NodeEffects) {
    switch event {
    case .revoked(let host), .forgotten(let host):
      channel.handle(.command(.drop(host)), now: now, into: &effects.channel)
    case .endpointChanged(let host, let endpoint):
      channel.handle(.command(.locate(host, at: endpoint)), now: now, into: &effects.channel)
    case .badRecord(let host, let forged):
      let violation: Violation = forged ? .forgedRecord : .badRecord
      channel.handle(.command(.report(host, violation)), now: now, into: &effects.channel)
    case .badMessage(let host):
      channel.handle(.command(.report(host, .badMessage)), now: now, into: &effects.channel)
    default:
      break
    }
    advise(of: event, now: now, into: &effects)
    noteStability(event, now: now, into: &effects)
    switch event {
    case .dead(let host, _, _), .left(let host), .revoked(let host):
      giveWorlds(.gone(host), now: now, into: &effects)
    default: break
    }
    effects.events.append(.membership(event))
  }
}
