import Hashing
import SecureChannel
import Testing
import Wire

@Suite struct CipherTests {
  private let arena = SecretArena()!

  @Test func theNonceIsFourZeroBytesAndALittleEndianCounter() {
    let key = arena.store([UInt8](0..<32))
    let counter: UInt64 = 0x1122_3344_5566_7788
    var mine = [UInt8](repeating: 3, count: 48)
    var plain = mine
    let nonce: [UInt8] = [0, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]
    mine.withUnsafeMutableBytes { ChaChaPoly.seal(inPlace: $0, key: key, counter: counter, authenticating: .none) }
    plain.withUnsafeMutableBytes { bytes in
      nonce.withUnsafeBytes { nonce in
        key.withBytes { ChaChaPoly.seal(inPlace: bytes, key: $0, nonce: nonce, authenticating: .none) }
      }
    }
    #expect(mine == plain)
  }

  @Test func anyFlippedBitAndAnyOtherCounterIsRefusedAndLeavesNothing() {
    let key = arena.store([UInt8](0..<32))
    let header = [UInt8](0..<16)
    var sealed = [UInt8](repeating: 0, count: 48)
    seal(&sealed, key: key, counter: 5, header: header)
    for bit in 0..<sealed.count * 8 {
      var altered = sealed
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!opens(&altered, key: key, counter: 5, header: header))
      #expect(altered[..<32].allSatisfy { $0 == 0 })
    }
    for bit in 0..<header.count * 8 {
      var altered = header
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      var copy = sealed
      #expect(!opens(&copy, key: key, counter: 5, header: altered))
    }
    var copy = sealed
    #expect(!opens(&copy, key: key, counter: 6, header: header))
    copy = sealed
    var short = Array(sealed[..<15])
    #expect(!opens(&short, key: key, counter: 5, header: header))
    #expect(opens(&copy, key: key, counter: 5, header: header))
    #expect(copy[..<32].allSatisfy { $0 == 0 })
  }

  private func seal(_ bytes: inout [UInt8], key: Secret, counter: UInt64, header: [UInt8]) {
    bytes.withUnsafeMutableBytes { bytes in
      header.withUnsafeBytes { ChaChaPoly.seal(inPlace: bytes, key: key, counter: counter, authenticating: $0) }
    }
  }

  private func opens(_ bytes: inout [UInt8], key: Secret, counter: UInt64, header: [UInt8]) -> Bool {
    bytes.withUnsafeMutableBytes { bytes in
      header.withUnsafeBytes {
        ChaChaPoly.open(inPlace: bytes, key: key, counter: counter, authenticating: $0) != nil
      }
    }
  }

  // MARK: Streams

  private func stream(seed: UInt64) -> (SealingStream, OpeningStream) {
    let key = arena.store([UInt8](repeating: 9, count: 32))
    let sealing = SealingStream(key: key, arena: arena, entropy: SeededEntropy(seed))!
    let opening = sealing.header.withUnsafeBytes { OpeningStream(key: key, header: $0, arena: arena)! }
    return (sealing, opening)
  }

  private func seal(_ stream: SealingStream, _ text: [UInt8], _ tag: StreamTag = .message) -> [UInt8] {
    var chunk = [UInt8](repeating: 0, count: text.count + SealingStream.overhead)
    chunk.withUnsafeMutableBytes { chunk in
      text.withUnsafeBytes { text in
        [UInt8(1)].withUnsafeBytes { stream.seal(text, tag: tag, authenticating: $0, into: chunk) }
      }
    }
    return chunk
  }

  private func open(_ stream: OpeningStream, _ chunk: [UInt8]) -> ([UInt8], StreamTag)? {
    var text = [UInt8](repeating: 0, count: max(0, chunk.count - SealingStream.overhead))
    let tag = text.withUnsafeMutableBytes { text in
      chunk.withUnsafeBytes { chunk in
        [UInt8(1)].withUnsafeBytes { stream.open(chunk, authenticating: $0, into: text) }
      }
    }
    return tag.map { (text, $0) }
  }

  @Test func aStreamGivesItsChunksInOrderWithTheirTags() throws {
    let (sealing, opening) = stream(seed: 1)
    let texts: [([UInt8], StreamTag)] = [([1, 2, 3], .message), ([], .rekey), ([4], .message), ([5], .final)]
    for (text, tag) in texts {
      let opened = try #require(open(opening, seal(sealing, text, tag)))
      #expect(opened.0 == text)
      #expect(opened.1 == tag)
    }
  }

  @Test func lostSwappedRepeatedAndAlteredChunksAreNoticed() {
    let (sealing, opening) = stream(seed: 2)
    let first = seal(sealing, [1])
    let second = seal(sealing, [2])
    let third = seal(sealing, [3])
    #expect(open(opening, second) == nil)
    #expect(open(opening, first) != nil)
    #expect(open(opening, first) == nil)
    #expect(open(opening, third) == nil)
    for bit in 0..<second.count * 8 {
      var altered = second
      altered[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(open(opening, altered) == nil)
    }
    #expect(open(opening, Array(second.dropLast())) == nil)
    #expect(open(opening, []) == nil)
    #expect(open(opening, second) != nil)
  }

  @Test func theSameEntropyGivesTheSameStream() {
    let (first, _) = stream(seed: 3)
    let (second, _) = stream(seed: 3)
    let (other, _) = stream(seed: 4)
    #expect(first.header == second.header)
    #expect(seal(first, [1, 2, 3]) == seal(second, [1, 2, 3]))
    #expect(first.header != other.header)
  }

  @Test func aHeaderOfAnotherSizeIsRefused() {
    let key = arena.store([UInt8](repeating: 9, count: 32))
    for size in [0, 23, 25] {
      let header = [UInt8](repeating: 0, count: size)
      #expect(header.withUnsafeBytes { OpeningStream(key: key, header: $0, arena: arena) } == nil)
    }
  }
}
