package import Gossip
package import MapShard
import SecureChannel
package import Wire
package import WorldData

/// One node of the mesh: the cores and how they work together. Pure, like them; the shell and the simulator run it.
///
/// Each joint is an extension in a file of its own. `handle` gives an input to the core that it concerns and then
/// settles: it carries what one core says to the other until none has anything to say.
package struct Node<Channel: PeerChannel> {
  package internal(set) var channel: Channel
  package internal(set) var membership: Membership
  package internal(set) var shards: ShardHost
  package internal(set) var store: NodeStore
  package internal(set) var worlds: WorldSync
  var worldJoint: WorldJoint
  package internal(set) var stewardship = Stewardship()
  let renewal: (any CertificateRenewal)?
  let hosts: (any CertifiedHosts)?
  var linkNeeds = LinkNeeds()
  var transfers = TransferLedger()
  var persists = PersistLedger()
  #if MESH_PLANTED_BUGS
    package var planted: JointBugs = []
  #endif

  /// `renewal` adopts renewed certificates and `hosts` tells what certificates say; simulations without certificates have
  /// neither, and place no shards.
  package init(
    channel: Channel, membership: Membership, shards: ShardHost, store: NodeStore,
    worlds: WorldSync, seed: UInt64,
    renewal: (any CertificateRenewal)? = nil,
    hosts: (any CertifiedHosts)? = nil
  ) {
    self.channel = channel
    self.membership = membership
    self.shards = shards
    self.store = store
    self.worlds = worlds
    worldJoint = WorldJoint(seed: seed)
    self.renewal = renewal
    self.hosts = hosts
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
    case .log(let input):
      store.handle(input, now: now)
    case .world(let input):
      giveWorlds(input, now: now, into: &effects)
    case .objects(let bytes, let host):
      sendObjects(bytes, to: host, now: now, into: &effects)
    case .command(let command):
      obey(command, now: now, into: &effects)
    }
    settle(now: now, into: &effects)
  }

  /// After the last of the inputs that came in one turn of the loop, before their effects are carried out.
  package mutating func endTurn(now: Now, into effects: inout NodeEffects) {
    channel.endTurn(now: now, into: &effects.channel)
  }

  private mutating func fire(_ timer: Timer, now: Now, into effects: inout NodeEffects) {
    switch timer.room {
    case TimerRoom.gossip: membership.handle(.deadline(timer), now: now, into: &effects.membership)
    case TimerRoom.channel: channel.handle(.deadline(timer), now: now, into: &effects.channel)
    case TimerRoom.node where timer.kind == WorldJoint.timerKind: worldPeriod(now: now, into: &effects)
    case TimerRoom.node: fireStewardship(timer, now: now, into: &effects)
    case TimerRoom.worlds: giveWorlds(.deadline(timer), now: now, into: &effects)
    case TimerRoom.log: store.handle(.deadline(timer), now: now)
    case TimerRoom.shards: shards.handle(.deadline(timer), now: now, into: &effects.shards)
    default: break  // of a room that this version does not have
    }
  }

  private mutating func obey(_ command: NodeCommand, now: Now, into effects: inout NodeEffects) {
    switch command {
    case .start(let peers):
      beginWorlds(now: now, into: &effects)
      introduce(peers, now: now, into: &effects)
      membership.handle(.command(.start(peers: peers.map(\.peer))), now: now, into: &effects.membership)
    case .introduce(let peers):
      introduce(peers, now: now, into: &effects)
      membership.handle(.command(.introduce(peers.map(\.peer))), now: now, into: &effects.membership)
    case .leave:
      // What is owned here goes on elsewhere at once, instead of when promises have lapsed.
      shards.handle(.command(.releaseAll), now: now, into: &effects.shards)
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
    case .steward(let command):
      obey(command, now: now, into: &effects)
    case .shards(let command):
      shards.handle(.command(command), now: now, into: &effects.shards)
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
    var append = 0
    var worldEvent = 0
    var worldSend = 0
    var document = 0
    var worldReport = 0
    var heartbeat = 0
    var frame = 0
    var snapshot = 0
    var link = 0
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
      if append < effects.shards.appends.count {
        append = self.append(from: append, now: now, into: &effects)
        progress = true
      }
      while worldEvent < effects.worlds.events.count {
        follow(effects.worlds.events[worldEvent], now: now, into: &effects)
        worldEvent += 1
        progress = true
      }
      while worldSend < effects.worlds.sends.count {
        self.send(effects.worlds.sends[worldSend], now: now, into: &effects)
        worldSend += 1
        progress = true
      }
      while document < effects.worlds.documents.count {
        sendDocument(effects.worlds.documents[document], now: now, into: &effects)
        document += 1
        progress = true
      }
      while worldReport < effects.worlds.reports.count {
        channel.handle(
          .command(.report(effects.worlds.reports[worldReport], .badMessage)), now: now, into: &effects.channel)
        worldReport += 1
        progress = true
      }
      if followLog(now: now, into: &effects) { progress = true }
      if shards.voterSetNumber != stewardship.voterSet {
        noteVoters(now: now, into: &effects)
        progress = true
      }
      while link < effects.shards.links.count {
        let (host, wanted) = effects.shards.links[link]
        want(host, wanted, by: .shards, now: now, &effects)
        link += 1
        progress = true
      }
      while heartbeat < effects.shards.heartbeats.count {
        self.send(effects.shards.heartbeats[heartbeat], now: now, into: &effects)
        heartbeat += 1
        progress = true
      }
      while frame < effects.shards.frames.count {
        self.send(effects.shards.frames[frame], now: now, into: &effects)
        frame += 1
        progress = true
      }
      while snapshot < effects.shards.snapshots.count {
        self.send(effects.shards.snapshots[snapshot], now: now, into: &effects)
        snapshot += 1
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
    for var deadline in effects.shards.deadlines {
      deadline.timer.room = TimerRoom.shards
      effects.deadlines.append(deadline)
    }
    for var deadline in effects.worlds.deadlines {
      deadline.timer.room = TimerRoom.worlds
      effects.deadlines.append(deadline)
    }
    for event in effects.shards.events { effects.events.append(.shard(event)) }
    effects.channel.deadlines.removeAll(keepingCapacity: true)
    effects.channel.deliveries.removeAll(keepingCapacity: true)
    effects.channel.events.removeAll(keepingCapacity: true)
    effects.membership.removeAll()
    effects.shards.settled()
    effects.worlds.settled()
  }
}

extension KnownPeer {
  var peer: Peer { Peer(host: host, endpoint: endpoint) }
}
