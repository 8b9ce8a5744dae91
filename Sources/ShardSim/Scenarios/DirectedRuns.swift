import MapShard
import Wire

private let second = Nanoseconds.seconds(1)
private let millisecond = Nanoseconds.milliseconds(1)

extension DirectedRun {
  package static let all: [DirectedRun] = ofTheRegister + ofPromises + ofTheLog + ofVoters

  // MARK: Around a compare-and-set

  static let ofTheRegister: [DirectedRun] = [
    DirectedRun("crash right after a request for the shard") { world, owner in
      for member in world.members(of: 0) where member != owner {
        world.add(Reflex(.sends(.propose), on: member, .crash))
      }
      world.apply(.crash(owner))
      world.run(for: 2 * second)
      world.apply(.restart(owner))
      world.run(for: 5 * second)
    },
    DirectedRun("voter dies as it answers") { world, owner in
      for skip in 0..<3 { world.add(Reflex(.sends(.record), on: 0, skips: skip * 2, .bounce)) }
      world.apply(.crash(owner))
      world.run(for: 4 * second)
      world.apply(.restart(owner))
      world.run(for: 4 * second)
    },
    DirectedRun("voter loses power between vote and sync") { world, owner in
      world.apply(.slowDisk(0, 300 * millisecond))
      for _ in 0..<6 {
        let member = world.follower(of: 0, besides: owner)
        world.apply(.split(1 << UInt64(member)))
        world.run(for: 700 * millisecond + world.chance.below(300 * millisecond))
        world.apply(.powerLoss(0))
        world.run(for: 50 * millisecond)
        world.apply(.restart(0))
        world.apply(.mendSplit(1 << UInt64(member)))
        world.run(for: 900 * millisecond)
      }
    },
    DirectedRun("answer to an expansion is late, the new member takes over") { world, owner in
      // Shrink and expand: the reply of the expansion does not reach the owner, the new member reads the register.
      let member = world.follower(of: 0, besides: owner)
      world.apply(.bounce(member))
      world.add(Reflex(.takes(.propose), on: 0, skips: 1, .cutTo(for: 6 * second)))
      world.run(for: 1_500 * millisecond)
      world.cut(owner, member, for: 5 * second)
      world.run(for: 5 * second)
    },
    DirectedRun("request for the shard arrives late") { world, owner in
      let member = world.follower(of: 0, besides: owner)
      world.add(Reflex(.sends(.propose), on: member, .delay(1_500 * millisecond)))
      world.cut(owner, member, for: 1_700 * millisecond + world.chance.below(400 * millisecond))
      // The owner must not drop the member meanwhile, or the late request is refused.
      world.cut(owner, 0, for: 4 * second)
      world.run(for: 6 * second)
    },
    DirectedRun("answer to a request for the shard is late") { world, owner in
      let member = world.follower(of: 0, besides: owner)
      world.add(Reflex(.sends(.propose), on: member, .cutFrom(for: 3 * second)))
      world.cut(owner, member, for: 1_700 * millisecond + world.chance.below(400 * millisecond))
      world.cut(owner, 0, for: 5 * second)
      world.run(for: 6 * second)
    },
    DirectedRun("move whose answer is late") { world, owner in
      let member = world.follower(of: 0, besides: owner)
      world.add(Reflex(.sends(.record), on: 0, .cutTo(for: 3 * second)))
      world.apply(.move(world.shards[0], to: member))
      world.run(for: 100 * millisecond)
      world.cut(owner, member, for: 2 * second)
      world.run(for: 5 * second)
    },
    DirectedRun("move of an idle shard, the target learns of it before the old owner", adjust: { $0.clients = 0 }) {
      world, owner in
      let member = world.follower(of: 0, besides: owner)
      world.run(for: 3 * second)
      world.apply(.move(world.shards[0], to: member))
      guard world.runUntilAsked(.move, by: owner, within: second) else { return }
      world.cut(owner, member, for: 4 * second)
      world.apply(.cut(from: 0, to: owner))
      world.schedule(.mend(from: 0, to: owner), at: world.time + 4 * second)
      world.run(for: 30 * millisecond)
      // A new link makes it read.
      world.apply(.breakLink(0, member))
      world.run(for: 5 * second)
    },
    DirectedRun("clean stop under load") { world, owner in
      for _ in 0..<2 {
        let now = world.actingMachine(0) ?? owner
        world.apply(.stop(now))
        world.run(for: second)
        world.apply(.restart(now))
        world.run(for: 2 * second)
      }
    },
    DirectedRun("clean stop, the old owner hears late") { world, owner in
      for other in world.machines.indices where other != owner {
        world.apply(.delay(from: other, to: owner, 250 * millisecond))
      }
      world.run(for: second)
      world.apply(.stop(owner))
      world.run(for: 2 * second)
      world.apply(.restart(owner))
      world.run(for: 2 * second)
    },
    DirectedRun("moves one after the other") { world, owner in
      var from = owner
      for _ in 0..<5 {
        let to = world.follower(of: 0, besides: from, world.chance.below(2))
        world.apply(.move(world.shards[0], to: to))
        world.run(for: 700 * millisecond + world.chance.below(500 * millisecond))
        from = world.actingMachine(0) ?? from
      }
    },
    DirectedRun("release whose message is lost") { world, owner in
      world.add(Reflex(.sends(.release), on: owner, .drop))
      world.apply(.stop(owner))
      world.run(for: 4 * second)
      world.apply(.restart(owner))
      world.run(for: 3 * second)
    },
    DirectedRun("owner without voters releases") { world, owner in
      // Its members reach the voters, it does not; one member is cut off from it.
      let member = world.follower(of: 0, besides: owner)
      world.cut(owner, 0, for: 12 * second)
      world.cut(owner, member, for: 12 * second)
      world.run(for: 12 * second)
    },
    DirectedRun("everybody asks at once", adjust: { $0.core.stagger = 0 }) { world, owner in
      world.apply(.crash(owner))
      for member in world.members(of: 0) where member != owner {
        world.apply(.advice(member, about: owner, .dead))
      }
      world.run(for: 4 * second)
    },
  ]

  // MARK: Promises and lives

  static let ofPromises: [DirectedRun] = [
    DirectedRun("member restarts within its promise") { world, owner in
      let member = world.follower(of: 0, besides: owner)
      for round in 0..<4 {
        world.add(Reflex(.sends(.heartbeatAnswer), on: member, skips: round, .bounce))
        world.run(for: 600 * millisecond + world.chance.below(second))
      }
      world.cut(owner, member, for: 3 * second)
      world.run(for: 4 * second)
    },
    DirectedRun("owner restarts at once") { world, owner in
      for _ in 0..<3 {
        let now = world.actingMachine(0) ?? owner
        world.apply(.bounce(now))
        world.run(for: second + world.chance.below(2 * second))
      }
    },
    DirectedRun("owner is stopped past its promises") { world, owner in
      for _ in 0..<2 {
        let now = world.actingMachine(0) ?? owner
        world.apply(.pause(now, for: 1_100 * millisecond + world.chance.below(2 * second)))
        world.run(for: 5 * second)
      }
    },
    DirectedRun("answers of heartbeats are slow", adjust: { $0.minimum = 1 }) { world, owner in
      // A promise that is counted from its arrival ends after the member's own.
      let member = world.follower(of: 0, besides: owner)
      world.cut(owner, 0, for: 6 * second)
      world.run(for: 50 * millisecond)
      world.apply(.delay(from: member, to: owner, 900 * millisecond))
      world.apply(.advice(member, about: owner, .dead))
      world.run(for: 1_500 * millisecond)
      world.apply(.cut(from: owner, to: member))
      world.schedule(.mend(from: owner, to: member), at: world.time + 4 * second)
      world.run(for: 6 * second)
    },
    DirectedRun("heartbeats are lost, links are not") { world, owner in
      world.cut(owner, 0, for: 4 * second)
      for other in world.machines.indices where other != owner && other != 0 {
        world.apply(.loss(from: owner, to: other, 1))
        world.apply(.loss(from: other, to: owner, 1))
      }
      world.run(for: 4 * second)
    },
    DirectedRun("owner cut off from one member") { world, owner in
      let member = world.follower(of: 0, besides: owner)
      // Without voters it cannot drop the member; the member can take over.
      world.cut(owner, 0, for: 5 * second)
      world.cut(owner, member, for: 5 * second)
      world.run(for: 7 * second)
    },
    DirectedRun("owner hears and is not heard") { world, owner in
      for other in 0..<world.machines.count where other != owner { world.apply(.cut(from: owner, to: other)) }
      world.run(for: 4 * second)
    },
    DirectedRun("links flap under a takeover") { world, owner in
      let member = world.follower(of: 0, besides: owner)
      world.cut(owner, 0, for: 6 * second)
      for _ in 0..<10 {
        world.cut(owner, member, for: 300 * millisecond + world.chance.below(1_300 * millisecond))
        world.run(for: 600 * millisecond + world.chance.below(900 * millisecond))
        world.apply(.breakLink(owner, member))
      }
    },
    DirectedRun("one shard withdraws, another goes on", adjust: { $0.shards = 3 }) { world, owner in
      let member = world.follower(of: 0, besides: owner)
      for skip in 0..<3 { world.add(Reflex(.sends(.propose), on: member, skips: skip, .delay(1_200 * millisecond))) }
      world.cut(owner, 0, for: 6 * second)
      world.cut(owner, member, for: 1_800 * millisecond + world.chance.below(200 * millisecond))
      world.run(for: 7 * second)
    },
  ]

  // MARK: Logs

  static let ofTheLog: [DirectedRun] = [
    DirectedRun("power cut everywhere") { world, _ in
      world.run(for: second)
      for machine in world.machines.indices { world.apply(.slowDisk(machine, 200 * millisecond)) }
      world.run(for: 2 * second)
      for machine in world.machines.indices { world.apply(.powerLoss(machine)) }
      world.run(for: 300 * millisecond)
      for machine in world.machines.indices { world.apply(.restart(machine)) }
      world.run(for: 4 * second)
    },
    DirectedRun("all restart while the owner is cut off") { world, owner in
      // The others restart and may not recover the shard: the owner may live.
      let others = world.machines.indices.filter { $0 != owner }
      world.apply(.split(1 << UInt64(owner)))
      for machine in others where machine != 0 { world.apply(.bounce(machine)) }
      world.run(for: 4 * second)
      world.apply(.mendSplit(1 << UInt64(owner)))
      world.run(for: 2 * second)
    },
    DirectedRun("owner dies with a tail, its follower keeps it") { world, owner in
      for round in 0..<3 {
        let now = world.actingMachine(0) ?? owner
        let member = world.follower(of: 0, besides: now, round)
        world.apply(.loss(from: now, to: member, 1))
        world.add(Reflex(.sends(.append), on: now, skips: 3, .cutTo(for: 400 * millisecond)))
        world.run(for: 200 * millisecond)
        world.apply(.bounce(now))
        world.apply(.loss(from: now, to: member, 0))
        world.run(for: 3 * second)
      }
    },
    DirectedRun("takeovers in a row with tails that differ", adjust: { $0.clients = 6 }) { world, owner in
      for round in 0..<4 {
        guard let now = world.actingMachine(0) else { return world.run(for: 2 * second) }
        // What it writes from now on reaches one member at most.
        let member = world.follower(of: 0, besides: now, round)
        world.apply(.split(1 << UInt64(now)))
        world.apply(.mend(from: now, to: member))
        world.apply(.mend(from: member, to: now))
        world.run(for: 400 * millisecond)
        world.apply(.cut(from: now, to: member))
        world.apply(.cut(from: member, to: now))
        world.run(for: 3 * second)
        world.apply(.mendSplit(1 << UInt64(now)))
        world.run(for: 2 * second)
      }
    },
    DirectedRun("old appends arrive in a new reign", adjust: { $0.clients = 6 }) { world, owner in
      for _ in 0..<3 {
        guard let now = world.actingMachine(0) else { return world.run(for: 2 * second) }
        world.apply(.split(1 << UInt64(now)))
        world.run(for: 1_900 * millisecond)
        world.apply(.mendSplit(1 << UInt64(now)))
        world.run(for: 2 * second)
      }
    },
    DirectedRun("a client repeats itself across a takeover") { world, owner in
      world.add(Reflex(.acknowledges, on: owner, skips: 5, .crash))
      world.run(for: 5 * second)
      world.apply(.restart(owner))
      world.run(for: 2 * second)
      if let now = world.actingMachine(0) {
        world.add(Reflex(.takes(.appended), on: now, skips: 6, .pause(for: 3 * second)))
      }
      world.run(for: 6 * second)
    },
    DirectedRun("expansion while entries are under way", adjust: { $0.clients = 8 }) { world, owner in
      let member = world.follower(of: 0, besides: owner)
      world.apply(.slowDisk(member, 400 * millisecond))
      for _ in 0..<3 {
        world.apply(.bounce(member))
        world.run(for: 1_500 * millisecond)
      }
      world.apply(.powerLoss(owner))
      world.run(for: 3 * second)
    },
    DirectedRun("disk of the owner fails") { world, owner in
      world.apply(.failDisk(owner))
      world.run(for: 5 * second)
    },
    DirectedRun("disk of a member is full") { world, owner in
      world.apply(.fullDisk(world.follower(of: 0, besides: owner)))
      world.run(for: 4 * second)
    },
    DirectedRun("a damaged copy does not stand") { world, owner in
      let member = world.follower(of: 0, besides: owner)
      for machine in world.machines.indices { world.apply(.powerLoss(machine)) }
      world.machines[member].disk.damage(0)
      world.ledger.untrusted.insert(member)
      world.run(for: 200 * millisecond)
      for machine in world.machines.indices { world.apply(.restart(machine)) }
      world.run(for: 6 * second)
    },
    DirectedRun("a lost disk comes back empty") { world, owner in
      let member = world.follower(of: 0, besides: owner)
      world.apply(.powerLoss(member))
      world.run(for: 3 * second)
      world.apply(.loseDisk(member))
      world.apply(.restart(member))
      world.run(for: 4 * second)
    },
  ]
}
