import CLZ4
package import Hashing
import Wire

/// A piece of a shard's state in a snapshot: addressed by BLAKE2b-256 of its raw bytes, stored as an lz4 block when that
/// is smaller.
///
///     kind 1 (1 items, 2 clients), then items or client marks to the end, as `ShardContent` writes them
enum StateBlock {
  /// No block is larger: declared sizes are held against it before anything is allocated.
  static let rawLimit = 256 << 10
  /// A block ends behind a key whose hash says so, once it has this many bytes: the cuts depend on keys alone, so that a
  /// changed value changes one block and a new key at most two.
  private static let rawMinimum = 4 << 10
  /// One key in so many ends a block; 64 entries of 120 bytes compress by 2.27 (`ownership.md` 2.5).
  private static let cutMask: UInt64 = 63
  /// lz4 cannot expand by more.
  private static let expansionLimit = 255

  private enum Kind: UInt8 {
    case items = 1
    case clients = 2
  }

  /// Gives the blocks of a content one after the other.
  struct Cutter {
    let content: ShardContent
    private var item = 0
    private var client = 0

    init(_ content: ShardContent) { self.content = content }

    mutating func next() -> [UInt8]? {
      if item < content.items.count { return nextItems() }
      if client < content.clients.count { return nextClients() }
      return nil
    }

    private mutating func nextItems() -> [UInt8] {
      var block: [UInt8] = [Kind.items.rawValue]
      while item < content.items.count {
        let next = content.items[item]
        let size = next.encodedSize
        if block.count + size > rawLimit, block.count > 1 { break }
        block.write(atMost: size) { next.encode(into: &$0) }
        item += 1
        if block.count >= rawMinimum, ends(next.key) { break }
      }
      return block
    }

    private mutating func nextClients() -> [UInt8] {
      var block: [UInt8] = [Kind.clients.rawValue]
      while client < content.clients.count, block.count + 32 <= rawLimit {
        let next = content.clients[client]
        block.write(atMost: 32) { next.encode(into: &$0) }
        client += 1
        if block.count >= rawMinimum, mix64(next.client) & cutMask == 0 { break }
      }
      return block
    }

    private func ends(_ key: [UInt8]) -> Bool {
      // FNV-1a, then mixed: keys of one kind differ in few bytes. Chosen keys can only make blocks small or full.
      let hash = key.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
      return mix64(hash) & cutMask == 0
    }
  }

  /// Adds what a block holds to a content.
  static func read(_ raw: [UInt8], into content: inout ShardContent) throws(WireError) {
    let result: Result<Void, WireError> = raw.withUnsafeBytes { bytes in
      Result { () throws(WireError) in
        var reader = Reader(bytes)
        guard let kind = Kind(rawValue: try reader.u8()) else { throw .invalid }
        while !reader.isAtEnd {
          switch kind {
          case .items:
            guard content.items.count < ShardContent.keysLimit else { throw .tooLarge }
            content.items.append(try ShardContent.Item(&reader))
          case .clients:
            guard content.clients.count < ShardContent.clientsLimit else { throw .tooLarge }
            content.clients.append(try ShardContent.ClientMark(&reader))
          }
        }
      }
    }
    try result.get()
  }

  /// The stored form: an lz4 block, or the raw bytes when that is not smaller.
  static func pack(_ raw: [UInt8]) -> [UInt8] {
    let room = raw.count - 1
    guard room > 0 else { return raw }
    let packed = [UInt8](unsafeUninitializedCapacity: room) { output, count in
      let written = raw.withUnsafeBytes { source in
        LZ4_compress_default(
          source.baseAddress?.assumingMemoryBound(to: CChar.self),
          UnsafeMutableRawPointer(output.baseAddress)?.assumingMemoryBound(to: CChar.self), Int32(raw.count),
          Int32(room))
      }
      count = max(0, Int(written))
    }
    return packed.isEmpty ? raw : packed
  }

  /// The raw bytes of a stored block; `nil` when it is not what its reference says. The declared size is held against
  /// the limit, and against what lz4 can expand to, before memory is taken for it.
  static func unpack(_ stored: [UInt8], as reference: BlockReference) -> [UInt8]? {
    guard stored.count == reference.storedSize, reference.rawSize > 0, reference.rawSize <= rawLimit,
      reference.rawSize <= stored.count * expansionLimit,
      stored.withUnsafeBytes({ Digest(of: $0).low }) == reference.check
    else { return nil }
    if stored.count == reference.rawSize {
      return stored.withUnsafeBytes({ Digest(of: $0) }) == reference.address ? stored : nil
    }
    let raw = [UInt8](unsafeUninitializedCapacity: reference.rawSize) { output, count in
      let written = stored.withUnsafeBytes { source in
        LZ4_decompress_safe(
          source.baseAddress?.assumingMemoryBound(to: CChar.self),
          UnsafeMutableRawPointer(output.baseAddress)?.assumingMemoryBound(to: CChar.self), Int32(stored.count),
          Int32(reference.rawSize))
      }
      count = max(0, Int(written))
    }
    guard raw.count == reference.rawSize, raw.withUnsafeBytes({ Digest(of: $0) }) == reference.address else {
      return nil
    }
    return raw
  }
}

/// Where a block lies: in the snapshot's own file, or in that of an earlier one of the same shard.
package struct BlockReference: Hashable, Sendable {
  package var address: Digest
  /// First 8 bytes of BLAKE2b-256 over the stored bytes: different lz4 blocks can give the same raw bytes, and a changed
  /// bit shall not hide in that.
  package var check: UInt64
  package var rawSize: Int
  package var storedSize: Int
  /// Number of the snapshot whose file it is in.
  package var file: UInt64
  package var offset: Int

  static let size = 32 + 8 + 4 + 4 + 8 + 8
}

/// The blocks of snapshots for those who have bytes alone: fuzzers and tests.
package enum SnapshotBlock {
  package static func check(_ stored: [UInt8]) -> UInt64 { stored.withUnsafeBytes { Digest(of: $0).low } }

  /// Unpacks what claims to be `rawSize` bytes; `nil` for anything else. No address is compared: the claim is.
  package static func unpack(_ stored: [UInt8], rawSize: Int, check: UInt64) -> [UInt8]? {
    let reference = BlockReference(
      address: stored.withUnsafeBytes { Digest(of: $0) }, check: check, rawSize: rawSize, storedSize: stored.count,
      file: 0, offset: 0)
    return StateBlock.unpack(stored, as: reference)
  }

  /// Packs and unpacks.
  package static func roundTrip(_ raw: [UInt8]) -> [UInt8]? {
    let stored = StateBlock.pack(raw)
    let reference = BlockReference(
      address: raw.withUnsafeBytes { Digest(of: $0) }, check: check(stored), rawSize: raw.count,
      storedSize: stored.count, file: 0, offset: 0)
    return StateBlock.unpack(stored, as: reference)
  }
}
