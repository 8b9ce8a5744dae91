import Wire

/// Walks over a log segment in the pieces that whoever reads it can get: recovery at the start, the scrub later.
struct SegmentScan {
  enum Found {
    /// The bytes from `at` on are wanted, so many if the file has them.
    case need(at: Int, count: Int)
    case batch(Batch.Head, at: Int, body: [UInt8])
    case bad(Bad)
    /// The end of the file.
    case end
  }

  struct Bad {
    enum Kind {
      /// The head is whole, the rest is not; so many sectors are all zero.
      case body(Batch.Head, lostSectors: Int)
      /// A sector that belongs to no batch: its head is lost or broken.
      case stray(isBody: Bool)
      /// A few bits where nothing was ever written.
      case speck
    }

    var kind: Kind
    var offset: Int
  }

  /// A piece that holds at least one batch of the largest size would be large; most are small.
  static let pieceSize = 256 << 10
  /// A head has 32 bytes of hashes: with fewer bits than these a sector is not one that was written.
  private static let speckBits = 24

  let salt: UInt64
  let fileSize: Int
  private(set) var offset = SegmentHead.size
  private var piece: [UInt8] = []
  private var pieceStart = 0

  init(salt: UInt64, fileSize: Int) {
    self.salt = salt
    self.fileSize = fileSize
  }

  /// What `need` asked for.
  mutating func take(_ bytes: [UInt8], at start: Int) {
    piece = bytes
    pieceStart = start
  }

  mutating func next() -> Found {
    while offset < fileSize {
      let sectorCount = min(Batch.sectorSize, fileSize - offset)
      guard let kind = look(at: offset, sectorCount) else {
        return .need(at: offset, count: min(max(SegmentScan.pieceSize, sectorCount), fileSize - offset))
      }
      switch kind {
      case .zero:
        offset += sectorCount
      case .found(let bad):
        let found = Bad(kind: bad, offset: offset)
        offset += sectorCount
        return .bad(found)
      case .head(let head):
        let size = min(head.imageSize, fileSize - offset)
        guard pieceStart + piece.count >= offset + size else {
          return .need(at: offset, count: min(max(SegmentScan.pieceSize, size), fileSize - offset))
        }
        let start = offset
        offset += size
        let from = start - pieceStart
        return piece.withUnsafeBytes { bytes -> Found in
          let image = UnsafeRawBufferPointer(rebasing: bytes[from..<from + size])
          if let body = Batch.body(of: head, in: image) { return .batch(head, at: start, body: body) }
          return .bad(Bad(kind: .body(head, lostSectors: SegmentScan.zeroSectors(in: image)), offset: start))
        }
      }
    }
    return .end
  }

  private enum Sector {
    case zero
    case head(Batch.Head)
    case found(Bad.Kind)
  }

  /// `nil` when the piece does not hold the sector.
  private func look(at offset: Int, _ count: Int) -> Sector? {
    guard offset >= pieceStart, offset + count <= pieceStart + piece.count else { return nil }
    return piece.withUnsafeBytes { bytes in
      let sector = UnsafeRawBufferPointer(rebasing: bytes[offset - pieceStart..<offset - pieceStart + count])
      if SegmentScan.isZero(sector) { return .zero }
      if let head = Batch.head(in: sector), head.salt == salt { return .head(head) }
      let bits = sector.reduce(0) { $0 + $1.nonzeroBitCount }
      return .found(bits < SegmentScan.speckBits ? .speck : .stray(isBody: sector.first == Batch.bodyMark))
    }
  }

  static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index &+ 8 <= bytes.count {
      if bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) != 0 { return false }
      index &+= 8
    }
    while index < bytes.count {
      if bytes[index] != 0 { return false }
      index &+= 1
    }
    return true
  }

  private static func zeroSectors(in image: UnsafeRawBufferPointer) -> Int {
    stride(from: 0, to: image.count, by: Batch.sectorSize).count { start in
      isZero(UnsafeRawBufferPointer(rebasing: image[start..<min(start + Batch.sectorSize, image.count)]))
    }
  }
}
