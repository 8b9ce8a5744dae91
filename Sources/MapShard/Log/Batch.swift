import Hashing
import Wire

/// A batch as it lies in a log segment: whole sectors, so that no write ever touches a sector of an earlier batch.
///
///     first sector   mark 1, format 1, flags 1, shard count 1, body length 4, segment salt 8, batch sequence 8, wall time 8,
///                    BLAKE2b-128 of everything behind the head 16, BLAKE2b-128 of the head (without itself) 16,
///                    shards 8 each, then the body
///     further ones   mark 1, body
///
/// A written sector begins with a mark, so it is never all zero; the file was all zero before. That tells a sector that
/// the crash kept from being written (zero) from one that the disk changed (not zero, and the hash is wrong).
enum Batch {
  static let sectorSize = 512
  static let headMark: UInt8 = 0xb7
  static let bodyMark: UInt8 = 0xb8
  static let headSize = 64
  /// More shards than these in one batch are not listed: a damaged one then counts for all.
  static let shardsLimit = 40
  /// Batch limit of the settings plus one record that came on top (a register body or an entry).
  static let bodyLimit = (1 << 20) + (512 << 10)

  private static let format: UInt8 = 1
  private static let headHashOffset = 48
  private static let hashSize = 16

  struct Flags: OptionSet {
    let rawValue: UInt8
    /// Register bodies are inside.
    static let register = Flags(rawValue: 1)
    /// More shards than are listed.
    static let manyShards = Flags(rawValue: 2)
  }

  struct Head: Hashable {
    var salt: UInt64
    var sequence: UInt64
    var wall: UInt64
    var bodySize: Int
    var hasRegister: Bool
    /// Sorted; `nil`: too many to list.
    var shards: [ShardID]?

    /// Bytes in the file.
    var imageSize: Int { Batch.imageSize(body: bodySize, shards: shards?.count ?? 0) }
  }

  static func imageSize(body: Int, shards: Int) -> Int {
    let first = sectorSize - headSize - shards * 8
    if body <= first { return sectorSize }
    return sectorSize * (1 + (body - first + sectorSize - 2) / (sectorSize - 1))
  }

  /// The bytes of a batch; `head.bodySize` is that of `body`.
  static func image(_ head: Head, _ body: [UInt8]) -> [UInt8] {
    let shards = head.shards ?? []
    let bodyStart = headSize + shards.count * 8
    var flags: Flags = head.hasRegister ? .register : []
    if head.shards == nil { flags.insert(.manyShards) }
    var image = [UInt8](repeating: 0, count: head.imageSize)
    image.withUnsafeMutableBytes { bytes in
      body.withUnsafeBytes { scatter($0, into: bytes, from: bodyStart) }
      var writer = Writer(bytes)
      writer.u8(headMark)
      writer.u8(format)
      writer.u8(flags.rawValue)
      writer.u8(UInt8(truncatingIfNeeded: shards.count))
      writer.u32(UInt32(truncatingIfNeeded: body.count))
      writer.u64(head.salt)
      writer.u64(head.sequence)
      writer.u64(head.wall)
      let hash = UnsafeMutableRawBufferPointer(rebasing: bytes[writer.count..<writer.count + hashSize])
      Blake2b.hash(UnsafeRawBufferPointer(rebasing: bytes[bodyStart...]), into: hash)
      writer = Writer(UnsafeMutableRawBufferPointer(rebasing: bytes[headSize...]))
      for shard in shards { writer.shardID(shard) }
      headHash(
        UnsafeRawBufferPointer(rebasing: bytes[..<bodyStart]),
        into: UnsafeMutableRawBufferPointer(rebasing: bytes[headHashOffset..<headSize]))
    }
    return image
  }

  private static func scatter(
    _ body: UnsafeRawBufferPointer, into image: UnsafeMutableRawBufferPointer, from start: Int
  ) {
    var done = 0
    var target = start
    while target < image.count {
      if target.isMultiple(of: sectorSize) {
        image[target] = bodyMark
        target += 1
      }
      let count = min(body.count - done, sectorSize - target % sectorSize)
      if count > 0 {
        UnsafeMutableRawBufferPointer(rebasing: image[target..<target + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: body[done..<done + count]))
        done += count
      }
      target += sectorSize - target % sectorSize
    }
  }

  /// Everything of the head but the hash itself.
  private static func headHash(_ head: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) {
    var hash = Blake2b(outputSize: hashSize)
    hash.update(UnsafeRawBufferPointer(rebasing: head[..<headHashOffset]))
    hash.update(UnsafeRawBufferPointer(rebasing: head[headSize...]))
    hash.finish(into: output)
  }

  /// The head in a sector; `nil` when it is not a whole one.
  static func head(in sector: UnsafeRawBufferPointer) -> Head? {
    var reader = Reader(sector)
    guard let head = try? Head(&reader) else { return nil }
    let size = headSize + (head.shards?.count ?? 0) * 8
    guard size <= sector.count else { return nil }
    return withUnsafeTemporaryAllocation(byteCount: hashSize, alignment: 16) { expected -> Head? in
      headHash(UnsafeRawBufferPointer(rebasing: sector[..<size]), into: expected)
      let stored = UnsafeRawBufferPointer(rebasing: sector[headHashOffset..<headSize])
      return stored.elementsEqual(expected) ? head : nil
    }
  }

  /// The body in an image whose head is whole; `nil` when the hash is wrong.
  static func body(of head: Head, in image: UnsafeRawBufferPointer) -> [UInt8]? {
    let bodyStart = headSize + (head.shards?.count ?? 0) * 8
    guard image.count == head.imageSize else { return nil }
    let isWhole = withUnsafeTemporaryAllocation(byteCount: hashSize, alignment: 16) { expected in
      Blake2b.hash(UnsafeRawBufferPointer(rebasing: image[bodyStart...]), into: expected)
      return image[32..<headHashOffset].elementsEqual(expected)
    }
    guard isWhole else { return nil }
    return [UInt8](unsafeUninitializedCapacity: head.bodySize) { buffer, count in
      let body = UnsafeMutableRawBufferPointer(buffer)
      var source = bodyStart
      while count < head.bodySize {
        if source.isMultiple(of: sectorSize) { source += 1 }
        let part = min(head.bodySize - count, sectorSize - source % sectorSize)
        UnsafeMutableRawBufferPointer(rebasing: body[count..<count + part])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: image[source..<source + part]))
        count += part
        source += part
      }
    }
  }
}

extension Batch.Head {
  init(_ reader: inout Reader) throws(WireError) {
    guard try reader.u8() == Batch.headMark, try reader.u8() == 1 else { throw .invalid }
    let flags = Batch.Flags(rawValue: try reader.u8())
    let count = Int(try reader.u8())
    guard flags.rawValue <= 3, count <= Batch.shardsLimit, !flags.contains(.manyShards) || count == 0
    else { throw .invalid }
    bodySize = Int(try reader.u32())
    guard bodySize <= Batch.bodyLimit else { throw .tooLarge }
    salt = try reader.u64()
    sequence = try reader.u64()
    wall = try reader.u64()
    hasRegister = flags.contains(.register)
    _ = try reader.take(32)
    var listed: [ShardID] = []
    for _ in 0..<count { listed.append(try reader.shardID()) }
    shards = flags.contains(.manyShards) ? nil : listed
  }
}

/// The first two sectors of a segment: the same bytes twice, because without the salt nothing behind them can be believed.
///
///     mark 1, format 1, zero 6, "MESHLOG1" 8, store 8, number 8, salt 8, wall time 8, BLAKE2b-128 of the whole sector
///     (with zeros here) 16, zeros
struct SegmentHead: Hashable {
  static let mark: UInt8 = 0xb6
  static let copies = 2
  static let size = copies * Batch.sectorSize
  private static let magic: UInt64 = 0x3147_4f4c_4853_454d
  private static let hashOffset = 48

  var store: UInt64
  var number: UInt64
  var salt: UInt64
  var wall: UInt64

  /// Both copies.
  var image: [UInt8] {
    var sector = [UInt8](repeating: 0, count: Batch.sectorSize)
    sector.withUnsafeMutableBytes { bytes in
      var writer = Writer(bytes)
      writer.u8(SegmentHead.mark)
      writer.u8(1)
      writer.zeros(6)
      writer.u64(SegmentHead.magic)
      writer.u64(store)
      writer.u64(number)
      writer.u64(salt)
      writer.u64(wall)
      withUnsafeTemporaryAllocation(byteCount: 16, alignment: 16) { hash in
        Blake2b.hash(UnsafeRawBufferPointer(bytes), into: hash)
        writer.append(UnsafeRawBufferPointer(hash))
      }
    }
    return sector + sector
  }

  /// Both copies at the beginning of a segment; `nil` for one that is not whole.
  static func copies(in bytes: [UInt8]) -> [SegmentHead?] {
    bytes.withUnsafeBytes { bytes in
      (0..<copies).map { copy -> SegmentHead? in
        let start = copy * Batch.sectorSize
        guard start + Batch.sectorSize <= bytes.count else { return nil }
        return SegmentHead(sector: UnsafeRawBufferPointer(rebasing: bytes[start..<start + Batch.sectorSize]))
      }
    }
  }

  /// Whether a write that a crash has cut leaves this: nothing of a copy, or its beginning. Damage looks otherwise.
  static func isTorn(_ bytes: [UInt8]) -> Bool {
    let sectors = (0..<copies).map { copy in
      bytes.dropFirst(copy * Batch.sectorSize).prefix(Batch.sectorSize)
    }
    guard let whole = sectors.first(where: { $0.withUnsafeBytes { SegmentHead(sector: $0) } != nil }) else {
      return true
    }
    return sectors.allSatisfy { sector in
      let written = sector.lastIndex { $0 != 0 }.map { sector[...$0] } ?? []
      return whole.starts(with: written)
    }
  }

  init(store: UInt64, number: UInt64, salt: UInt64, wall: UInt64) {
    self.store = store
    self.number = number
    self.salt = salt
    self.wall = wall
  }

  /// `nil` unless the sector is a whole head.
  init?(sector: UnsafeRawBufferPointer) {
    guard sector.count == Batch.sectorSize else { return nil }
    var reader = Reader(sector)
    do throws(WireError) {
      _ = try reader.take(16)
      let store = try reader.u64()
      let number = try reader.u64()
      let salt = try reader.u64()
      self.init(store: store, number: number, salt: salt, wall: try reader.u64())
    } catch {
      return nil
    }
    guard image.prefix(Batch.sectorSize).elementsEqual(sector) else { return nil }
  }
}
