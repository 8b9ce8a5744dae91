package import Gossip
import SecureChannel
package import Wire

/// One node of the mesh: the cores and how they work together. Pure, like them; the shell and the simulator run it.
///
/// Each joint is an extension in a file of its own. `handle` gives an input to the core that it concerns and then
/// settles: it carries what one core says to the other until none has anything to say.
package struct Node<Channel: PeerChannel> {
  package internal(set) var channel: Channel
  package internal(set) var membership: Membership
  let renewal: (any CertificateRenewal)?
  var transfers = TransferLedger()
  var persists = PersistLedger()

  /// `renewal` adopts renewed certificates; simulations without certificates have none.
  package init(channel: Channel, membership: Membership, renewal: (any CertificateRenewal)? = nil) {
    self.channel = channel
    self.membership = membership
    self.renewal = renewal
  }

  package mutating func handle(_ input: NodeInput, now: Now, into effects: inout NodeEffects) {
    switch input {
    case .datagram(let bytes, let from):
      channel.handle(.datagram(bytes, from: from), now: now, into: &effects.channel)
    case .deadline(let timer):
      fire(timer, now: now, into: &effects)
    case .stall(let lateness):
      channel.handle(.stall(lateness), now: now, into: &effects.channel)
      membership.handle(.stall(lateness), now: now, into: &effects.membership)
    case .accepted(let connection, let from):
      channel.handle(.accepted(connection, from: from), now: now, into: &effects.channel)
    case .connected(let connection):
      channel.handle(.connected(connection), now: now, into: &effects.channel)
    case .received(let connection, let bytes):
      channel.handle(.received(connection, bytes), now: now, into: &effects.channel)
    case .drained(let connection):
      channel.handle(.drained(connection), now: now, into: &effects.channel)
    case .closed(let connection):
      channel.handle(.closed(connection), now: now, into: &effects.channel)
    case .persisted(let token):
      persistEnded(token, durable: true, now: now, into: &effects)
    case .persistFailed(let token):
      persistEnded(token, durable: false, now: now, into: &effects)
    case .command(let command):
      obey(command, now: now, into: &effects)
    }
    settle(now: now, into: &effects)
  }

  private mutating func fire(_ timer: Timer, now: Now, into effects: inout NodeEffects) {
    switch timer.room {
    case TimerRoom.gossip: membership.handle(.deadline(timer), now: now, into: &effects.membership)
    case TimerRoom.channel: channel.handle(.deadline(timer), now: now, into: &effects.channel)
    default: break  // of a room that this version does not have
    }
  }

  private mutating func obey(_ command: NodeCommand, now: Now, into effects: inout NodeEffects) {
    switch command {
    case .start(let peers):
      introduce(peers, now: now, into: &effects)
      membership.handle(.command(.start(peers: peers.map(\.peer))), now: now, into: &effects.membership)
    case .introduce(let peers):
      introduce(peers, now: now, into: &effects)
      membership.handle(.command(.introduce(peers.map(\.peer))), now: now, into: &effects.membership)
    case .leave:
      membership.handle(.command(.leave), now: now, into: &effects.membership)
    case .setLoad(let load):
      membership.handle(.command(.setLoad(load)), now: now, into: &effects.membership)
    case .setEndpoint(let endpoint):
      membership.handle(.command(.setEndpoint(endpoint)), now: now, into: &effects.membership)
    case .revoke(let revocation):
      membership.handle(.command(.revoke(revocation)), now: now, into: &effects.membership)
    case .survey(let host):
      channel.handle(.command(.survey(host)), now: now, into: &effects.channel)
    case .renew(let certificate):
      bring(certificate, now: now, into: &effects)
    }
  }

  private mutating func introduce(_ peers: [KnownPeer], now: Now, into effects: inout NodeEffects) {
    for peer in peers {
      channel.handle(.command(.introduce(peer.key, at: peer.endpoint)), now: now, into: &effects.channel)
    }
  }

  /// Carries messages and events between the cores until nothing is left. Each pass consumes what it reads and a core
  /// answers one message with a bounded number of others, so this ends.
  private mutating func settle(now: Now, into effects: inout NodeEffects) {
    var delivery = 0
    var send = 0
    var channelEvent = 0
    var membershipEvent = 0
    var roster = 0
    var persist = 0
    var progress = true
    while progress {
      progress = false
      while delivery < effects.channel.deliveries.count {
        deliver(effects.channel.deliveries[delivery], now: now, into: &effects)
        delivery += 1
        progress = true
      }
      while channelEvent < effects.channel.events.count {
        follow(effects.channel.events[channelEvent], now: now, into: &effects)
        channelEvent += 1
        progress = true
      }
      while membershipEvent < effects.membership.events.count {
        follow(effects.membership.events[membershipEvent], now: now, into: &effects)
        membershipEvent += 1
        progress = true
      }
      while roster < effects.membership.rosterTransfers.count {
        sendRoster(to: effects.membership.rosterTransfers[roster], now: now, into: &effects)
        roster += 1
        progress = true
      }
      while persist < effects.membership.persists.count {
        keep(effects.membership.persists[persist], now: now, into: &effects)
        persist += 1
        progress = true
      }
      while send < effects.membership.sends.count {
        let next = effects.membership.sends[send]
        channel.send(.gossip, next.message, to: next.to, at: next.at, now: now, into: &effects.channel)
        send += 1
        progress = true
      }
    }
    collect(&effects)
  }

  /// Moves what is left for the shell and empties the rest; messages on their way out stay.
  private mutating func collect(_ effects: inout NodeEffects) {
    for var deadline in effects.channel.deadlines {
      deadline.timer.room = TimerRoom.channel
      effects.deadlines.append(deadline)
    }
    for var deadline in effects.membership.deadlines {
      deadline.timer.room = TimerRoom.gossip
      effects.deadlines.append(deadline)
    }
    effects.channel.deadlines.removeAll(keepingCapacity: true)
    effects.channel.deliveries.removeAll(keepingCapacity: true)
    effects.channel.events.removeAll(keepingCapacity: true)
    effects.membership.removeAll()
  }
}

extension KnownPeer {
  var peer: Peer { Peer(host: host, endpoint: endpoint) }
}
