/// What kinds of gossip messages were sent (first bytes of `Gossip.Message` and `Gossip.Item`).
struct MessageCensus {
  private(set) var probes: UInt64 = 0
  /// Packets that carry load alone.
  private(set) var loads: UInt64 = 0
  /// Everything else, by the number of its type: there is none of it while nothing changes.
  private var othersOfType: [UInt8: UInt64] = [:]

  private static let ping: UInt8 = 1
  private static let ack: UInt8 = 2
  private static let gossip: UInt8 = 5
  private static let loadItem: UInt8 = 7

  var others: UInt64 { othersOfType.values.reduce(0, +) }

  /// "498 of type 5, 3 of type 3".
  var othersByType: String {
    othersOfType.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { "\($0.value) of type \($0.key)" }
      .joined(separator: ", ")
  }

  mutating func count(_ message: UnsafeRawBufferPointer) {
    guard let type = message.first else { return }
    switch type {
    case MessageCensus.ping, MessageCensus.ack: probes += 1
    // News come before load in every packet.
    case MessageCensus.gossip where (message.dropFirst().first ?? 0) & 15 == MessageCensus.loadItem: loads += 1
    default: othersOfType[type, default: 0] += 1
    }
  }

  /// What was sent after `earlier`.
  func since(_ earlier: MessageCensus) -> MessageCensus {
    var rest = self
    rest.probes -= earlier.probes
    rest.loads -= earlier.loads
    for (type, count) in earlier.othersOfType { rest.othersOfType[type, default: 0] -= count }
    return rest
  }
}
