/// What kinds of gossip messages were sent (first bytes of `Gossip.Message` and `Gossip.Item`).
struct MessageCensus {
  private(set) var probes: UInt64 = 0
  /// Packets that carry load alone.
  private(set) var loads: UInt64 = 0
  /// Everything else: there is none of it while nothing changes.
  private(set) var others: UInt64 = 0

  private static let ping: UInt8 = 1
  private static let ack: UInt8 = 2
  private static let gossip: UInt8 = 5
  private static let loadItem: UInt8 = 7

  mutating func count(_ message: UnsafeRawBufferPointer) {
    switch message.first {
    case MessageCensus.ping, MessageCensus.ack: probes += 1
    // News come before load in every packet.
    case MessageCensus.gossip where (message.dropFirst().first ?? 0) & 15 == MessageCensus.loadItem: loads += 1
    default: others += 1
    }
  }

  /// What was sent after `earlier`.
  func since(_ earlier: MessageCensus) -> MessageCensus {
    var rest = self
    rest.probes -= earlier.probes
    rest.loads -= earlier.loads
    rest.others -= earlier.others
    return rest
  }
}
