package import Hashing
package import Wire

/// A snapshot of a shard in the history.
package struct Snapshot: Hashable, Sendable {
  package var shard: ShardID
  /// Rises with every snapshot of the store.
  package var number: UInt64
  package var position: Position
  /// Every record of the shard in batches up to this one is in the snapshot, or void.
  package var covers: UInt64
  /// Unix time in ns at which the state was taken.
  package var wall: UInt64
  package var keys: Int
  /// Of the raw blocks.
  package var size: Int
  package var blocks: [BlockReference]
  /// Of its own file.
  package var fileSize = 0

  package init(
    shard: ShardID, number: UInt64, position: Position, covers: UInt64, wall: UInt64, keys: Int, size: Int,
    blocks: [BlockReference]
  ) {
    self.shard = shard
    self.number = number
    self.position = position
    self.covers = covers
    self.wall = wall
    self.keys = keys
    self.size = size
    self.blocks = blocks
  }

  /// Identity of the content, equal on every replica: BLAKE2b-256 over position and block addresses.
  package var root: Digest {
    var hash = Blake2b()
    hash.update("shard-content/1")
    hash.update(position.epoch.rawValue)
    hash.update(position.sequence)
    hash.update(position.hash)
    for block in blocks { block.address.withBytes { hash.update($0) } }
    return Digest(of: hash)
  }

  var file: StoreFile { .snapshot(shard, number) }
}

/// The layout of a snapshot's file.
///
///     head      "MESHSNP1" 8, store 8, shard 8, number 8
///     blocks    one behind the other
///     manifest  position 24, covers 8, wall 8, keys 4, size 8, block count 4, block references 64 each
///     tail      "MESHSNPE" 8, offset of the manifest 8, its length 8, zero 8, BLAKE2b-256 over head, manifest and the
///               tail so far 32
enum SnapshotFile {
  static let headSize = 32
  static let tailSize = 64
  private static let headMagic: UInt64 = 0x3150_4e53_4853_454d
  private static let tailMagic: UInt64 = 0x4550_4e53_4853_454d
  private static let fixedSize = 24 + 8 + 8 + 4 + 8 + 4
  /// A content of 64 MiB in blocks of 4 KiB, and some for the last ones.
  static let blocksLimit = 20_000
  static let manifestLimit = fixedSize + blocksLimit * BlockReference.size
  /// Blocks that lz4 does not shrink are stored as they are.
  static let sizeLimit = headSize + rawSizeLimit + manifestLimit + tailSize
  /// What the encoded content may have, and one byte for each block.
  static let rawSizeLimit = ShardContent.sizeLimit + blocksLimit

  static func head(store: UInt64, _ shard: ShardID, _ number: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.write(atMost: headSize) { writer in
      writer.u64(headMagic)
      writer.u64(store)
      writer.shardID(shard)
      writer.u64(number)
    }
    return bytes
  }

  /// Manifest and tail of a file whose blocks end at `offset`.
  static func ending(_ snapshot: Snapshot, store: UInt64, at offset: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.write(atMost: fixedSize + snapshot.blocks.count * BlockReference.size) { writer in
      writer.position(snapshot.position)
      writer.u64(snapshot.covers)
      writer.u64(snapshot.wall)
      writer.u32(UInt32(truncatingIfNeeded: snapshot.keys))
      writer.u64(UInt64(truncatingIfNeeded: snapshot.size))
      writer.u32(UInt32(truncatingIfNeeded: snapshot.blocks.count))
      for block in snapshot.blocks { block.encode(into: &writer) }
    }
    let length = bytes.count
    bytes.write(atMost: 32) { writer in
      writer.u64(tailMagic)
      writer.u64(UInt64(truncatingIfNeeded: offset))
      writer.u64(UInt64(truncatingIfNeeded: length))
      writer.u64(0)
    }
    let digest = sealed(head(store: store, snapshot.shard, snapshot.number), bytes)
    bytes.write(atMost: Digest.size) { writer in digest.withBytes { writer.append($0) } }
    return bytes
  }

  private static func sealed(_ head: [UInt8], _ rest: [UInt8]) -> Digest {
    var hash = Blake2b()
    hash.update(head)
    hash.update(rest)
    return Digest(of: hash)
  }

  /// Where the manifest begins, as the last `tailSize` bytes of a file of `fileSize` bytes say; not yet believed.
  static func manifestOffset(tail: [UInt8], fileSize: Int) -> Int? {
    let offset = tail.withUnsafeBytes { bytes -> Int? in
      var reader = Reader(bytes)
      guard tail.count == tailSize, (try? reader.u64()) == tailMagic, let offset = try? reader.u64(),
        let length = try? reader.u64()
      else { return nil }
      guard let start = Int(exactly: offset), let count = Int(exactly: length), start >= headSize,
        count <= manifestLimit, start <= fileSize, start + count + tailSize == fileSize
      else { return nil }
      return start
    }
    return offset
  }

  /// The snapshot of a file, from its head and its ending (manifest and tail). `nil` when they are not whole.
  static func read(
    head: [UInt8], ending: [UInt8], at offset: Int, store: UInt64, shard: ShardID, number: UInt64
  ) -> Snapshot? {
    guard head == self.head(store: store, shard, number), ending.count >= fixedSize + tailSize,
      let digest = ending.suffix(Digest.size).withUnsafeBytes({ Digest(bytes: $0) }),
      digest == sealed(head, ending.dropLast(Digest.size))
    else { return nil }
    let snapshot = ending.withUnsafeBytes { bytes -> Snapshot? in
      var reader = Reader(UnsafeRawBufferPointer(rebasing: bytes.dropLast(tailSize)))
      return try? Snapshot(&reader, shard: shard, number: number)
    }
    guard var snapshot else { return nil }
    snapshot.fileSize = offset + ending.count
    return snapshot
  }

  private static func sealed(_ head: [UInt8], _ rest: ArraySlice<UInt8>) -> Digest {
    var hash = Blake2b()
    hash.update(head)
    rest.withUnsafeBytes { hash.update($0) }
    return Digest(of: hash)
  }
}

extension Snapshot {
  fileprivate init(_ reader: inout Reader, shard: ShardID, number: UInt64) throws(WireError) {
    self.shard = shard
    self.number = number
    position = try reader.position()
    covers = try reader.u64()
    wall = try reader.u64()
    keys = Int(try reader.u32())
    guard let size = Int(exactly: try reader.u64()), size <= SnapshotFile.rawSizeLimit else { throw .tooLarge }
    self.size = size
    let count = Int(try reader.u32())
    guard count <= SnapshotFile.blocksLimit else { throw .tooLarge }
    blocks = []
    var total = 0
    for _ in 0..<count {
      let block = try BlockReference(&reader)
      guard block.file <= number else { throw .invalid }
      total += block.rawSize
      blocks.append(block)
    }
    guard total == size else { throw .invalid }
    try reader.expectEnd()
  }
}

extension BlockReference {
  fileprivate func encode(into writer: inout Writer) {
    address.withBytes { writer.append($0) }
    writer.u64(check)
    writer.u32(UInt32(truncatingIfNeeded: rawSize))
    writer.u32(UInt32(truncatingIfNeeded: storedSize))
    writer.u64(file)
    writer.u64(UInt64(truncatingIfNeeded: offset))
  }

  fileprivate init(_ reader: inout Reader) throws(WireError) {
    guard let address = Digest(bytes: try reader.take(Digest.size)) else { throw .invalid }
    self.address = address
    check = try reader.u64()
    rawSize = Int(try reader.u32())
    storedSize = Int(try reader.u32())
    file = try reader.u64()
    guard rawSize <= StateBlock.rawLimit, storedSize <= StateBlock.rawLimit,
      let offset = Int(exactly: try reader.u64()), offset <= SnapshotFile.sizeLimit
    else { throw .tooLarge }
    self.offset = offset
  }
}
