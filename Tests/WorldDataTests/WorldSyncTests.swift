import Hashing
import Testing
import Wire
import WorldData

@Suite struct WorldSyncTests {
  private func bundle(
    _ count: Int = 120, version: UInt64 = 1, seed: UInt64 = 1, notBefore: UInt64 = Made.today - Made.day,
    expiry: UInt64 = Made.today + 90 * Made.day
  ) throws -> WorldBundle {
    let maps = try Made.maps(count, seed: seed)
    let world = Made.world(maps, version: version, notBefore: notBefore, expiry: expiry)
    return try #require(WorldBundle(Made.signed(world), objects: maps.map(\.object)))
  }

  @Test("a published world reaches everybody and becomes active", arguments: [0, 0.2], [1, 2, 3])
  func spreads(loss: Double, seed: UInt64) throws {
    var network = SyncNetwork(12, seed: seed)
    network.loss = loss
    network.publish(try bundle(), at: 1)
    network.run(seconds: 120)
    #expect(network.count(active: 1) == 12, "seed \(seed)")
    #expect(network.hosts.values.allSatisfy { $0.reports.isEmpty })
    #expect(network.hosts.values.count { $0.servedObjects > 0 } > 1, "not the publisher alone serves")
    let events = network[5].events
    #expect(events.contains { if case .learned(_, .some) = $0 { true } else { false } })
    #expect(
      events.contains { if case .progress(let progress) = $0 { progress.objects == progress.total } else { false } })
    #expect(events.last == .activated(try bundle().document.mark))
  }

  @Test("same seed, same course")
  func deterministic() throws {
    func course() throws -> [[WorldEvent]] {
      var network = SyncNetwork(6, seed: 9)
      network.loss = 0.3
      network.publish(try bundle(40), at: 2)
      network.run(seconds: 60)
      return network.hosts.keys.sorted().compactMap { network.hosts[$0]?.events }
    }
    #expect(try course() == course())
  }

  @Test("a newer world replaces the older one; objects that are the same are not fetched again; three versions stay")
  func versions() throws {
    var network = SyncNetwork(5, seed: 4)
    for version in 1...5 as ClosedRange<UInt64> {
      var maps = try Made.maps(60)
      maps[0].object = try Made.object(30, 30, seed: 1_000 + version)
      let world = try Made.signed(Made.world(maps, version: version))
      network.publish(try #require(WorldBundle(world, objects: maps.map(\.object))), at: version)
      let before = network[(version % 5) + 1].sync.counters.objects
      network.run(seconds: 60)
      #expect(network.count(active: version) == 5, "version \(version)")
      if version > 1 { #expect(network[(version % 5) + 1].sync.counters.objects - before == 1) }
    }
    for host in network.hosts.values {
      #expect(host.documents.keys.sorted() == [3, 4, 5])
      #expect(host.sync.store.worlds.map(\.mark.version) == [5, 4, 3])
      #expect(host.objects.count == 62, "59 that all share and one of each version")
    }
  }

  @Test("a world waits for its time, downloaded, and then becomes active by itself")
  func notBefore() throws {
    var network = SyncNetwork(4, seed: 5)
    network.publish(try bundle(30), at: 1)
    network.run(seconds: 30)
    network.publish(try bundle(30, version: 2, notBefore: Made.today + 600), at: 1, request: 2)
    network.run(seconds: 120)
    #expect(network.count(active: 1) == 4)
    for host in network.hosts.values {
      #expect(host.sync.announced?.version == 2)
      #expect(host.events.contains { if case .waits(_, .notYet(Made.today + 600)) = $0 { true } else { false } })
    }
    network.give(3, .command(.activate(2), request: 3))
    #expect(network[3].replies[3] == .refused(.notYet(until: Made.today + 600)))
    network.run(seconds: 500)
    #expect(network.count(active: 2) == 4)
  }

  @Test("an expired world is not published and not activated; an active one stays, with warnings")
  func expiry() throws {
    var network = SyncNetwork(3, seed: 6)
    network.publish(try bundle(10, expiry: Made.today - 1), at: 1)
    #expect(network[1].replies[1] == .refused(.expired(at: Made.today - 1)))
    network.publish(try bundle(10, expiry: Made.today + 15 * Made.day), at: 1, request: 2)
    network.run(seconds: 60)
    #expect(network.count(active: 1) == 3)
    #expect(!network[2].events.contains { if case .ending = $0 { true } else { false } })
    network.run(seconds: 2 * Made.day)
    #expect(network[2].events.count { if case .ending = $0 { true } else { false } } == 2, "once a day")
    network.run(seconds: 14 * Made.day)
    #expect(network[2].events.count { if case .ending = $0 { true } else { false } } == 14)
    #expect(network[2].events.filter { if case .ended = $0 { true } else { false } }.count == 1)
    #expect(network.count(active: 1) == 3, "it stays")
    // A host that comes now gets the document, and may not make it active.
    network.restart(3) { host in
      host.objects = [:]
      host.documents = [:]
      host.state = WorldState()
    }
    network.run(seconds: 60)
    #expect(network.active(3) == nil)
    #expect(network[3].events.contains { if case .waits(_, .expired) = $0 { true } else { false } })
    network.give(3, .command(.activate(1), request: 9))
    #expect(network[3].replies[9] == .refused(.expired(at: Made.today + 15 * Made.day)))
  }

  @Test("rollback: an older world is refused from the operator, from peers, and after a restart")
  func rollback() throws {
    var network = SyncNetwork(3, seed: 7)
    let old = try bundle(20, version: 3, seed: 50)
    network.publish(try bundle(20, version: 4), at: 1)
    network.run(seconds: 30)
    network.publish(old, at: 2, request: 5)
    #expect(network[2].replies[5] == .refused(.older(version: 3, than: 4)))
    network.give(2, .document(old.document.bytes, from: SyncNetwork.id(1)))
    #expect(network[2].events.last == .refused(.older(version: 3, than: 4), from: SyncNetwork.id(1)))
    // The documents are gone, what was seen is not.
    network.restart(2) { $0.documents = [:] }
    #expect(network.active(2) == nil)
    network.publish(old, at: 2, request: 6)
    #expect(network[2].replies[6] == .refused(.older(version: 3, than: 4)))
    network.run(seconds: 60)
    #expect(network.count(active: 4) == 3)
  }

  @Test("a later world with other first voters is refused: from the operator, from peers, and when it was kept already")
  func otherVoters() throws {
    var network = SyncNetwork(3, seed: 7)
    network.publish(try bundle(20), at: 1)
    network.run(seconds: 30)
    let maps = try Made.maps(20)
    let world = Made.world(maps, version: 2, voter: 0xc3)
    let other = try #require(WorldBundle(Made.signed(world), objects: maps.map(\.object)))
    network.publish(other, at: 2, request: 5)
    #expect(network[2].replies[5] == .refused(.otherVoters(version: 2, active: 1)))
    network.give(2, .document(other.document.bytes, from: SyncNetwork.id(1)))
    #expect(network[2].events.last == .refused(.otherVoters(version: 2, active: 1), from: SyncNetwork.id(1)))
    // A version of this program that did not look may have taken it.
    network.restart(2) { $0.documents[2] = other.document.bytes }
    network.run(seconds: 30)
    #expect(network.count(active: 1) == 3)
    // Without a world there is nothing to compare with: the first one names the voters.
    #expect(network[3].events.contains(.activated(try bundle(20).document.mark)))
  }

  @Test("a second document of one version is refused, told, and a higher version ends it")
  func conflict() throws {
    var network = SyncNetwork(4, seed: 8)
    network.publish(try bundle(20), at: 1)
    network.run(seconds: 30)
    network.publish(try bundle(20, seed: 70), at: 2, request: 2)
    #expect(network[2].replies[2] == .refused(.conflict(version: 1)))
    network.publish(try bundle(20), at: 2, request: 3)
    #expect(network[2].replies[3] == .refused(.known))
    network.publish(try bundle(20, version: 2, seed: 70), at: 2, request: 4)
    network.run(seconds: 60)
    #expect(network.count(active: 2) == 4)
  }

  @Test(
    "a host that sends wrong objects or documents is found out and harms nobody",
    arguments: 1...6 as ClosedRange<UInt64>)
  func hostile(seed: UInt64) throws {
    var network = SyncNetwork(6, seed: seed)
    network.publish(try bundle(100), at: 1)
    network.run(seconds: 40)
    var chance = Chance(seed: seed)
    let bad = Set([2, 3].map { SyncNetwork.id($0) })
    for id in bad {
      network.hosts[id]?.forge = { bytes in
        bytes.count < 150 ? bytes : bytes.flipping(bit: chance.below(bytes.count * 8))
      }
    }
    for number in 5...6 as ClosedRange<UInt64> {
      network.restart(number) { host in
        host.objects = [:]
        host.documents = [:]
        host.state = WorldState()
      }
    }
    network.run(seconds: 200)
    #expect(network.count(active: 1) == 6, "seed \(seed)")
    for host in network.hosts.values {
      #expect(bad.isSuperset(of: host.reports), "seed \(seed): only the bad are reported")
    }
    for host in network.hosts.values {
      #expect(
        Set(host.reports).count == host.reports.count, "seed \(seed): who was found out is not asked again so soon")
    }
    let found = network[5].reports.count + network[6].reports.count
    #expect(found > 0, "seed \(seed)")
  }

  @Test("a host that claims a version that does not exist, and one that never answers, only cost time")
  func claims() throws {
    var network = SyncNetwork(5, seed: 11)
    network.publish(try bundle(50), at: 1)
    let root = Digest(of: UnsafeRawBufferPointer(start: nil, count: 0))
    for number in 2...5 as ClosedRange<UInt64> {
      network.give(number, .told(WorldMark(version: .max, root: root), by: HostID(rawValue: 77)))
      network.give(number, .told(WorldMark(version: .max - 1, root: root), by: HostID(rawValue: 78)))
    }
    network.run(seconds: 60)
    #expect(network.count(active: 1) == 5)
  }

  @Test("nothing is told or served before it is durable, and a failing disk is said and tried again")
  func failingDisk() throws {
    var network = SyncNetwork(3, seed: 12)
    network[2].diskFails = true
    network.publish(try bundle(40), at: 1)
    network.run(seconds: 60)
    #expect(network[2].sync.announced == nil)
    #expect(network[2].events.contains(.storeFailed))
    #expect(network.active(3) == 1)
    network[2].diskFails = false
    network.run(seconds: 120)
    #expect(network.count(active: 1) == 3)
    network[1].diskFails = true
    network.publish(try bundle(40, version: 2, seed: 60), at: 1, request: 4)
    network.run(seconds: 5)
    #expect(network[1].replies[4] == .storeFailed)
  }

  @Test("damaged objects are fetched from peers again, though the world is active")
  func healing() throws {
    var network = SyncNetwork(3, seed: 13)
    let bundle = try bundle(60)
    network.publish(bundle, at: 1)
    network.run(seconds: 30)
    let lost = bundle.objects[3...7].map(\.address)
    for address in lost { network[2].objects[address] = network[2].objects[address]?.flipping(bit: 90) }
    network.give(2, .damaged(lost))
    let names = bundle.document.world.maps.filter { lost.contains($0.address) }.map(\.name)
    #expect(network[2].events.last == .healing(maps: names))
    #expect(network[2].sync.announced == nil)
    #expect(network.active(2) == 1)
    network.run(seconds: 30)
    for object in bundle.objects { #expect(network[2].objects[object.address] == object.encoded) }
    #expect(network[2].sync.announced == bundle.document.mark)
    // The same at a start.
    network.restart(3) { host in
      for address in lost { host.objects[address] = host.objects[address]?.flipping(bit: 90) }
    }
    network.run(seconds: 30)
    #expect(network.count(active: 1) == 3)
  }

  @Test("a host with another rAthena tree does not make the world active and names the first file")
  func tree() throws {
    var network = SyncNetwork(2, seed: 14)
    let maps = try Made.maps(10)
    var world = Made.world(maps)
    world.tree = try Made.tree()
    let bundle = try #require(WorldBundle(Made.signed(world), objects: maps.map(\.object)))
    var files = try Made.tree().listing.files
    files[1].check = 1
    let other = WorldTree(listing: try #require(TreeListing(files)), charStatusSize: 8_856)
    network.give(2, .tree(other))
    network.publish(bundle, at: 1)
    network.run(seconds: 30)
    #expect(network.active(1) == 1)
    #expect(network.active(2) == nil)
    #expect(network[2].events.contains(.waits(bundle.document.mark, .tree(.changed("db/re/item_db.yml")))))
    network.give(2, .tree(WorldTree(listing: try Made.tree().listing, charStatusSize: 8_552)))
    #expect(network[2].events.last == .waits(bundle.document.mark, .charStatus(here: 8_552, world: 8_856)))
    network.give(2, .tree(try Made.tree()))
    network.run(seconds: 1)
    #expect(network.active(2) == 1)
  }

  @Test("objects of a refused document do not stay on the disk")
  func leftovers() throws {
    var network = SyncNetwork(1, seed: 15)
    let first = try bundle(20)
    network.publish(first, at: 1)
    network.run(seconds: 5)
    let second = try bundle(20, version: 2, seed: 900)
    network.give(1, .command(.prepare(second.document.bytes), request: 7))
    for object in second.objects { network[1].objects[object.address] = object.encoded }
    network.give(1, .command(.publish(first.document.bytes, objects: second.objects.map(\.address)), request: 9))
    #expect(network[1].replies[9] == .refused(.known))
    network.run(seconds: 5)
    #expect(network[1].objects.count == 20)
  }

  @Test("objects that a prepared document needs stay, though the last world that had them goes meanwhile")
  func prepared() throws {
    var network = SyncNetwork(2, seed: 17)
    for version in 1...3 as ClosedRange<UInt64> {
      network.publish(try bundle(20, version: version, seed: version * 100), at: 2, request: version)
      network.run(seconds: 30)
    }
    // Back to the maps of version 1, which host 1 still has.
    let back = try bundle(20, version: 5, seed: 100)
    network.give(1, .command(.prepare(back.document.bytes), request: 8))
    #expect(network[1].replies[8] == .prepared(back.document.mark))
    network.publish(try bundle(20, version: 4, seed: 400), at: 2, request: 9)
    network.run(seconds: 30)
    #expect(network.count(active: 4) == 2)
    for object in back.objects {
      #expect(network[1].objects[object.address] != nil)
      #expect(network[2].objects[object.address] == nil, "where nobody asked for them they are gone")
    }
    network.give(1, .command(.publish(back.document.bytes, objects: back.objects.map(\.address)), request: 10))
    network.run(seconds: 30)
    #expect(network.count(active: 5) == 2)
  }

  @Test("a world that is not complete is not made active, and says how much is missing")
  func incomplete() throws {
    var network = SyncNetwork(1, seed: 16)
    let bundle = try bundle(20)
    network.give(1, .command(.publish(bundle.document.bytes, objects: []), request: 1))
    network.run(seconds: 5)
    #expect(network[1].replies[1] == .published(bundle.document.mark, missing: 20))
    network.give(1, .command(.activate(1), request: 2))
    #expect(network[1].replies[2] == .refused(.incomplete(missing: 20)))
    #expect(network[1].sync.announced == nil)
    #expect(network.active(1) == nil)
    network.give(1, .command(.activate(2), request: 3))
    #expect(network[1].replies[3] == .refused(.unknownVersion(2)))
  }

  @Test("messages: what is written is read, the rest is refused and reported")
  func messages() throws {
    let mark = try bundle(5).document.mark
    let messages: [WorldMessage] = [
      .wantDocument(mark), .wantObjects(mark, maps: [0, 1, 5, 2_039]), .cannot(mark, .busy), .cannot(mark, .unknown),
      .wantObjects(mark, maps: Array(2_008..<2_040)),
    ]
    for message in messages {
      let bytes = written(WorldMessage.sizeLimit) { message.write(to: &$0) }
      #expect(try read(bytes) { reader throws(WireError) in try WorldMessage(&reader) } == message)
      for length in 0..<bytes.count {
        #expect(throws: WireError.self) {
          try read(Array(bytes[..<length])) { reader throws(WireError) in try WorldMessage(&reader) }
        }
      }
    }
    let empty = written(60) { WorldMessage.wantObjects(mark, maps: []).write(to: &$0) }
    #expect(throws: WireError.invalid) { try read(empty) { reader throws(WireError) in try WorldMessage(&reader) } }
    var network = SyncNetwork(2, seed: 1)
    [9, 9, 9].withUnsafeBytes { network.give(1, .message($0, from: SyncNetwork.id(2))) }
    #expect(network[1].reports == [SyncNetwork.id(2)])
    #expect(network[1].sync.counters.badMessages == 1)
  }

  @Test("a batch gives only what was asked for, in order")
  func batches() throws {
    let bundle = try bundle(40)
    let world = bundle.document
    let known = Dictionary(bundle.objects.map { ($0.address, $0.encoded) }) { first, _ in first }
    let batch = try #require(ObjectBatch.encode(world.mark, of: world.world, maps: [1, 4, 9]) { known[$0] })
    func decode(_ bytes: [UInt8], _ asked: [Int]) throws -> ObjectBatch {
      try read(bytes) { reader throws(WireError) in try ObjectBatch(&reader, of: world, asked: asked) }
    }
    #expect(try decode(batch, [1, 4, 9]).objects.map(\.address) == [1, 4, 9].map { world.world.maps[$0].address })
    #expect(try decode(batch, [0, 1, 4, 5, 9]).objects.count == 3)
    #expect(throws: WireError.invalid) { try decode(batch, [1, 4]) }
    #expect(throws: WireError.invalid) { try decode(batch, [4, 1, 9]) }
    for bit in 0..<batch.count * 8 where bit % 3 == 0 {
      #expect(throws: WireError.self, "bit \(bit)") { try decode(batch.flipping(bit: bit), [1, 4, 9]) }
    }
    // The right cells under another map's number.
    let swapped = written(ObjectBatch.sizeLimit) { writer in
      writer.append(Array(batch[..<40]))
      writer.varint(1)
      writer.varint(2)
      writer.append(known[world.world.maps[1].address] ?? [])
    }
    #expect(throws: WireError.invalid) { try decode(swapped, [1, 2]) }
    // Other cells of the right size, in an object that is right in itself.
    let size = world.world.maps[1].size
    let other = try Made.object(Int(size.width), Int(size.height), seed: 4_711)
    let forged = written(ObjectBatch.sizeLimit) { writer in
      writer.append(Array(batch[..<40]))
      writer.varint(1)
      writer.varint(1)
      other.write(to: &writer)
    }
    #expect(throws: WireError.invalid) { try decode(forged, [1]) }
    #expect(ObjectBatch.encode(world.mark, of: world.world, maps: [1]) { _ in nil } == nil)
  }

  @Test("the state of a host: what is written is read")
  func state() throws {
    let mark = try bundle(5).document.mark
    for state in [WorldState(), WorldState(active: mark), WorldState(active: mark, newest: mark)] {
      let bytes = written(WorldState.sizeLimit) { state.write(to: &$0) }
      #expect(try read(bytes) { reader throws(WireError) in try WorldState(&reader) } == state)
    }
    #expect(throws: WireError.self) { try read([2, 0]) { reader throws(WireError) in try WorldState(&reader) } }
  }
}
