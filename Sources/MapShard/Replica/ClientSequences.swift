import Wire

/// The last request of each client that was applied: part of a shard's state, so that a retry after a failover is
/// applied once. 4,096 clients; the one whose last entry is oldest makes room.
package struct ClientSequences: Hashable, Sendable {
  package static let limit = 4096

  private var last: [UInt64: ShardContent.ClientMark] = [:]

  init() {}

  init(_ marks: [ShardContent.ClientMark]) {
    for mark in marks { last[mark.client] = mark }
  }

  var count: Int { last.count }

  func mark(of client: UInt64) -> ShardContent.ClientMark? { last[client] }

  /// Sorted by client.
  var marks: [ShardContent.ClientMark] { last.values.sorted { $0.client < $1.client } }

  mutating func note(_ entry: Entry) {
    if last[entry.client] == nil, last.count >= ClientSequences.limit,
      let oldest = last.values.min(by: { $0.sequence < $1.sequence })
    {
      last[oldest.client] = nil
    }
    last[entry.client] = ShardContent.ClientMark(
      client: entry.client, clientSequence: entry.clientSequence, epoch: entry.position.epoch,
      sequence: entry.position.sequence)
  }
}
