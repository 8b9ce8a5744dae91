/// `state get`
package struct StateReply: Reply, Hashable {
  package static let schemaName = "mesh.state/1"
  package var schema = StateReply.schemaName
  package var shard: String
  package var key: StateBytes
  /// `nil`: there is no such key.
  package var value: StateBytes?
  /// Of the entry that put it; 0 without one. What `expected` of a write compares with.
  package var sequence: UInt64

  package init(shard: String, key: [UInt8], value: [UInt8]?, sequence: UInt64) {
    self.shard = shard
    self.key = StateBytes(key)
    self.value = value.map(StateBytes.init)
    self.sequence = sequence
  }

  /// Tab-separated.
  package var plain: String { [key.shown, value?.shown ?? "-", "\(sequence)"].joined(separator: "\t") + "\n" }
}

/// `state put`, `state delete`: the write is acknowledged.
package struct StateWriteReply: Reply, Hashable {
  package static let schemaName = "mesh.state.written/1"
  package var schema = StateWriteReply.schemaName
  package var shard: String
  package var epoch: UInt64
  package var sequence: UInt64

  package init(shard: String, epoch: UInt64, sequence: UInt64) {
    self.shard = shard
    self.epoch = epoch
    self.sequence = sequence
  }

  package var plain: String { "\(epoch)\t\(sequence)\n" }
}

/// `state list`
package struct StateListReply: Reply, Hashable {
  package static let schemaName = "mesh.state.list/1"
  package var schema = StateListReply.schemaName
  package var shard: String
  package var entries: [Entry]
  /// More keys follow the last one.
  package var more: Bool

  package struct Entry: Codable, Hashable, Sendable {
    package var key: StateBytes
    package var sequence: UInt64
    /// In bytes.
    package var size: Int

    package init(key: [UInt8], sequence: UInt64, size: Int) {
      self.key = StateBytes(key)
      self.sequence = sequence
      self.size = size
    }
  }

  package init(shard: String, entries: [Entry], more: Bool) {
    self.shard = shard
    self.entries = entries
    self.more = more
  }

  package var plain: String {
    entries.map { "\($0.key.shown)\t\($0.sequence)\t\($0.size)\n" }.joined()
  }
}

/// `state watch`: one committed change.
package struct StateChangeReply: Reply, Hashable {
  package static let schemaName = "mesh.state.change/1"
  package var schema = StateChangeReply.schemaName
  package var shard: String
  package var epoch: UInt64
  package var sequence: UInt64
  package var key: StateBytes
  /// `nil`: the key went.
  package var value: StateBytes?

  package init(shard: String, epoch: UInt64, sequence: UInt64, key: [UInt8], value: [UInt8]?) {
    self.shard = shard
    self.epoch = epoch
    self.sequence = sequence
    self.key = StateBytes(key)
    self.value = value.map(StateBytes.init)
  }

  package var plain: String {
    ["\(epoch)", "\(sequence)", key.shown, value?.shown ?? "-"].joined(separator: "\t") + "\n"
  }
}
