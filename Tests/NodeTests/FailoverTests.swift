import Control
import Glibc
import MeshLab
import Testing

extension NodeTests {
  /// What every one of these ends with: nothing that was acknowledged is missing, nothing was applied twice, and no
  /// acknowledgement contradicts another one.
  @Suite("Shards of killed hosts", .serialized)
  struct FailoverTests {
    @Test("three owners killed under load")
    func threeKills() async throws {
      try await onOwnThread {
        let (lab, _) = try mesh()
        defer { lab.stop() }
        var failover = LabFailover(lab, voters: 1)
        for _ in 0..<3 { try failover.killOwner(waitsForCopies: false) }
        print("gaps: \(failover.gaps.map(\.shown).joined(separator: " ")) s")
        #expect(failover.gaps.count >= 3 && failover.gaps.allSatisfy(\.isFinite))
        expectClean(failover.ledger, lab)
      }
    }

    @Test(
      "the first voter killed: with one voter shards that it does not hold play on, with three all do",
      arguments: [1, 3])
    func killedVoter(voters: Int) async throws {
      try await onOwnThread {
        var world = LabWorld.small
        world.voters = voters
        let (lab, shards) = try mesh(world: world)
        defer { lab.stop() }
        let voter = lab.members[0]
        let untouched = Set(shards.filter { !$0.copies.contains { $0.name == voter.name } }.map(\.name))
        let playing = voters == 1 ? untouched : Set(shards.map(\.name))
        try #require(!playing.isEmpty, "every shard has a copy on the voter")
        let load = try LabLoad(lab, shards: shards)
        #expect(load.wait(for: 10, within: 20) == [])
        voter.process?.kill()
        // About three seconds of writes, more than every promise lasts.
        #expect(load.wait(for: 60, of: playing, within: 25) == [], "shards stand still without the voter")
        try lab.start(voter)
        #expect(load.wait(for: 10, within: 30) == [], "shards stand still although the voter is back")
        expectClean(try load.stop(), lab)
      }
    }

    @Test("all hosts killed at once and started again: nothing critical is lost")
    func allKilled() async throws {
      try await onOwnThread {
        let (lab, shards) = try mesh()
        defer { lab.stop() }
        let load = try LabLoad(lab, shards: shards)
        #expect(load.wait(for: 20, within: 20) == [])
        for member in lab.members { if let process = member.process { kill(process.identifier, SIGKILL) } }
        for member in lab.members { member.process?.kill() }
        for member in lab.members { try lab.start(member) }
        #expect(load.wait(for: 10, within: 30) == [], "not everything has recovered")
        expectClean(try load.stop(), lab)
      }
    }

    @Test("a host killed five times in a row in the middle of writes, with several writers on each shard")
    func killedWhileWriting() async throws {
      try await onOwnThread {
        let (lab, shards) = try mesh()
        defer { lab.stop() }
        let victim = try #require(
          lab.members.dropFirst().max { owned(by: $0, shards).count < owned(by: $1, shards).count })
        var options = LabLoad.Options()
        options.writersPerShard = 2
        options.pause = 0.005
        let load = try LabLoad(lab, shards: shards, options)
        #expect(load.wait(for: 10, within: 20) == [])
        for _ in 0..<5 {
          victim.process?.kill()
          try lab.start(victim)
          // Long enough to recover its log and to be sent entries again.
          LabClock.pause(0.7)
        }
        #expect(load.wait(for: 10, within: 30) == [])
        expectClean(try load.stop(), lab)
      }
    }
  }
}
