import CLZ4

/// LZ4 blocks of at most 1 MiB (a link frame). The declared size is checked before anything is allocated or written.
package enum Compression {
  package static let rawSizeLimit = 1 << 20

  /// Room that `compress` may need for `count` bytes.
  package static func bound(_ count: Int) -> Int {
    guard count >= 0, count <= rawSizeLimit else { return 0 }
    return Int(LZ4_compressBound(Int32(count)))
  }

  /// Compresses into `output`; `nil` when the result does not fit there (give it the size from which it would not
  /// pay) or there is nothing, or too much, to compress.
  package static func compress(_ raw: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
    guard raw.count > 0, raw.count <= rawSizeLimit, let source = raw.baseAddress, let target = output.baseAddress
    else { return nil }
    let capacity = Int32(min(output.count, bound(raw.count)))
    let count = LZ4_compress_default(
      source.assumingMemoryBound(to: CChar.self), target.assumingMemoryBound(to: CChar.self), Int32(raw.count),
      capacity)
    return count > 0 ? Int(count) : nil
  }

  /// True when `block` is exactly one block of `output.count` raw bytes. The caller has capped that declared size.
  package static func decompress(
    _ block: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) -> Bool {
    guard block.count > 0, block.count <= bound(rawSizeLimit), output.count > 0, output.count <= rawSizeLimit,
      let source = block.baseAddress, let target = output.baseAddress
    else { return false }
    let count = LZ4_decompress_safe(
      source.assumingMemoryBound(to: CChar.self), target.assumingMemoryBound(to: CChar.self), Int32(block.count),
      Int32(output.count))
    return Int(count) == output.count
  }

  /// The raw bytes of a block with a declared size; `nil` when that is above `limit` or not the true one.
  package static func decompress(_ block: UnsafeRawBufferPointer, size: Int, limit: Int) -> [UInt8]? {
    guard size > 0, size <= limit, size <= rawSizeLimit else { return nil }
    // LZ4 cannot expand by more than 255: a larger claim is a lie, and memory would follow the claim.
    guard size <= block.count.multipliedReportingOverflow(by: 255).partialValue else { return nil }
    var isWhole = false
    let raw = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      isWhole = decompress(
        block, into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<size]))
      count = isWhole ? size : 0
    }
    return isWhole ? raw : nil
  }
}
