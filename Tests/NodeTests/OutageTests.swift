import Control
import Glibc
import MeshLab
import Testing

extension NodeTests {
  /// Hosts that live and do not work: these end like `FailoverTests`.
  @Suite("Shards of frozen, cut-off and full hosts", .serialized)
  struct OutageTests {
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
