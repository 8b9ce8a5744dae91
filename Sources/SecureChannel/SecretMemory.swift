import CSodium

/// Memory for key material: guarded, excluded from core dumps and locked into RAM where the system allows it.
///
/// It is made of regions of 64 KiB (DESIGN 4, `security.md` 3.10); the first one holds the keys of about 500 sessions,
/// more are added on demand up to `regionLimit`, which covers 4,096 sessions, their cached Diffie-Hellman results and
/// the handshakes in flight. libsodium does not say when a lock failed, so each region asks for the lock itself and
/// `isLocked` reports the answer.
package final class SecretArena {
  /// What `sodium_malloc` rounds up to exactly 64 KiB of locked pages: it puts a canary of 16 bytes before the data.
  package static let regionSize = (64 << 10) - 16
  /// 1 MiB in all.
  package static let regionLimit = 16

  private var regions: [SecretRegion] = []
  private let maximumRegions: Int
  private let lock: (UnsafeMutableRawPointer, Int) -> Bool

  /// Slots that were refused because the arena was full.
  package private(set) var refused: UInt64 = 0

  /// `nil` when libsodium cannot start or no memory is left. `lock` is the system's unless a test replaces it.
  package init?(
    regionLimit: Int = SecretArena.regionLimit,
    lock: @escaping (UnsafeMutableRawPointer, Int) -> Bool = { sodium_mlock($0, $1) == 0 }
  ) {
    guard Sodium.isReady else { return nil }
    maximumRegions = regionLimit
    self.lock = lock
    guard addRegion() else { return nil }
  }

  /// True when every region is locked into RAM: no secret can reach the swap.
  package var isLocked: Bool { regions.allSatisfy(\.isLocked) }
  /// Bytes of all regions, used or not.
  package var capacity: Int { regions.count * SecretArena.regionSize }
  /// Bytes handed out and not yet released.
  package var used: Int { regions.reduce(0) { $0 + $1.used } }

  /// A zeroed slot of 32, 64 or 128 bytes (the smallest that holds `count`); `nil` when the arena is full.
  package func allocate(_ count: Int) -> Secret? {
    guard count > 0, count <= SecretRegion.blockSize else { return nil }
    for region in regions {
      if let slot = region.take(count) { return Secret(region: region, slot: slot, count: count) }
    }
    guard addRegion(), let slot = regions[regions.count - 1].take(count) else {
      refused &+= 1
      return nil
    }
    return Secret(region: regions[regions.count - 1], slot: slot, count: count)
  }

  /// A slot with a copy of `bytes` (1 to 128 of them).
  package func store(_ bytes: UnsafeRawBufferPointer) -> Secret? {
    guard let secret = allocate(bytes.count) else { return nil }
    secret.withMutableBytes { $0.copyMemory(from: bytes) }
    return secret
  }

  private func addRegion() -> Bool {
    guard regions.count < maximumRegions, let region = SecretRegion(lock: lock) else { return false }
    regions.append(region)
    return true
  }
}

/// A key or another value that must not leave locked memory. Wiped when the last reference goes.
///
/// A final class and not an array, because a copied array cannot be wiped. It has no description and no encoding.
package final class Secret {
  private let region: SecretRegion
  private let slot: SecretRegion.Slot
  /// Bytes of the value; the slot may be larger.
  package let count: Int

  fileprivate init(region: SecretRegion, slot: SecretRegion.Slot, count: Int) {
    self.region = region
    self.slot = slot
    self.count = count
  }

  deinit { region.release(slot) }

  /// The value, for the time of the call.
  @inline(__always)
  package func withBytes<R, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> R) throws(Failure) -> R
  {
    let result = try body(UnsafeRawBufferPointer(start: slot.address, count: count))
    withExtendedLifetime(self) {}
    return result
  }

  @inline(__always)
  package func withMutableBytes<R, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> R
  ) throws(Failure) -> R {
    let result = try body(UnsafeMutableRawBufferPointer(start: slot.address, count: count))
    withExtendedLifetime(self) {}
    return result
  }

  /// Compares in a time that depends on the length only.
  package func equals(_ other: Secret) -> Bool {
    withBytes { mine in other.withBytes { Sodium.equal(mine, $0) } }
  }
}

/// One `sodium_malloc` allocation, cut into blocks of 128 bytes of four quarters each.
private final class SecretRegion {
  static let blockSize = 128
  static let quarter = 32
  static let blockCount = SecretArena.regionSize / blockSize

  struct Slot {
    let address: UnsafeMutableRawPointer
    let block: Int
    /// Which quarters of the block it occupies.
    let mask: UInt8
  }

  private let base: UnsafeMutableRawPointer
  /// Occupied quarters of each block. First fit keeps small slots together, so whole blocks stay free.
  private var occupied = [UInt8](repeating: 0, count: blockCount)
  let isLocked: Bool
  private(set) var used = 0
  /// No block before this one has a free quarter.
  private var firstOpen = 0

  init?(lock: (UnsafeMutableRawPointer, Int) -> Bool) {
    guard let base = sodium_malloc(SecretArena.regionSize) else { return nil }
    self.base = base
    isLocked = lock(base, SecretArena.regionSize)
    sodium_memzero(base, SecretArena.regionSize)
  }

  deinit { sodium_free(base) }

  func take(_ count: Int) -> Slot? {
    let masks: [UInt8]
    switch count {
    case ...32: masks = [0b0001, 0b0010, 0b0100, 0b1000]
    case ...64: masks = [0b0011, 0b1100]
    default: masks = [0b1111]
    }
    while firstOpen < SecretRegion.blockCount, occupied[firstOpen] == 0b1111 { firstOpen += 1 }
    for block in firstOpen..<SecretRegion.blockCount {
      for mask in masks where occupied[block] & mask == 0 {
        occupied[block] |= mask
        used += mask.nonzeroBitCount * SecretRegion.quarter
        let offset = block * SecretRegion.blockSize + mask.trailingZeroBitCount * SecretRegion.quarter
        return Slot(address: base + offset, block: block, mask: mask)
      }
    }
    return nil
  }

  func release(_ slot: Slot) {
    let size = slot.mask.nonzeroBitCount * SecretRegion.quarter
    sodium_memzero(slot.address, size)
    occupied[slot.block] &= ~slot.mask
    firstOpen = min(firstOpen, slot.block)
    used -= size
  }
}
