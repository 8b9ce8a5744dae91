import Hashing
import Testing
import Wire
import WorldData

@Suite struct WorldTests {
  private func decode(_ bytes: [UInt8]) throws -> SignedWorld { try SignedWorld(bytes) }

  @Test("what is written is read, with and without a tree, one and five voters")
  func roundTrip() throws {
    var world = Made.world(try Made.maps(30))
    #expect(try decode(Made.signed(world).bytes).world == world)
    world.tree = try Made.tree()
    world.voters = (1...5).map { WorldVoter(host: HostID(rawValue: $0), store: $0 * 100) }
    world.settings.autoDistribute = false
    world.settings.minMemoryBytes = .max
    let signed = try Made.signed(world)
    #expect(try decode(signed.bytes) == signed)
    #expect(signed.isValid(Made.verify))
    #expect(!(try SignedWorld(unsigned: world)).isValid(Made.verify))
  }

  @Test("golden bytes: header, one map, one shard")
  func golden() throws {
    let cells: [UInt8] = [0, 1, 0, 5, 1, 3]
    let object = try cells.withUnsafeBytes { try MapObject(size: #require(MapSize(width: 3, height: 2)), cells: $0) }
    let world = Made.world([(.of("prontera"), object)], version: 3)
    let bytes = try Made.signed(world).bytes
    #expect(bytes[..<4].elementsEqual(Array("MW1".utf8) + [0]))
    #expect(bytes[12..<20].elementsEqual([3, 0, 0, 0, 0, 0, 0, 0]))
    let body = bytes.dropLast(SignedWorld.trailerSize)
    // 52 of header, 30 of settings, 17 of voters, 1 without a tree, 46 of maps, 12 of shards.
    #expect(body.count == 52 + 30 + 17 + 1 + 46 + 12)
    #expect(body.suffix(12).elementsEqual([1, 8] + Array("prontera".utf8) + [1, 0]))
    #expect(ShardID(named: .of("prontera")).description == "9d8c0ffd2113a114")
  }

  @Test("any flipped bit of a document is detected")
  func flippedBits() throws {
    var world = Made.world(try Made.maps(4))
    world.tree = try Made.tree()
    let signed = try Made.signed(world)
    for bit in 0..<signed.bytes.count * 8 {
      #expect(throws: WorldRefusal.signature, "bit \(bit)") {
        try SignedWorld(signed.bytes.flipping(bit: bit), for: Made.network, verify: Made.verify)
      }
    }
  }

  @Test("any flipped bit of a body is another world or none: one world has one encoding")
  func canonical() throws {
    var world = Made.world(try Made.maps(4))
    world.tree = try Made.tree()
    let signed = try Made.signed(world)
    for bit in 0..<(signed.bytes.count - SignedWorld.trailerSize) * 8 {
      guard let other = try? decode(signed.bytes.flipping(bit: bit)) else { continue }
      #expect(other.world != world, "bit \(bit)")
      #expect(other.mark.root != signed.mark.root)
      let again = try SignedWorld(other.world, operatorKeyID: other.operatorKeyID) { _ in other.signature }
      #expect(again.bytes == other.bytes, "bit \(bit)")
    }
  }

  @Test("a cut document is refused at every length, and a longer one")
  func cut() throws {
    let bytes = try Made.signed(Made.world(try Made.maps(3))).bytes
    for length in 0..<bytes.count { #expect(throws: WireError.self) { try decode(Array(bytes[..<length])) } }
    #expect(throws: WireError.self) { try decode(bytes + [0]) }
    #expect(throws: WireError.tooLarge) { try decode([UInt8](repeating: 0, count: World.sizeLimit + 1)) }
  }

  @Test("the signature is looked at first, then the network")
  func order() throws {
    let signed = try Made.signed(Made.world(try Made.maps(3)))
    #expect(throws: WorldRefusal.otherNetwork(Made.network)) {
      try SignedWorld(signed.bytes, for: NetworkID(rawValue: 9), verify: Made.verify)
    }
    #expect(throws: WorldRefusal.signature) { try SignedWorld(signed.bytes, for: Made.network) { _, _, _ in false } }
    #expect(throws: WorldRefusal.malformed) { try SignedWorld([], for: Made.network, verify: Made.verify) }
    let garbage = written(200) { writer in
      writer.zeros(100)
      let signature = Made.sign(writer.written)
      writer.u32(Made.operatorID)
      writer.signature(signature)
    }
    #expect(throws: WorldRefusal.malformed) { try SignedWorld(garbage, for: Made.network, verify: Made.verify) }
  }

  @Test("every rule of a world is checked before it is signed")
  func flaws() throws {
    let good = Made.world(try Made.maps(6))
    func flaw(_ change: (inout World) -> Void) -> World.Flaw? {
      var world = good
      change(&world)
      return world.flaw
    }
    #expect(flaw { _ in } == nil)
    #expect(flaw { $0.version = 0 } == .version)
    #expect(flaw { $0.expiry = $0.notBefore } == .term)
    #expect(flaw { $0.salt = [] } == .saltSize)
    #expect(flaw { $0.voters = [] } == .voters)
    #expect(flaw { $0.voters += $0.voters } == .voters)
    #expect(flaw { $0.voters += $0.voters + $0.voters } == .voters, "one host thrice")
    #expect(flaw { $0.settings.replicationFactor = 8 } == .settings)
    #expect(flaw { $0.settings.minReplication = 0 } == .settings)
    #expect(
      flaw {
        $0.maps = []; $0.shards = []
      } == .noMaps)
    #expect(flaw { $0.maps.swapAt(0, 1) } == .mapOrder(good.maps[0].name))
    #expect(flaw { $0.maps[1] = $0.maps[0] } == .mapOrder(good.maps[0].name))
    #expect(flaw { $0.shards.swapAt(0, 1) } == .shardOrder(good.shards[0].name))
    #expect(flaw { $0.shards[2].maps = [] } == .emptyShard(good.shards[2].name))
    #expect(
      flaw { $0.shards[2].maps = [2, 1] } == .mapInTwoShards(good.maps[1].name)
        || flaw { $0.shards[2].maps = [2, 1] } == .shardMaps(good.shards[2].name))
    #expect(flaw { $0.shards[5].maps = [6] } == .shardMaps(good.shards[5].name))
    #expect(flaw { $0.shards[5].maps = [-1] } == .shardMaps(good.shards[5].name))
    #expect(flaw { $0.shards[5].maps = [0] } == .mapInTwoShards(good.maps[0].name))
    #expect(flaw { $0.shards.removeLast() } == .mapInNoShard(good.maps[5].name))
    let many = try Made.object(1, 1, seed: 1)
    let crowd = Made.world((0...World.mapLimit).map { (.of("m\(10_000 + $0)"), many) })
    #expect(crowd.flaw == .tooManyMaps(World.mapLimit + 1))
    #expect(throws: World.Flaw.version) { try Made.signed(Made.world(try Made.maps(2), version: 0)) }
  }

  @Test("the largest world fits a manifest")
  func largest() throws {
    let object = try Made.object(1, 1, seed: 1)
    var world = Made.world((0..<World.mapLimit).map { (.of("map_x_\(10_000 + $0)"), object) })
    let files = (0..<TreeListing.fileLimit).map {
      TreeListing.File(path: "npc/re/quests/some_long_name_\(100_000 + $0).txt", check: UInt64($0))
    }
    world.tree = WorldTree(listing: try #require(TreeListing(files)), charStatusSize: 1)
    let signed = try Made.signed(world)
    #expect(signed.bytes.count <= World.sizeLimit)
    #expect(try decode(signed.bytes).world.maps.count == World.mapLimit)
  }

  @Test("terms: not yet, valid, ending 14 days before, expired")
  func terms() throws {
    let world = Made.world(try Made.maps(2))
    #expect(world.term(at: world.notBefore - 1) == .notYet)
    #expect(world.term(at: world.notBefore) == .valid)
    #expect(world.term(at: world.expiry - World.warningSpan - 1) == .valid)
    #expect(world.term(at: world.expiry - World.warningSpan) == .ending(inSeconds: World.warningSpan))
    #expect(world.term(at: world.expiry - 1) == .ending(inSeconds: 1))
    #expect(world.term(at: world.expiry) == .expired)
  }

  @Test("maps are found by name, and shards by map")
  func lookUp() throws {
    let maps = try Made.maps(50)
    let shards = [
      WorldShard(name: .of("even"), maps: Array(stride(from: 0, to: 50, by: 2))),
      WorldShard(name: .of("odd"), maps: Array(stride(from: 1, to: 50, by: 2))),
    ]
    let world = Made.world(maps, shards: shards)
    #expect(world.flaw == nil)
    for (index, map) in maps.enumerated() { #expect(world.index(of: map.name) == index) }
    #expect(world.index(of: .of("zzz")) == nil)
    #expect(world.index(of: .of("aaa")) == nil)
    #expect(world.shardOfMap.enumerated().allSatisfy { $1 == $0 % 2 })
    #expect(world.cells(of: shards[0]) == stride(from: 0, to: 50, by: 2).reduce(0) { $0 + maps[$1].object.size.cells })
  }

  @Test("differences between two worlds are named")
  func differences() throws {
    let maps = try Made.maps(8)
    let before = Made.world(maps)
    #expect(WorldDifference(from: before, to: before).isEmpty)
    var changed = maps
    changed[2].object = try Made.object(9, 9, seed: 99)
    changed.removeLast()
    changed.append((.of("zz_new"), try Made.object(8, 8, seed: 98)))
    var shards = changed.enumerated().map { WorldShard(name: ShardName.of($1.name.text), maps: [$0]) }
    shards.remove(at: 1)
    shards[0].maps = [0, 1]
    var after = Made.world(changed, version: 2, shards: shards)
    after.settings.minReplication = 3
    let difference = WorldDifference(from: before, to: after)
    #expect(difference.addedMaps == [.of("zz_new")])
    #expect(difference.removedMaps == [maps[7].name])
    #expect(difference.changedMaps == [maps[2].name])
    #expect(difference.movedMaps.map(\.map) == [maps[1].name])
    #expect(difference.addedShards == [.of("zz_new")])
    #expect(difference.removedShards.map(\.text).sorted() == [maps[1].name.text, maps[7].name.text].sorted())
    #expect(difference.changes.map(\.what) == ["version", "min_replication"])
  }

  @Test("names")
  func names() {
    #expect(MapName("1@tower") != nil)
    #expect(MapName("xROmarket") != nil)
    for bad in ["", "twelve_bytes", "a b", "a/b", "..", "ü", "a\0"] { #expect(MapName(bad) == nil, "\(bad)") }
    #expect(ShardName(String(repeating: "a", count: 31)) != nil)
    #expect(ShardName(String(repeating: "a", count: 32)) == nil)
    #expect(ShardName("@bridge") == nil)
    let voter = WorldVoter(host: HostID(rawValue: 0xabc), store: 0xdef)
    #expect(WorldVoter(voter.description) == voter)
    #expect(WorldVoter("abc") == nil)
  }
}
