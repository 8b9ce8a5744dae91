/// Why bytes from outside were refused. There is one for each kind of counter that an operator may want to see.
package enum WireError: Error, Hashable, Sendable {
  /// Fewer bytes than a field needs.
  case truncated
  /// Bytes after the last field.
  case trailing
  /// A value that its field does not allow (not canonical, out of range, unknown kind).
  case invalid
  /// A length or count above the stated limit.
  case tooLarge
}

/// A bounds-checked cursor over bytes from outside: the only place where such bytes are subscripted.
///
/// Little-endian. Every accessor checks before it reads and moves on only when it succeeds. A reader does not own its
/// bytes: it must not outlive the buffer that it was made from.
package struct Reader {
  @usableFromInline let bytes: UnsafeRawBufferPointer
  @usableFromInline var position: Int

  @inlinable package init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    self.position = 0
  }

  /// Bytes not yet read.
  @inlinable package var remaining: Int { bytes.count &- position }
  @inlinable package var isAtEnd: Bool { position == bytes.count }
  /// Offset of the next byte from the start; for slices of what was read (signatures cover such slices).
  @inlinable package var offset: Int { position }

  @inlinable @inline(__always)
  package mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
    as type: T.Type = T.self
  ) throws(WireError) -> T {
    guard remaining >= MemoryLayout<T>.size else { throw .truncated }
    let value = bytes.loadUnaligned(fromByteOffset: position, as: T.self)
    position &+= MemoryLayout<T>.size
    return T(littleEndian: value)
  }

  @inlinable package mutating func u8() throws(WireError) -> UInt8 { try integer() }
  @inlinable package mutating func u16() throws(WireError) -> UInt16 { try integer() }
  @inlinable package mutating func u32() throws(WireError) -> UInt32 { try integer() }
  @inlinable package mutating func u64() throws(WireError) -> UInt64 { try integer() }

  /// The next `count` bytes, as a view into the same buffer.
  @inlinable package mutating func take(_ count: Int) throws(WireError) -> UnsafeRawBufferPointer {
    guard count >= 0, remaining >= count else { throw .truncated }
    let slice = UnsafeRawBufferPointer(rebasing: bytes[position..<position &+ count])
    position &+= count
    return slice
  }

  /// What has been read since `start` (an earlier `offset`).
  @inlinable package func slice(from start: Int) -> UnsafeRawBufferPointer {
    guard start >= 0, start <= position else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
  }

  /// LEB128, at most 10 bytes, in its shortest form only (one value, one encoding: signatures and golden bytes).
  @inlinable package mutating func varint() throws(WireError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try u8()
      let group = UInt64(byte & 0x7f)
      if shift == 63 && group > 1 { throw .invalid }
      value |= group << shift
      if byte & 0x80 == 0 {
        if byte == 0 && shift > 0 { throw .invalid }
        return value
      }
      shift &+= 7
      if shift > 63 { throw .invalid }
    }
  }

  /// A varint that counts things or bytes: refused above `limit`, before anything is allocated for it.
  @inlinable package mutating func count(atMost limit: Int) throws(WireError) -> Int {
    guard let value = Int(exactly: try varint()), value <= limit else { throw .tooLarge }
    return value
  }

  @inlinable package mutating func hostID() throws(WireError) -> HostID { HostID(rawValue: try u64()) }

  /// 1 byte family (4 or 6), address in network order, port.
  @inlinable package mutating func endpoint() throws(WireError) -> Endpoint {
    switch try u8() {
    case 4:
      let address = UInt32(bigEndian: try integer(as: UInt32.self).littleEndian)
      return Endpoint(ipv4: address, port: try u16())
    case 6:
      let high = UInt64(bigEndian: try integer(as: UInt64.self).littleEndian)
      let low = UInt64(bigEndian: try integer(as: UInt64.self).littleEndian)
      let endpoint = Endpoint(high: high, low: low, port: try u16())
      // One address has one encoding.
      if endpoint.isIPv4 { throw .invalid }
      return endpoint
    default:
      throw .invalid
    }
  }

  /// Refuses bytes after the last field.
  @inlinable package func expectEnd() throws(WireError) {
    if !isAtEnd { throw .trailing }
  }
}
