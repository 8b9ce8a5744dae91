import Control
import Glibc
import MeshLab
import Testing

extension NodeTests {
  /// What every one of these ends with: nothing that was acknowledged is missing, nothing was applied twice, and no
  /// acknowledgement contradicts another one.
  @Suite("Shards of killed, frozen and cut-off hosts", .serialized)
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

    @Test("an owner frozen for 5 s: others own its shards, and thawed it does not answer for its old reign")
    func frozenOwner() async throws {
      try await onOwnThread {
        let (lab, shards) = try mesh()
        defer { lab.stop() }
        let owner = try #require(lab.members.dropFirst().first { !owned(by: $0, shards).isEmpty })
        let lost = owned(by: owner, shards)
        let load = try LabLoad(lab, shards: shards)
        #expect(load.wait(for: 10, within: 20) == [])
        owner.process?.freeze()
        // What is asked of a frozen process waits in its socket until it is thawed.
        let early = try lost.map { try Asked(owner, $0) }
        #expect(load.wait(for: 10, of: lost, within: 25) == [], "no new owner")
        LabClock.pause(5)
        let late = try lost.map { try Asked(owner, $0) }
        owner.process?.thaw()
        let epochs = Dictionary(shards.map { ($0.name, $0.epoch) }) { first, _ in first }
        for asked in early + late {
          let (read, write) = asked.answers()
          #expect(read == nil, "a thawed owner answered for \(asked.shard)")
          #expect(
            write.map { $0.epoch > epochs[asked.shard, default: 0] } ?? true,
            "\(asked.shard): acknowledged in its old epoch")
        }
        #expect(load.wait(for: 20, within: 20) == [])
        expectClean(try load.stop(), lab, besides: lost)
      }
    }

    @Test("a cut link between an owner and a follower: both play on, and find together again")
    func cutLink() async throws {
      try await onOwnThread {
        let scratch = try Lab.scratchFolder()
        defer { Lab.removeScratch(scratch) }
        guard LabNamespace.isPossible(folder: scratch) else {
          print("skipped: no network namespaces here, so no cut link")
          return
        }
        let hub = try LabNamespace("mesh-hub-\(getpid())", folder: scratch)
        let ends = try (0..<5).map { try LabNamespace("mesh-end\($0)-\(getpid())", folder: scratch) }
        try hub.connect(ends)
        var options = Lab.Options(binaries: try binaries())
        options.address = LabNamespace.address(0)
        let run = LabRun(nodes: 5, options: options, say: { _ in })
        let (lab, _, shards) = try run.start { index, member in
          member.namespace = ends[index]
          member.address = LabNamespace.address(index)
        }
        defer { lab.stop() }
        // An owner and a follower of his, neither of which is the voter.
        let shard = try #require(
          shards.first { shard in
            shard.owner?.name != "n1" && shard.copies.contains { $0.name != "n1" && $0 != shard.owner }
          })
        let owner = try #require(lab.members.firstIndex { $0.name == shard.owner?.name })
        let follower = try #require(
          lab.members.indices.first { index in
            index != owner && index != 0 && shard.copies.contains { $0.name == lab.members[index].name }
          })
        let load = try LabLoad(lab, shards: shards)
        #expect(load.wait(for: 10, within: 20) == [])
        let address = LabNamespace.address(follower)
        try ends[owner].filter("ip saddr \(address) drop", outgoing: "ip daddr \(address) drop")
        #expect(load.wait(for: 20, within: 25) == [], "shards stand still with one link cut")
        try ends[owner].filter("")
        let healed = lab.agree(on: 5, among: lab.members, within: 30)
        #expect(healed.agreed, explain(healed, lab))
        #expect(load.wait(for: 10, within: 20) == [])
        expectClean(try load.stop(), lab)
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

    @Test("a full disk: the host says so and gives its shards away or waits, and goes on when there is room")
    func fullDisk() async throws {
      try await onOwnThread {
        let scratch = try Lab.scratchFolder()
        defer { Lab.removeScratch(scratch) }
        var disk: LabDisk?
        let run = LabRun(nodes: 5, options: Lab.Options(binaries: try binaries()), say: { _ in })
        let (lab, _, shards) = try run.start { index, member in
          if index == 2 { disk = LabDisk(over: member.folder + "/data/store", megabytes: 200, scratch: scratch) }
        }
        defer { disk?.remove() }
        defer { lab.stop() }
        guard let disk else {
          print("skipped: no file system can be mounted here, so no full disk")
          return
        }
        let member = lab.members[2]
        var options = LabLoad.Options()
        options.valueSize = 60_000
        options.pause = 0.05
        let load = try LabLoad(lab, shards: shards, options)
        #expect(load.wait(for: 5, within: 20) == [])
        try disk.fill()
        let doctor = LabClock.wait(upTo: 30, every: 0.5) {
          let text = member.process?.logTail(lines: 400) ?? ""
          return text.contains("the disk is full") || !member.isRunning
        }
        #expect(doctor, "a full disk is not told:\n\(member.process?.logTail() ?? "")")
        disk.empty()
        if !member.isRunning { try lab.start(member) }
        #expect(load.wait(for: 5, within: 30) == [], "no writes although there is room again")
        expectClean(try load.stop(), lab)
      }
    }
  }
}

/// Five hosts, every shard owned and copied.
private func mesh(world: LabWorld = .small) throws -> (Lab, [MapsReply.Shard]) {
  let options = Lab.Options(binaries: try binaries())
  let started = try LabRun(nodes: 5, options: options, world: world, say: { _ in }).start()
  return (started.lab, started.shards)
}

private func owned(by member: Lab.Member, _ shards: [MapsReply.Shard]) -> Set<String> {
  Set(shards.filter { $0.owner?.name == member.name }.map(\.name))
}

/// - Parameter besides: shards in which the test itself may have written: their entries are not all the load's.
private func expectClean(_ ledger: LabLedger, _ lab: Lab, besides: Set<String> = []) {
  let verdict = ledger.verify(lab, besides: besides)
  print("\(verdict.acknowledged) writes were acknowledged")
  #expect(verdict.acknowledged > 0)
  #expect(verdict.isClean, Comment(rawValue: verdict.findings.joined(separator: "\n")))
}

/// A read and a write that are asked of a host now and answered when it can.
private final class Asked {
  let shard: String
  private let reading: ControlClient
  private let writing: ControlClient

  init(_ member: Lab.Member, _ shard: String) throws {
    self.shard = shard
    reading = try ControlClient(socket: member.socket, timeout: .seconds(10))
    writing = try ControlClient(socket: member.socket, timeout: .seconds(10))
    try reading.send(.shards(.get(shard: shard, key: Array("probe".utf8))))
    try writing.send(
      .shards(.write(StateWrite(shard: shard, key: Array("probe".utf8), value: Array("probe".utf8)))))
  }

  /// `nil`: refused.
  func answers() -> (read: StateReply?, write: StateWriteReply?) {
    (try? reading.next(within: .seconds(10)), try? writing.next(within: .seconds(10)))
  }
}
