import MapShard
import Wire

private let second = Nanoseconds.seconds(1)
private let millisecond = Nanoseconds.milliseconds(1)

/// Directed runs around the register's voters: rounds that cross, sets that change, disks that are lost.
extension DirectedRun {
  private static let threeVoters: @Sendable (inout ShardWorldSettings) -> Void = { $0.voters = [0, 1, 2] }

  static let ofVoters: [DirectedRun] = [
    DirectedRun("three voters, one after the other restarts", adjust: threeVoters) { world, owner in
      for round in 0..<4 {
        world.apply(.bounce(round % 3))
        let now = world.actingMachine(0) ?? owner
        world.apply(.cut(from: now, to: world.follower(of: 0, besides: now)))
        world.run(for: second)
        world.apply(.mend(from: now, to: world.follower(of: 0, besides: now)))
        world.run(for: second)
      }
    },
    DirectedRun("three voters, rounds cross", adjust: threeVoters) { world, owner in
      for skip in 0..<4 {
        world.add(Reflex(.sends(.accept), skips: skip, .delay(300 * millisecond)))
        world.add(Reflex(.sends(.promise), skips: skip, .delay(200 * millisecond)))
      }
      world.apply(.crash(owner))
      for member in world.members(of: 0) where member != owner { world.apply(.advice(member, about: owner, .dead)) }
      world.run(for: 5 * second)
    },
    DirectedRun("three voters, answers of acceptance are lost", adjust: threeVoters) { world, owner in
      for skip in 0..<4 { world.add(Reflex(.sends(.accepted), skips: skip, .drop)) }
      world.add(Reflex(.sends(.accept), skips: 2, .crash))
      world.apply(.pause(owner, for: 3 * second))
      world.run(for: 6 * second)
    },
    DirectedRun("one voter becomes three") { world, owner in
      world.apply(.voters([0, 1, 2]))
      world.run(for: 500 * millisecond)
      world.apply(.crash(0))
      let member = world.follower(of: 0, besides: owner)
      world.apply(.split(1 << UInt64(member)))
      world.run(for: 4 * second)
      world.apply(.mendSplit(1 << UInt64(member)))
      world.run(for: 2 * second)
    },
    DirectedRun("old voter loses power before its end is durable", adjust: { $0.hosts = 6 }) { world, owner in
      // The new voters copy at once; the old one has forgotten its end and is the only one that the owner reaches.
      let member = world.follower(of: 0, besides: owner)
      world.apply(.slowDisk(0, 3 * second))
      world.apply(.split(1 << UInt64(owner)))
      // Or the word about the new voters, already on its way, would reach the owner when the cut is mended.
      world.apply(.breakLink(0, owner))
      world.change(voters: [member, 4, 5], tell: [member, 4, 5])
      _ = world.run(until: world.time + 700 * millisecond) { $0.hasVoters(4, 5, in: 2) }
      world.apply(.powerLoss(0))
      world.apply(.slowDisk(0, 0))
      for other in world.machines.indices where other != 0 && other != owner { world.cut(0, other, for: 6 * second) }
      world.apply(.mend(from: 0, to: owner))
      world.apply(.mend(from: owner, to: 0))
      world.apply(.restart(0))
      world.run(for: 7 * second)
    },
    DirectedRun(
      "new voters hear a voter that was away",
      adjust: {
        $0.hosts = 7
        $0.voters = [0, 1, 2]
      }
    ) { world, owner in
      // One old voter misses some changes; then only it is reached by the new ones for a while.
      let away = world.settings.voters.last { $0 != owner } ?? 2
      world.apply(.split(1 << UInt64(away)))
      for _ in 0..<2 {
        world.apply(.bounce(world.follower(of: 0, besides: world.actingMachine(0) ?? owner)))
        world.run(for: 2 * second)
      }
      let rest = world.settings.voters.filter { $0 != away }
      for old in rest {
        for new in [4, 5, 6] where new != old { world.cut(old, new, for: 3 * second) }
      }
      world.apply(.mendSplit(1 << UInt64(away)))
      world.run(for: 200 * millisecond)
      world.change(voters: [4, 5, 6], tell: [4, 5, 6])
      world.run(for: 6 * second)
    },
    DirectedRun("the only voter loses its disk") { world, owner in
      let member = world.follower(of: 0, besides: owner)
      world.loseDisk(0)
      world.loseDisk(member)
      // An empty host must not make the shard anew.
      for other in world.members(of: 0) where other != member { world.cut(member, other, for: 4 * second) }
      world.run(for: 100 * millisecond)
      world.apply(.restart(0))
      world.apply(.restart(member))
      world.run(for: 4 * second)
      world.apply(.rebuild(0))
      world.run(for: 5 * second)
    },
    DirectedRun(
      "one of three voters loses its disk",
      adjust: {
        $0.hosts = 6
        $0.voters = [0, 4, 5]
      }
    ) { world, owner in
      // The blank one and one that was away are a majority by number.
      world.apply(.split(1 << 5))
      world.apply(.bounce(world.follower(of: 0, besides: owner)))
      world.run(for: 2 * second)
      world.loseDisk(4)
      world.apply(.powerLoss(0))
      world.apply(.restart(4))
      world.apply(.mendSplit(1 << 5))
      let now = world.actingMachine(0) ?? owner
      world.apply(.bounce(world.follower(of: 0, besides: now)))
      world.run(for: 4 * second)
      world.apply(.restart(0))
      world.run(for: second)
      world.apply(.voters([0, 4, 5]))
      world.run(for: 3 * second)
    },
    DirectedRun("voters change while requests are on their way") { world, owner in
      world.apply(.delay(from: world.follower(of: 0, besides: owner), to: 0, 600 * millisecond))
      world.apply(.split(1 << UInt64(owner)))
      world.run(for: 1_400 * millisecond)
      world.apply(.voters([0, 1, 2]))
      world.run(for: 300 * millisecond)
      world.apply(.mendSplit(1 << UInt64(owner)))
      world.run(for: 5 * second)
    },
  ]
}
