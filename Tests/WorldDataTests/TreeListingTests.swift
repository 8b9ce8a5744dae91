import Testing
import Wire
import WorldData

@Suite struct TreeListingTests {
  private func listing(_ files: [String: UInt64]) throws -> TreeListing {
    try #require(TreeListing(files.map { TreeListing.File(path: $0.key, check: $0.value) }))
  }

  @Test("the first file that differs is named, whatever the kind of difference")
  func differences() throws {
    let world = try listing(["conf/a.conf": 1, "db/b.yml": 2, "npc/c.txt": 3])
    #expect(world.differences(from: world).isEmpty)
    #expect(
      try listing(["conf/a.conf": 1, "db/b.yml": 9, "npc/c.txt": 8]).differences(from: world) == [.changed("db/b.yml")])
    #expect(try listing(["db/b.yml": 2, "npc/c.txt": 3]).differences(from: world) == [.missing("conf/a.conf")])
    #expect(
      try listing(["conf/a.conf": 1, "db/b.yml": 2, "npc/c.txt": 3, "db/a.yml": 1]).differences(from: world)
        == [.extra("db/a.yml")])
    #expect(try listing(["npc/zz.txt": 1]).differences(from: world, limit: 10).count == 4)
    #expect(try listing([:]).differences(from: world, limit: 10).count == 3)
  }

  @Test("the digest changes with any path and any content")
  func digest() throws {
    let base = try listing(["conf/a.conf": 1, "db/b.yml": 2]).digest
    #expect(try listing(["db/b.yml": 2, "conf/a.conf": 1]).digest == base)
    #expect(try listing(["conf/a.conf": 1, "db/b.yml": 3]).digest != base)
    #expect(try listing(["conf/a.conf": 1, "db/c.yml": 2]).digest != base)
    #expect(try listing(["conf/a.conf": 1]).digest != base)
  }

  @Test("what counts: conf, db and npc, without conf's import folders and hidden files")
  func counts() {
    for path in ["conf/a.conf", "conf/msg_conf/map_msg.conf", "db/import/item_db.yml", "npc/custom/x.txt", "db/x"] {
      #expect(TreeListing.counts(path), "\(path)")
    }
    for path in [
      "conf", "src/map/map.cpp", "conf/import/inter_conf.txt", "conf/msg_conf/import/map_msg.txt", "db/.git/x", ".db/x",
      "npc/.x.swp", "db//x", "db/../conf/import/x",
    ] { #expect(!TreeListing.counts(path), "\(path)") }
  }

  @Test("what is written is read; anything not canonical is refused")
  func coding() throws {
    let listing = try listing(["conf/a.conf": 1, "db/b.yml": .max, "db/bb.yml": 0, "npc/ü.txt": 5])
    let bytes = written(1_000) { listing.write(to: &$0) }
    #expect(try read(bytes) { reader throws(WireError) in try TreeListing(&reader) } == listing)
    // Front coding that shares too little.
    let lazy = written(100) { writer in
      writer.varint(2)
      for name in ["aa", "ab"] {
        writer.u8(0)
        writer.u8(2)
        writer.append([UInt8](name.utf8))
        writer.u64(1)
      }
    }
    #expect(throws: WireError.invalid) { try read(lazy) { reader throws(WireError) in try TreeListing(&reader) } }
    let unsorted = written(100) { writer in
      writer.varint(2)
      for name in ["b", "a"] {
        writer.u8(0)
        writer.u8(1)
        writer.append([UInt8](name.utf8))
        writer.u64(1)
      }
    }
    #expect(throws: WireError.invalid) { try read(unsorted) { reader throws(WireError) in try TreeListing(&reader) } }
    let huge = written(10) { $0.varint(UInt64(TreeListing.fileLimit) + 1) }
    #expect(throws: WireError.tooLarge) { try read(huge) { reader throws(WireError) in try TreeListing(&reader) } }
    #expect(TreeListing([.init(path: "a", check: 1), .init(path: "a", check: 2)]) == nil)
  }
}
