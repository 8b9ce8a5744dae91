import Gossip
import Hashing
import MapShard
import NodeCore
import SecureChannel
import Testing
import Wire

/// What a node makes of worlds, voters and its own work, beside the steward's decisions.
@Suite struct StewardshipTests {
  private static func seat(_ number: UInt64) -> VoterSeat { VoterSeat(host: HostID(rawValue: number), store: number) }

  private func world(version: UInt64 = 1, minimum: Int = 2) throws -> ActiveWorld {
    var rules = PlacementRules()
    rules.minimumReplication = minimum
    let salt = try #require([UInt8](repeating: 3, count: 16).withUnsafeBytes { ShortHash(key: $0) })
    return ActiveWorld(
      version: version, salt: salt, rules: rules,
      voters: VoterSetDescription(number: 1, voters: [StewardshipTests.seat(5)]),
      shards: [ActiveWorld.Shard(id: ShardID(rawValue: 1), maps: 1)])
  }

  @Test func leavingGivesTheShardsAway() throws {
    let stage = try Stage(TestNetwork(), number: 7_001)
    stage.start()
    #expect(!stage.node.shards.isLeaving)
    stage.command(.leave)
    #expect(stage.node.shards.isLeaving)
  }

  @Test func theVotersAreThoseOfTheLastSignedSet() throws {
    let stage = try Stage(TestNetwork(), number: 7_001)
    stage.start()
    stage.command(.steward(.activate(try world())))
    #expect(stage.node.stewardship.voters == [HostID(rawValue: 5)])
    let next = VoterSetDescription(
      number: 2, voters: [StewardshipTests.seat(7)], previous: [StewardshipTests.seat(5)])
    stage.command(.shards(.adopt(next)))
    #expect(stage.node.stewardship.voters == [HostID(rawValue: 7)])
    // A later world still names the first ones.
    stage.command(.steward(.activate(try world(version: 2))))
    #expect(stage.node.stewardship.voters == [HostID(rawValue: 7)])
  }

  /// What is told is bounded by what the operator has signed and by what this host sees itself.
  @Test(arguments: [(2, 1, 2), (2, 2, 2), (1, 7, 3), (1, 1, 1), (0, 0, 1)] as [(Int, Int, Int)])
  func theMinimumIsTheWorlds(holders: Int, told: Int, minimum: Int) throws {
    #expect(Stewardship.minimum(replication: 3, holders: holders, told: told) == minimum)
  }

  /// An order goes to the host that it names; from there nobody sends it on.
  @Test func anOrderIsBroughtToItsHost() throws {
    let stage = try Stage(TestNetwork(), number: 7_001)
    stage.start()
    let other = HostID(rawValue: 77)
    let order = UncleanOrder(shard: ShardID(rawValue: 1), version: 3, host: other).signed(Signature())
    func frames() -> [(HostID, [UInt8])] {
      stage.script.takeCommands().compactMap { command in
        if case .linkFrame(.register, let body, let host, _) = command { (host, body) } else { nil }
      }
    }
    _ = frames()
    stage.command(.steward(.carry(order)))
    let sent = frames()
    #expect(sent.map(\.0) == [other])
    guard case .order(order)? = try sent.first.map({ try $0.1.withUnsafeBytes { try StewardMessage($0) } }) else {
      Issue.record("it is no order")
      return
    }
    stage.script.lives[HostID(rawValue: 5)] = Life(rawValue: 9)
    stage.channelSays(.linkFrame(HostID(rawValue: 5), .register, sent[0].1))
    #expect(frames().isEmpty)
    // Its own, which no operator has signed.
    let own = UncleanOrder(shard: ShardID(rawValue: 1), version: 0, host: stage.host).signed(Signature())
    let refused = stage.node.shards.counters.limitsHit
    stage.command(.steward(.carry(own)))
    #expect(stage.node.shards.counters.limitsHit == refused + 1 && frames().isEmpty)
  }

  /// A voter is not in every round of three: the steward hears from owners what it has missed, and reads it.
  @Test func theStewardReadsWhatItHasMissed() throws {
    let shard = ShardID(rawValue: 1)
    let owner = MapShard.Member(host: HostID(rawValue: 5), life: Life(rawValue: 9))
    var held = RecoveredShard(content: ShardContent(shard: shard, position: .start))
    held.record = ProvenRecord(
      record: Record(shard: shard, epoch: Epoch(1), version: 3, owner: owner, members: [owner], reason: .shrink),
      voterSet: 1, proof: [])
    var recovered = RecoveredShards()
    recovered.shards[shard] = held
    let stage = try Stage(TestNetwork(), number: 7_001, recovered: recovered)
    stage.start()
    var world = try world()
    world.voters.voters = [VoterSeat(host: stage.host, store: 7_001)] + [5, 6].map(StewardshipTests.seat)
    stage.command(.steward(.activate(world)))
    var report = HostReport(
      weight: 8, resources: HostResources(cores: 8, memoryBytes: 16 << 30, uplinkBitsPerSecond: 1_000_000_000),
      isDraining: true, world: 1)
    stage.command(.steward(.measure(report)))
    #expect(stage.node.stewardship.counters.decisions > 0)
    for host in [5, 6] as [UInt64] {
      stage.script.lives[HostID(rawValue: host)] = Life(rawValue: host + 4)
      stage.channelSays(.linkUp(HostID(rawValue: host)))
    }
    func reads(after version: UInt64, of host: UInt64) throws -> Int {
      stage.run(seconds: 3)
      _ = stage.script.takeCommands()
      report.loads = [.init(shard: shard, load: 1, players: 0, version: version)]
      let body = try #require(StewardMessage.report(report).encoded())
      stage.channelSays(.linkFrame(HostID(rawValue: host), .register, body))
      return stage.script.takeCommands().count { command in
        guard case .linkFrame(.register, let body, _, _) = command else { return false }
        return body.withUnsafeBytes { bytes in
          var reader = Reader(bytes)
          guard case .read(_, _, let shards)? = try? RegisterMessage(&reader) else { return false }
          return shards == [shard]
        }
      }
    }
    #expect(try reads(after: 3, of: 5) == 0, "it knows that")
    // The voters are asked in turn, and one of them is this host itself.
    #expect(try (0..<3).reduce(0) { sum, _ in try sum + reads(after: 4, of: 5) } == 2)
    #expect(try (0..<3).reduce(0) { sum, _ in try sum + reads(after: 3, of: 6) } == 2, "another owner")
  }

  @Test func loadsAreWhatWritesCostSinceTheLastReport() {
    var loads = OwnedLoads()
    let shard = ShardID(rawValue: 1)
    func work(_ writes: UInt64, _ bytes: UInt64, epoch: UInt64 = 1) -> [OwnedWork] {
      [OwnedWork(shard: shard, epoch: Epoch(epoch), writes: writes, bytes: bytes)]
    }
    #expect(loads.measure(work(100, 100), monotonic: 1_000_000_000) == [], "nothing to compare with")
    // 5,000 writes of 20 µs and 10 MB of 10 ns each in 5 s: 40 ms of each second.
    let busy = loads.measure(work(5_100, 10_000_100), monotonic: 6_000_000_000)
    #expect(busy == [HostReport.Load(shard: shard, load: 40, players: 0)])
    let idle = loads.measure(work(5_100, 10_000_100), monotonic: 11_000_000_000)
    #expect(idle == [HostReport.Load(shard: shard, load: 0, players: 0)])
    #expect(loads.measure(work(9_100, 0, epoch: 2), monotonic: 16_000_000_000) == [], "another reign")
  }
}
