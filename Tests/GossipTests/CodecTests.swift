import Gossip
import Testing
import Wire

/// Layouts: golden bytes, sizes, and what is refused.
@Suite struct CodecTests {
  private let life = Incarnation(generation: 60_000_000, refutation: 0)
  private let a = HostID(rawValue: 0x0102_0304_0506_0708)
  private let b = HostID(rawValue: 0x1112_1314_1516_1718)
  private let c = HostID(rawValue: 0x2122_2324_2526_2728)

  private func rewritten(_ bytes: [UInt8]) throws(WireError) -> [UInt8] {
    try CodecTests.rewrite(bytes)
  }

  static func rewrite(_ bytes: [UInt8]) throws(WireError) -> [UInt8] {
    var failure: WireError?
    let result = [UInt8](unsafeUninitializedCapacity: bytes.count + 64) { output, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(output))
      bytes.withUnsafeBytes {
        do throws(WireError) { try Recoding.recode($0, into: &writer) } catch { failure = error }
      }
      count = writer.count
    }
    if let failure { throw failure }
    return result
  }

  /// Every message, written by hand from the table of layouts.
  @Test func goldenMessages() throws {
    let incarnation: [UInt8] = [0x80, 0x8e, 0xce, 0x1c, 0x03]
    let endpoint: [UInt8] = [4, 10, 0, 0, 1, 0x58, 0x1b]
    let root: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    let messages: [[UInt8]] = [
      [1, 9, 0, 0, 0] + incarnation + root + [5, 1, 200, 7],
      [2, 9, 0, 0, 0, 3] + incarnation + root + [5, 1, 200],
      [3, 9, 0, 0, 0] + root + [0xe8, 0x07],
      [4, 9, 0, 0, 0, 2],
      [5],
      [6] + endpoint,
      [7] + endpoint + root + [5, 1],
      [8] + root + [UInt8](repeating: 0xab, count: 256),
      [9] + root + [3],
      [10] + root + root,
      [11],
      [12, 1],
      [13],
      [6, 6] + [0x20, 1, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1, 0x58, 0x1b],
    ]
    for message in messages {
      #expect(try rewritten(message) == message, "type \(message[0])")
      // A byte less or, where no items follow, a byte more is refused.
      if message.count > 1 { #expect(throws: WireError.self) { try rewritten(Array(message.dropLast())) } }
      #expect(throws: WireError.self) { try rewritten(message + [0]) }
    }
  }

  /// DESIGN 5.2; the generation of our days takes four bytes of five.
  @Test func sizesOfItems() throws {
    let sizes: [(Forge, Int)] = [
      (Forge(5).alive(a, life), 87), (Forge(5).suspect(a, life, by: b), 86),
      (Forge(5).dead(a, life, by: [b, c]), 159), (Forge(5).dead(a, life, by: [a, b, c]), 231),
      (Forge(5).left(a, life), 79), (Forge(5).load(a, life: 0, sequence: 9), 19),
      (Forge(5).oneWay(a, life, by: b, number: 1_790_000_000), 91), (Forge(5).metadata(a), 428),
      (Forge(5).obituary(a, life, by: [b, c]), 232), (Forge(5).revocation(a), 163),
    ]
    for (forge, size) in sizes {
      #expect(forge.bytes.count - 1 == size)
      #expect(try rewritten(forge.bytes) == forge.bytes)
    }
    #expect((1_188 - 1) / 87 == 13 && (1_188 - 1) / 19 >= 60)
  }

  @Test func whatIsNotCanonicalIsRefused() {
    let alive = Forge(5).alive(a, life).bytes
    var cases: [[UInt8]] = []
    func changed(_ place: Int, _ value: UInt8) {
      cases.append(alive.enumerated().map { $0.offset == place ? value : $0.element })
    }
    changed(1, 0x11)  // accusations where there are none
    changed(1, 0x0a)  // an unknown kind
    changed(1, 0x00)
    changed(15, 5)  // an address family
    changed(23, 0xe0)  // unknown roles
    // The same accuser twice, none, four.
    cases.append(Forge(5).dead(a, life, by: [b, b]).bytes)
    cases.append(Forge(5).dead(a, life, by: []).bytes)
    cases.append(Forge(5).dead(a, life, by: [a, b, c, HostID(rawValue: 4)]).bytes)
    // A generation of 41 bits, a varint that is longer than it need be.
    cases.append(
      [2] + [9, 0, 0, 0, 0] + [0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0] + [UInt8](repeating: 0, count: 11))
    cases.append([2, 9, 0, 0, 0, 0, 0x81, 0x00, 0] + [UInt8](repeating: 0, count: 11))
    cases.append([2, 9, 0, 0, 0, 4, 1, 0] + [UInt8](repeating: 0, count: 11))
    cases.append([10])
    cases.append([10] + [UInt8](repeating: 1, count: 33 * 8))
    cases.append([4, 0, 0, 0, 0, 9])
    cases.append([14])
    cases.append([0])
    cases.append([])
    for bytes in cases { #expect(throws: WireError.self, "\(bytes.prefix(30))") { try rewritten(bytes) } }
  }

  /// Whatever is read comes out as it went in; whatever is not is refused without harm.
  @Test func mutatedMessagesAreReadOrRefused() {
    let seed: UInt64 = 17
    var chance = Chance(seed: seed)
    let originals: [[UInt8]] = [
      Forge.ping(sequence: 3, incarnation: life).alive(a, life).dead(b, life, by: [a, c]).load(
        c, life: 1, sequence: 300
      )
      .bytes,
      Forge(5).suspect(a, life, by: b).left(c, life).oneWay(a, life, by: b, number: 5).revocation(c).bytes,
      Forge(11).metadata(a).obituary(b, life, by: [a, c], minutes: 200).bytes,
    ]
    var read = 0
    for _ in 0..<30_000 {
      var bytes = originals[chance.below(originals.count)]
      for _ in 0..<1 + chance.below(3) {
        switch chance.below(4) {
        case 0: bytes[chance.below(bytes.count)] ^= UInt8(1 << chance.below(8))
        case 1: bytes[chance.below(bytes.count)] = UInt8(chance.below(256))
        case 2 where bytes.count > 2: bytes.removeLast(chance.below(bytes.count - 1))
        default: bytes.insert(UInt8(chance.below(256)), at: chance.below(bytes.count + 1))
        }
      }
      guard let result = try? rewritten(bytes) else { continue }
      read += 1
      if result != bytes {
        Issue.record("seed \(seed): \(bytes) became \(result)")
        return
      }
    }
    #expect(read > 1_000 && read < 29_000, "\(read)")
  }
}
