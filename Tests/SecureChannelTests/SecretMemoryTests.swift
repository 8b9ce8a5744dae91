import Foundation
import SecureChannel
import Testing

@Suite struct SecretMemoryTests {
  @Test func slotsAreZeroedSeparateAndOfTheSizeAskedFor() throws {
    let arena = try #require(SecretArena())
    let secrets = try [1, 32, 33, 64, 65, 128].map { count in try #require(arena.allocate(count)) }
    for (index, secret) in secrets.enumerated() {
      #expect(secret.octets.allSatisfy { $0 == 0 })
      secret.withMutableBytes { for place in $0.indices { $0[place] = UInt8(index + 1) } }
    }
    for (index, secret) in secrets.enumerated() {
      #expect(secret.octets.allSatisfy { $0 == UInt8(index + 1) })
    }
    #expect(secrets.map(\.count) == [1, 32, 33, 64, 65, 128])
    // An optimised build releases what is not used any more: the slots must live while they are counted.
    withExtendedLifetime(secrets) { #expect(arena.used == 32 + 32 + 64 + 64 + 128 + 128) }
    #expect(arena.allocate(0) == nil)
    #expect(arena.allocate(129) == nil)
  }

  @Test(arguments: [(32, 4), (64, 2), (128, 1)])
  func anArenaHoldsWhatItPromisesAndThenRefuses(size: Int, perBlock: Int) throws {
    let arena = try #require(SecretArena(regionLimit: 2))
    let slots = 2 * (SecretArena.regionSize / 128) * perBlock
    var secrets: [Secret] = []
    while let secret = arena.allocate(size) { secrets.append(secret) }
    #expect(secrets.count == slots)
    #expect(arena.refused == 1)
    #expect(arena.capacity == 2 * SecretArena.regionSize)
    secrets.remove(at: slots / 3)
    #expect(arena.allocate(size) != nil)
    secrets.removeAll()
    #expect(arena.used == 0)
  }

  @Test func smallSlotsComeTogetherAgainWhenReleased() throws {
    let arena = try #require(SecretArena(regionLimit: 1))
    var small: [Secret] = []
    while let secret = arena.allocate(32) { small.append(secret) }
    #expect(arena.allocate(128) == nil)
    small.removeFirst(4)
    #expect(arena.allocate(128) != nil)
  }

  @Test func aReleasedSlotIsWiped() throws {
    let arena = try #require(SecretArena())
    var secret: Secret? = arena.store([UInt8](repeating: 0xa5, count: 64))
    // The region outlives the slot, so its bytes may be looked at after the release.
    let address = try #require(secret?.withBytes { $0.baseAddress })
    #expect(address.loadUnaligned(as: UInt64.self) == 0xa5a5_a5a5_a5a5_a5a5)
    secret = nil
    #expect(UnsafeRawBufferPointer(start: address, count: 64).allSatisfy { $0 == 0 })
    #expect(arena.used == 0)
  }

  @Test func theLockIsReportedAsTheSystemGaveIt() throws {
    let refused = try #require(SecretArena(lock: { _, _ in false }))
    #expect(!refused.isLocked)

    var attempts = 0
    let first = try #require(
      SecretArena(lock: { _, size in
        #expect(size == SecretArena.regionSize)
        attempts += 1
        return attempts == 1
      }))
    #expect(first.isLocked)
    var secrets: [Secret] = []
    while first.capacity == SecretArena.regionSize, let secret = first.allocate(128) { secrets.append(secret) }
    #expect(attempts == 2)
    #expect(!first.isLocked, "the second region is not locked")
  }

  @Test(.disabled(if: addressSanitizerRuns, "the address sanitizer makes mlock do nothing"))
  func aLockedArenaIsLockedForTheKernelToo() throws {
    let arena = try #require(SecretArena())
    let secret = arena.store([UInt8](repeating: 1, count: 32))
    let address = secret.withBytes { UInt(bitPattern: $0.baseAddress) }
    #expect(arena.isLocked == isLocked(address))
    print("secret arena: locked \(arena.isLocked)")
  }

  /// Reads the flags of the mapping that holds an address; `lo` stands for locked.
  private func isLocked(_ address: UInt) -> Bool? {
    guard let file = FileHandle(forReadingAtPath: "/proc/self/smaps"), let content = try? file.readToEnd() else {
      return nil
    }
    let maps = String(decoding: content, as: UTF8.self)
    var isInside = false
    for line in maps.split(separator: "\n") {
      let words = line.split(separator: " ")
      let bounds = words[0].split(separator: "-")
      if bounds.count == 2, let start = UInt(bounds[0], radix: 16), let end = UInt(bounds[1], radix: 16) {
        isInside = start <= address && address < end
      } else if isInside, words[0] == "VmFlags:" {
        return words.contains("lo")
      }
    }
    return nil
  }

  @Test func comparisonsAreByValue() throws {
    let arena = try #require(SecretArena())
    let one = arena.store([1, 2, 3])
    #expect(one.equals(arena.store([1, 2, 3])))
    #expect(!one.equals(arena.store([1, 2, 4])))
    #expect(!one.equals(arena.store([1, 2])))
  }
}

private let addressSanitizerRuns = dlsym(nil, "__asan_init") != nil
