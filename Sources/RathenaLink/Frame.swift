package import Wire

/// One whole frame of a char-link: a view with bounds-checked fields. It does not own its bytes.
///
/// Little-endian but for addresses, which are in network order in both directions.
package struct Frame {
  /// Command and length of a variable frame.
  package static let variableHeader = 4

  package let bytes: UnsafeRawBufferPointer
  package let command: UInt16

  /// - Throws: `invalid` for a command that the direction does not have, `truncated` and `trailing` when the bytes are
  ///   not exactly one frame.
  package init(_ bytes: UnsafeRawBufferPointer, table: FrameTable) throws(WireError) {
    var reader = Reader(bytes)
    command = try reader.u16()
    let length: Int
    switch table.length(of: command) {
    case .unknown: throw .invalid
    case .fixed(let fixed): length = fixed
    case .variable: length = Int(try reader.u16())
    }
    guard bytes.count >= max(length, reader.offset) else { throw .truncated }
    guard bytes.count == length else { throw .trailing }
    self.bytes = bytes
  }

  package var count: Int { bytes.count }

  private func reader(at offset: Int) throws(WireError) -> Reader {
    var reader = Reader(bytes)
    _ = try reader.take(offset)
    return reader
  }

  package func u8(at offset: Int) throws(WireError) -> UInt8 {
    var reader = try reader(at: offset)
    return try reader.u8()
  }

  package func u16(at offset: Int) throws(WireError) -> UInt16 {
    var reader = try reader(at: offset)
    return try reader.u16()
  }

  package func u32(at offset: Int) throws(WireError) -> UInt32 {
    var reader = try reader(at: offset)
    return try reader.u32()
  }

  package func bytes(at offset: Int, count: Int) throws(WireError) -> UnsafeRawBufferPointer {
    var reader = try reader(at: offset)
    return try reader.take(count)
  }

  package func mapName(at offset: Int) throws(WireError) -> LinkMapName {
    var reader = try reader(at: offset)
    return try reader.linkMapName()
  }

  /// Ip and port, both in network order.
  package func address(at offset: Int) throws(WireError) -> LinkAddress {
    var reader = try reader(at: offset)
    return try reader.linkAddress()
  }

  /// The names from `offset` to the end; a last part of a name is passed over, as rAthena does.
  package func mapNames(from offset: Int) throws(WireError) -> [LinkMapName] {
    var reader = try reader(at: offset)
    var names: [LinkMapName] = []
    names.reserveCapacity(reader.remaining / LinkMapName.size)
    while reader.remaining >= LinkMapName.size { names.append(try reader.linkMapName()) }
    return names
  }
}

/// An IPv4 address and a port as the link carries them. `0ac5` and `0ac7` know nothing else.
package struct LinkAddress: Hashable, Sendable, CustomStringConvertible {
  /// As a number: 127.0.0.1 is 0x7f000001.
  package var ipv4: UInt32
  package var port: UInt16

  package init(ipv4: UInt32, port: UInt16) {
    self.ipv4 = ipv4
    self.port = port
  }

  package init?(_ endpoint: Endpoint) {
    guard endpoint.isIPv4 else { return nil }
    self.init(ipv4: endpoint.ipv4, port: endpoint.port)
  }

  /// What every bridge tells the char-server (192.0.2.0/24 is for documentation, RFC 5737: no real server has it).
  package static let virtual = LinkAddress(ipv4: 0xc000_0201, port: 5121)

  package var description: String { Endpoint(ipv4: ipv4, port: port).description }
}

/// A map's name as the link carries it: 16 bytes, zero-padded, without ".gat". What stands behind the first zero does not
/// belong to it.
package struct LinkMapName: Hashable, Comparable, Sendable, CustomStringConvertible {
  package static let size = 16

  /// Big-endian, so that numbers sort as texts.
  private let high: UInt64
  private let low: UInt64

  fileprivate init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// `nil` for a text without bytes or with more than 15.
  package init?(_ text: String) {
    guard (1..<LinkMapName.size).contains(text.utf8.count), !text.utf8.contains(0) else { return nil }
    self.init(text.utf8)
  }

  fileprivate init(_ bytes: some Sequence<UInt8>) {
    var words: [UInt64] = [0, 0]
    for (index, byte) in bytes.prefix(LinkMapName.size).enumerated() {
      if byte == 0 { break }
      words[index / 8] |= UInt64(byte) << UInt64(56 - index % 8 * 8)
    }
    self.init(high: words[0], low: words[1])
  }

  package var isEmpty: Bool { high == 0 }

  package var description: String {
    let bytes = (0..<LinkMapName.size).map { index in
      UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 - index % 8 * 8))
    }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  package static func < (left: LinkMapName, right: LinkMapName) -> Bool {
    left.high != right.high ? left.high < right.high : left.low < right.low
  }

  fileprivate func write(into writer: inout Writer) {
    writer.u64(high.byteSwapped)
    writer.u64(low.byteSwapped)
  }
}

extension Reader {
  package mutating func linkMapName() throws(WireError) -> LinkMapName { LinkMapName(try take(LinkMapName.size)) }

  package mutating func linkAddress() throws(WireError) -> LinkAddress {
    let ipv4 = try u32().byteSwapped
    return LinkAddress(ipv4: ipv4, port: try u16().byteSwapped)
  }
}

extension Writer {
  package mutating func linkMapName(_ name: LinkMapName) { name.write(into: &self) }

  package mutating func linkAddress(_ address: LinkAddress) {
    u32(address.ipv4.byteSwapped)
    u16(address.port.byteSwapped)
  }

  /// A text in a field of fixed size, cut when it is longer, always with a zero at its end.
  package mutating func linkText(_ text: String, size: Int) {
    let bytes = [UInt8](text.utf8.prefix(max(0, size - 1)))
    append(bytes)
    zeros(size - bytes.count)
  }
}
