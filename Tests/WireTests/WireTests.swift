import Testing
import Wire

private func write(_ capacity: Int = 64, _ body: (inout Writer) -> Void) -> [UInt8] {
  var storage = [UInt8](repeating: 0xee, count: capacity)
  return storage.withUnsafeMutableBytes { bytes in
    var writer = Writer(bytes)
    body(&writer)
    return [UInt8](writer.written)
  }
}

private func read<R>(_ bytes: [UInt8], _ body: (inout Reader) throws(WireError) -> R) throws(WireError) -> R {
  let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
  defer { copy.deallocate() }
  copy.copyBytes(from: bytes)
  var reader = Reader(UnsafeRawBufferPointer(copy))
  let value = try body(&reader)
  try reader.expectEnd()
  return value
}

@Suite("Wire")
struct WireTests {
  @Test("integers are little-endian and come back")
  func integers() throws {
    let bytes = write {
      $0.u8(1)
      $0.u16(0x0203)
      $0.u32(0x0405_0607)
      $0.u64(0x08)
    }
    #expect(bytes == [1, 3, 2, 7, 6, 5, 4, 8, 0, 0, 0, 0, 0, 0, 0])
    let all = try read(bytes) { r throws(WireError) in (try r.u8(), try r.u16(), try r.u32(), try r.u64()) }
    #expect(all == (1, 0x0203, 0x0405_0607, 8))
  }

  @Test("a varint has one encoding", arguments: [0, 1, 127, 128, 16_383, 16_384, 1 << 32, UInt64.max >> 1, .max])
  func varints(value: UInt64) throws {
    let bytes = write { $0.varint(value) }
    #expect(bytes.count == Writer.varintSize(value))
    #expect(try read(bytes) { r throws(WireError) in try r.varint() } == value)
  }

  @Test(
    "other forms of a varint are refused",
    arguments: [
      [0x80, 0x00], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], [0x81, 0x80, 0x00],
      [UInt8](repeating: 0x80, count: 11),
    ] as [[UInt8]])
  func oddVarints(bytes: [UInt8]) {
    #expect(throws: WireError.invalid) { try read(bytes) { r throws(WireError) in try r.varint() } }
  }

  @Test("short input is truncated, long input is trailing, a large count is too large")
  func bounds() {
    #expect(throws: WireError.truncated) { try read([1, 2, 3]) { r throws(WireError) in try r.u32() } }
    #expect(throws: WireError.trailing) { try read([1, 2, 3]) { r throws(WireError) in try r.u8() } }
    #expect(throws: WireError.truncated) { try read([0x80]) { r throws(WireError) in try r.varint() } }
    #expect(throws: WireError.truncated) { try read([1]) { r throws(WireError) in try r.take(-1) } }
    #expect(throws: WireError.tooLarge) { try read([9]) { r throws(WireError) in try r.count(atMost: 8) } }
    let huge = write { $0.varint(.max) }
    #expect(throws: WireError.tooLarge) { try read(huge) { r throws(WireError) in try r.count(atMost: 8) } }
  }

  @Test("a writer that is full keeps what it has and says so")
  func overflow() {
    var storage = [UInt8](repeating: 0, count: 4)
    storage.withUnsafeMutableBytes { bytes in
      var writer = Writer(bytes)
      writer.u16(0x0102)
      writer.u32(9)
      #expect(writer.overflowed)
      #expect(writer.count == 2)
      writer.truncate(to: 2)
      #expect(!writer.overflowed)
      writer.append([1, 2, 3])
      #expect(writer.overflowed)
      #expect([UInt8](writer.written) == [2, 1])
    }
  }

  @Test(
    "endpoints have one text and one encoding",
    arguments: [
      "127.0.0.1:7000", "255.255.255.255:65535", "0.0.0.0:0", "[::1]:7000", "[2001:db8::1]:1", "[fe80::1:0:0:1]:9",
      "[1:2:3:4:5:6:7:8]:80", "[::]:0", "[2001:db8:0:1::]:7",
    ])
  func endpoints(text: String) throws {
    let endpoint = try #require(Endpoint(text))
    #expect(endpoint.description == text)
    let bytes = write { $0.endpoint(endpoint) }
    #expect(bytes.count == (endpoint.isIPv4 ? 7 : 19))
    #expect(try read(bytes) { r throws(WireError) in try r.endpoint() } == endpoint)
  }

  @Test(
    "what is no endpoint is refused",
    arguments: [
      "", ":1", "1.2.3:4", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.04:1", "256.1.1.1:1", "::1:7000", "[::1]",
      "[::1]7000", "[1:2:3]:4", "[1::2::3]:4", "[12345::]:1", "1.2.3.4:+1", "[:::]:1", "[::1%lo]:1",
    ])
  func notEndpoints(text: String) { #expect(Endpoint(text) == nil) }

  @Test("a mapped IPv4 address in IPv6 form is refused on the wire and is IPv4 in text")
  func mapped() throws {
    let mapped = try #require(Endpoint("[::ffff:1.2.3.4]:5"))
    #expect(mapped == Endpoint("1.2.3.4:5"))
    let bytes: [UInt8] = [6] + [UInt8](repeating: 0, count: 10) + [255, 255, 1, 2, 3, 4, 5, 0]
    #expect(throws: WireError.invalid) { try read(bytes) { r throws(WireError) in try r.endpoint() } }
    #expect(throws: WireError.invalid) { try read([5, 0, 0]) { r throws(WireError) in try r.endpoint() } }
  }

  @Test(
    "an address knows its reach",
    arguments: [
      ("127.3.2.1:1", Endpoint.Reach.loopback), ("10.1.1.1:1", .privateRange), ("172.31.0.1:1", .privateRange),
      ("172.32.0.1:1", .global), ("192.168.9.9:1", .privateRange), ("100.64.0.1:1", .privateRange),
      ("100.128.0.1:1", .global), ("169.254.1.1:1", .linkLocal), ("224.0.0.1:1", .unusable), ("0.1.1.1:1", .unusable),
      ("255.255.255.255:1", .unusable), ("8.8.8.8:1", .global), ("[::1]:1", .loopback), ("[::]:1", .unusable),
      ("[fe80::1]:1", .linkLocal), ("[fd00::1]:1", .privateRange), ("[ff02::1]:1", .unusable),
      ("[2001:db8::1]:1", .global),
    ])
  func reach(text: String, reach: Endpoint.Reach) throws { #expect(try #require(Endpoint(text)).reach == reach) }

  @Test("a host id is 16 hexadecimal digits")
  func hostIDs() {
    #expect(HostID("00000000000000ff")?.rawValue == 255)
    #expect(HostID("00000000000000ff")?.description == "00000000000000ff")
    for text in ["", "ff", "00000000000000fg", "+0000000000000ff", "00000000000000ff0"] { #expect(HostID(text) == nil) }
  }

  @Test("messages keep their room before and behind, also when the buffer moves")
  func messageBuffer() throws {
    let buffer = MessageBuffer(capacity: 4096)
    var ranges: [MessageRange] = []
    for index in 0..<100 {
      let range = try #require(
        buffer.append(maximum: 1200) { $0.append([UInt8](repeating: UInt8(index), count: 1000)) })
      #expect(range.offset >= MessageBuffer.headroom)
      if let last = ranges.last {
        #expect(range.offset - (last.offset + last.count) >= MessageBuffer.headroom + MessageBuffer.tailroom)
      }
      ranges.append(range)
    }
    for (index, range) in ranges.enumerated() {
      #expect(buffer.bytes(of: range).allSatisfy { $0 == UInt8(index) })
    }
    #expect(buffer.append(maximum: 8) { _ in } == nil)
    #expect(buffer.append(maximum: 2) { $0.u32(1) } == nil)
    #expect(buffer.append(maximum: MessageBuffer.capacityLimit) { $0.u8(1) } == nil)
    #expect(buffer.refused == 1)
  }

  @Test("deadlines come in order of time, then of insertion")
  func deadlineQueue() {
    var chance = Chance(seed: 7)
    var queue = DeadlineQueue<Int>()
    var expected: [(UInt64, Int)] = []
    for index in 0..<2000 {
      let at = chance.below(UInt64(50))
      queue.insert(index, at: at)
      expected.append((at, index))
    }
    expected.sort { $0.0 != $1.0 ? $0.0 < $1.0 : $0.1 < $1.1 }
    for (at, index) in expected {
      let next = queue.popFirst()
      #expect(next?.at == at && next?.element == index)
    }
    #expect(queue.popFirst() == nil)
    queue.insert(1, at: 10)
    #expect(queue.popFirst(dueBy: 9) == nil)
    #expect(queue.earliest == 10)
  }

  @Test("chance is the same for the same seed and stays in its bounds")
  func chance() {
    var one = Chance(seed: 42)
    var two = Chance(seed: 42)
    var sum = 0.0
    for _ in 0..<10_000 {
      #expect(one.next() == two.next())
      let value = one.below(10)
      #expect((0..<10).contains(value))
      _ = two.below(10)
      let jittered = one.jittered(1000, by: 0.1)
      #expect((900...1100).contains(jittered))
      _ = two.jittered(1000, by: 0.1)
      sum += one.unit()
      _ = two.unit()
    }
    #expect(abs(sum / 10_000 - 0.5) < 0.02)
    #expect(one.below(0) == 0)
  }
}
