import MapShard
import Wire

/// A fault that waits for its moment: right after a compare-and-set, within a promise, before an answer arrives. Random
/// faults alone miss those.
package struct Reflex: Hashable, Sendable {
  package enum Trigger: Hashable, Sendable {
    /// A machine hands such a message to the network.
    case sends(MessageKind)
    /// A machine is given one.
    case takes(MessageKind)
    case wins
    case loses
    /// State of the register became durable.
    case votes
    case acknowledges
  }

  package enum Action: Hashable, Sendable {
    case crash, powerLoss, bounce
    case pause(for: UInt64)
    /// Cuts the path to the other end of the message, that from it, or both.
    case cutTo(for: UInt64)
    case cutFrom(for: UInt64)
    case cutBoth(for: UInt64)
    /// Cuts the machine off from all.
    case isolate(for: UInt64)
    case breakLink
    /// The message, and what follows it on its carrier, comes late.
    case delay(UInt64)
    case drop
    case crashPeer, bouncePeer
    case killMembers(backAfter: UInt64)
    /// The operator or placement wants a move now.
    case move
  }

  package var trigger: Trigger
  /// `nil`: any machine.
  package var machine: Int?
  /// So many occasions pass before it fires, once.
  package var skips: Int
  package var action: Action

  package init(_ trigger: Trigger, on machine: Int? = nil, skips: Int = 0, _ action: Action) {
    self.trigger = trigger
    self.machine = machine
    self.skips = skips
    self.action = action
  }
}

extension Reflex: CustomStringConvertible {
  package var description: String {
    "\(action) when \(machine.map { "host \($0)" } ?? "any host") \(trigger)\(skips > 0 ? " after \(skips) times" : "")"
  }
}

extension ShardWorld {
  package mutating func add(_ reflex: Reflex) { reflexes.append(reflex) }

  /// A message is about to go; whether it does.
  mutating func sends(_ carrier: ShardCarrier?, _ bytes: [UInt8], from machine: Int, to peer: Int) -> Bool {
    noteForwarded(carrier, bytes, by: machine)
    guard !reflexes.isEmpty else { return true }
    let kind = MessageKind(carrier, bytes)
    guard let action = fire(.sends(kind), machine) else { return true }
    switch action {
    case .drop:
      trace.note(.fault, host: machine, at: time, 1, 0, "drops \(kind) to \(peer)")
      return false
    case .delay(let span):
      trace.note(.fault, host: machine, at: time, 2, 0, "delays \(kind) to \(peer) by \(seconds(span)) s")
      guard let carrier else { return false }
      let lane = Link.lane(machine < peer ? 0 : 1, carrier)
      links[machine, peer].lanes[lane].lastDue = max(links[machine, peer].lanes[lane].lastDue, time + span)
    default: reflexActions.append((action, machine, peer))
    }
    return true
  }

  /// Something happened to a machine that reflexes may wait for.
  mutating func occasion(_ trigger: Reflex.Trigger, _ machine: Int, peer: Int) {
    guard !reflexes.isEmpty, let action = fire(trigger, machine) else { return }
    reflexActions.append((action, machine, peer))
  }

  private mutating func fire(_ trigger: Reflex.Trigger, _ machine: Int) -> Reflex.Action? {
    for index in reflexes.indices {
      guard reflexes[index].trigger == trigger, reflexes[index].machine ?? machine == machine else { continue }
      if reflexes[index].skips > 0 {
        reflexes[index].skips -= 1
        continue
      }
      return reflexes.remove(at: index).action
    }
    return nil
  }

  /// Between two turns.
  mutating func actOnReflexes() {
    while violation == nil, !reflexActions.isEmpty {
      let (action, machine, peer) = reflexActions.removeFirst()
      trace.note(.fault, host: machine, at: time, 3, UInt64(truncatingIfNeeded: peer), "reflex \(action), peer \(peer)")
      switch action {
      case .crash: apply(.crash(machine))
      case .powerLoss: apply(.powerLoss(machine))
      case .bounce: apply(.bounce(machine))
      case .pause(let span): apply(.pause(machine, for: span))
      case .cutTo(let span): cutForAWhile([(machine, peer)], span)
      case .cutFrom(let span): cutForAWhile([(peer, machine)], span)
      case .cutBoth(let span): cutForAWhile([(machine, peer), (peer, machine)], span)
      case .isolate(let span):
        apply(.split(1 << UInt64(machine)))
        schedule(.mendSplit(1 << UInt64(machine)), at: time + span)
      case .breakLink: if peer != machine { apply(.breakLink(machine, peer)) }
      case .crashPeer: apply(.crash(peer))
      case .bouncePeer: apply(.bounce(peer))
      case .killMembers(let span):
        let members = (ledger.shards[0].newest?.members ?? []).compactMap { machineOf[$0.host] }
        apply(.killAll(members, backAfter: span))
      case .move: apply(.move(shards[0], to: peer))
      case .delay, .drop: break
      }
    }
  }

  private mutating func cutForAWhile(_ paths: [(Int, Int)], _ span: UInt64) {
    for (from, to) in paths where from != to {
      apply(.cut(from: from, to: to))
      schedule(.mend(from: from, to: to), at: time + span)
    }
  }
}
