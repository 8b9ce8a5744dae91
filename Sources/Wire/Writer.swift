/// A cursor that fills a buffer of fixed capacity, little-endian, mirror of `Reader`.
///
/// A write that does not fit changes nothing but `overflowed`: encoders ask `room` before optional parts and the
/// caller checks `overflowed` once at the end. The writer does not own its buffer.
package struct Writer {
  @usableFromInline let bytes: UnsafeMutableRawBufferPointer
  @usableFromInline var position: Int
  @usableFromInline var failed = false

  @inlinable package init(_ bytes: UnsafeMutableRawBufferPointer) {
    self.bytes = bytes
    self.position = 0
  }

  /// Bytes written so far.
  @inlinable package var count: Int { position }
  /// Bytes that still fit.
  @inlinable package var room: Int { bytes.count &- position }
  @inlinable package var overflowed: Bool { failed }

  @inlinable package var written: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[0..<position])
  }

  @inlinable package func written(from start: Int) -> UnsafeRawBufferPointer {
    guard start >= 0, start <= position else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
  }

  /// Takes back everything after `count` (an earlier `count`), and an overflow with it.
  @inlinable package mutating func truncate(to count: Int) {
    guard count >= 0, count <= position else { return }
    position = count
    failed = false
  }

  @inlinable @inline(__always)
  package mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    guard room >= MemoryLayout<T>.size else {
      failed = true
      return
    }
    bytes.storeBytes(of: value.littleEndian, toByteOffset: position, as: T.self)
    position &+= MemoryLayout<T>.size
  }

  @inlinable package mutating func u8(_ value: UInt8) { integer(value) }
  @inlinable package mutating func u16(_ value: UInt16) { integer(value) }
  @inlinable package mutating func u32(_ value: UInt32) { integer(value) }
  @inlinable package mutating func u64(_ value: UInt64) { integer(value) }

  @inlinable package mutating func append(_ source: UnsafeRawBufferPointer) {
    guard room >= source.count else {
      failed = true
      return
    }
    if let from = source.baseAddress, source.count > 0 {
      bytes.baseAddress?.advanced(by: position).copyMemory(from: from, byteCount: source.count)
    }
    position &+= source.count
  }

  @inlinable package mutating func append(_ source: [UInt8]) {
    source.withUnsafeBytes { append($0) }
  }

  @inlinable package mutating func zeros(_ count: Int) {
    guard count >= 0, room >= count else {
      failed = true
      return
    }
    for offset in position..<position &+ count { bytes[offset] = 0 }
    position &+= count
  }

  /// LEB128 in its shortest form.
  @inlinable package mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      u8(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    u8(UInt8(truncatingIfNeeded: rest))
  }

  /// Bytes that `varint` takes for a value.
  @inlinable package static func varintSize(_ value: UInt64) -> Int {
    max(1, (64 &- value.leadingZeroBitCount &+ 6) / 7)
  }

  @inlinable package mutating func hostID(_ host: HostID) { u64(host.rawValue) }

  /// 7 bytes for IPv4, 19 for IPv6; see `Reader.endpoint`.
  @inlinable package mutating func endpoint(_ endpoint: Endpoint) {
    if endpoint.isIPv4 {
      u8(4)
      integer(UInt32(littleEndian: endpoint.ipv4.bigEndian))
    } else {
      u8(6)
      integer(UInt64(littleEndian: endpoint.high.bigEndian))
      integer(UInt64(littleEndian: endpoint.low.bigEndian))
    }
    u16(endpoint.port)
  }
}
