import AllocationCounter
import SecureChannel
import Testing
import Wire

@Suite struct HotPathTests {
  /// Frames go back and forth between two channels, sealed and opened where they lie.
  @Test(.enabled(if: allocation_counter_works() == 1, "the sanitizer has malloc's place"))
  func nothingIsAllocatedPerDatagramAfterWarmUp() throws {
    allocation_counter_start()
    let block = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 16)
    block.deallocate()
    #expect(allocation_counter_stop() >= 1, "the counter counts")

    let lab = try Lab.pair(seed: 1)
    let (one, two) = (lab.nodes[0], lab.nodes[1])
    var now = lab.now
    var delivered = 0
    func carry(from: LabNode, to: LabNode, size: Int) {
      guard
        let message = from.effects.buffer.append(
          maximum: size, { writer in while writer.room >= 8 { writer.u64(now.monotonic) } })
      else { return }
      from.channel.send(.gossip, message, to: to.host, at: nil, now: now, into: &from.effects)
      for index in 0..<from.effects.sends.count {
        let datagram = from.effects.buffer.bytes(of: from.effects.sends[index].message)
        to.channel.handle(.datagram(datagram, from: from.endpoint), now: now, into: &to.effects)
      }
      delivered += to.effects.deliveries.count
      from.effects.removeAll()
      from.effects.buffer.removeAll()
      to.effects.removeAll()
      to.effects.buffer.removeAll()
    }
    func converse(_ count: Int) {
      for step in 0..<count {
        now.monotonic += 2_000_000
        now.wall += 2_000_000
        carry(from: one, to: two, size: 8 + step * 8 % 1180)
        carry(from: two, to: one, size: 1188)
      }
    }
    converse(500)
    delivered = 0
    allocation_counter_start()
    converse(1000)
    let allocations = allocation_counter_stop()
    #expect(delivered == 2000)
    // Without optimisation the compiler boxes what it does not box otherwise.
    #if !DEBUG
      #expect(allocations == 0)
    #endif
    print("allocations of 2,000 datagrams: \(allocations)")
  }
}
