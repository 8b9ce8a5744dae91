import SecureChannel
import Testing
import Wire

@Suite struct CompressionTests {
  private func compressed(_ raw: [UInt8], room: Int? = nil) -> [UInt8]? {
    var output = [UInt8](repeating: 0, count: room ?? Compression.bound(raw.count))
    let count = output.withUnsafeMutableBytes { output in
      raw.withUnsafeBytes { Compression.compress($0, into: output) }
    }
    return count.map { Array(output[..<$0]) }
  }

  private func decompressed(_ block: [UInt8], size: Int, limit: Int = Compression.rawSizeLimit) -> [UInt8]? {
    block.withUnsafeBytes { Compression.decompress($0, size: size, limit: limit) }
  }

  @Test func blocksComeBackWhole() throws {
    var chance = Chance(seed: 11)
    for size in [1, 2, 511, 512, 4_096, 65_536, 1 << 20] {
      let raw = (0..<size).map { _ in UInt8(chance.below(7)) }
      let block = try #require(compressed(raw))
      #expect(decompressed(block, size: size) == raw)
    }
  }

  @Test func onlyTheTrueSizeIsTaken() throws {
    let raw = [UInt8](repeating: 5, count: 4_096)
    let block = try #require(compressed(raw))
    for size in [-1, 0, 1, 4_095, 4_097, 8_192, Int.max] {
      #expect(decompressed(block, size: size) == nil)
    }
    #expect(decompressed(block, size: 4_096, limit: 4_095) == nil)
    #expect(decompressed(block, size: 4_096, limit: 4_096) == raw)
    #expect(decompressed([], size: 1) == nil)
  }

  /// A few bytes cannot be worth a megabyte: the claim is refused before memory follows it.
  @Test func aBombIsRefused() {
    #expect(decompressed([0x1f, 0, 1, 0, 0xff, 0xff, 0], size: 1 << 20) == nil)
    #expect(decompressed([0], size: 2_000_000) == nil)
  }

  @Test func whatDoesNotPayOrIsTooMuchIsRefused() {
    var chance = Chance(seed: 12)
    let noise = (0..<4_096).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
    #expect(compressed(noise, room: 4_096 * 9 / 10) == nil)
    #expect(compressed([]) == nil)
    #expect(compressed([UInt8](repeating: 0, count: (1 << 20) + 1), room: 1 << 20) == nil)
  }

  @Test func garbageNeverWritesPastItsRoom() {
    var chance = Chance(seed: 13)
    for _ in 0..<20_000 {
      let block = (0..<1 + chance.below(64)).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
      let size = 1 + chance.below(256)
      var output = [UInt8](repeating: 0xee, count: size + 8)
      _ = output.withUnsafeMutableBytes { output in
        block.withUnsafeBytes {
          Compression.decompress($0, into: UnsafeMutableRawBufferPointer(rebasing: output[..<size]))
        }
      }
      #expect(output[size...].allSatisfy { $0 == 0xee })
    }
  }
}
