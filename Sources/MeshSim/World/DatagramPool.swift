import Wire

/// Datagrams that are under way, in slots that are used again. A world of thousands of nodes has a few thousand in
/// flight at once.
final class DatagramPool {
  /// The largest datagram of the mesh (`security.md` 3.3), rounded up. A larger one is a violation of check 7.
  static let slotSize = 1280

  struct Envelope {
    var from: Int32
    var to: Int32
    var source: Endpoint
    var count: Int32
  }

  private var slots: ContiguousArray<UnsafeMutableRawPointer> = []
  private var envelopes: ContiguousArray<Envelope> = []
  private var free: ContiguousArray<Int32> = []

  deinit { for slot in slots { slot.deallocate() } }

  /// Datagrams under way.
  var inUse: Int { slots.count - free.count }

  /// A slot with a copy of `bytes`, of which at most `slotSize` are kept.
  func take(_ bytes: UnsafeRawBufferPointer, from: Int, to: Int, source: Endpoint) -> Int32 {
    let count = min(bytes.count, DatagramPool.slotSize)
    let envelope = Envelope(from: Int32(from), to: Int32(to), source: source, count: Int32(count))
    let slot: Int32
    if let last = free.popLast() {
      slot = last
      envelopes[Int(slot)] = envelope
    } else {
      slot = Int32(slots.count)
      slots.append(.allocate(byteCount: DatagramPool.slotSize, alignment: 16))
      envelopes.append(envelope)
    }
    if let base = bytes.baseAddress { slots[Int(slot)].copyMemory(from: base, byteCount: count) }
    return slot
  }

  func envelope(_ slot: Int32) -> Envelope { envelopes[Int(slot)] }

  func bytes(_ slot: Int32) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: slots[Int(slot)], count: Int(envelopes[Int(slot)].count))
  }

  func giveBack(_ slot: Int32) { free.append(slot) }
}
