/// `mesh-ctl state history`: the snapshots that one host has of a shard.
package struct StateHistoryReply: Reply, Hashable {
  package static let schemaName = "mesh.state.history/1"
  package var schema = StateHistoryReply.schemaName
  package var shard: String
  /// Whose they are; each host with a copy takes its own.
  package var host: HostName
  /// This host owns the shard: only there can it be restored.
  package var owner: Bool
  /// Newest first.
  package var snapshots: [Snapshot]

  package struct Snapshot: Codable, Hashable, Sendable {
    package var snapshot: UInt64
    package var takenAt: Timestamp
    /// The last entry that is in it.
    package var epoch: UInt64
    package var sequence: UInt64
    package var keys: Int
    /// Of keys and values, before they are packed.
    package var sizeBytes: Int

    package init(snapshot: UInt64, takenAt: Timestamp, epoch: UInt64, sequence: UInt64, keys: Int, sizeBytes: Int) {
      self.snapshot = snapshot
      self.takenAt = takenAt
      self.epoch = epoch
      self.sequence = sequence
      self.keys = keys
      self.sizeBytes = sizeBytes
    }
  }

  package init(shard: String, host: HostName, owner: Bool, snapshots: [Snapshot]) {
    self.shard = shard
    self.host = host
    self.owner = owner
    self.snapshots = snapshots
  }

  /// The newest that was taken at a moment or before.
  package func last(before moment: Timestamp) -> Snapshot? { snapshots.first { $0.takenAt <= moment } }

  /// Tab-separated: number, time, epoch, sequence, keys, bytes.
  package func plain(header: Bool = false) -> String { table.plain(header: header) }

  package func text(for terminal: Terminal) -> String {
    guard !snapshots.isEmpty else { return "\(host.shown) has no snapshot of \(shard.printable(limit: 31)) yet\n" }
    return table.text(for: terminal)
  }

  /// Times as `--at` takes them.
  private var table: Table {
    var table = Table(columns: [
      .init(title: "SNAPSHOT", isNumber: true), .init(title: "TAKEN"), .init(title: "EPOCH", isNumber: true),
      .init(title: "SEQUENCE", isNumber: true), .init(title: "KEYS", isNumber: true),
      .init(title: "BYTES", isNumber: true),
    ])
    table.rows = snapshots.map {
      [
        .init("\($0.snapshot)"), .init("\($0.takenAt)"), .init("\($0.epoch)"), .init("\($0.sequence)"),
        .init("\($0.keys)"), .init("\($0.sizeBytes)"),
      ]
    }
    return table
  }
}

/// `mesh-ctl state restore`: what it would do, or has done.
package struct StateRestoreReply: Reply, Hashable {
  package static let schemaName = "mesh.state.restore/1"
  package var schema = StateRestoreReply.schemaName
  package var shard: String
  package var snapshot: UInt64
  package var takenAt: Timestamp
  /// Names the plan; another one as soon as the shard is in another epoch.
  package var plan: String
  /// Keys that come back, get their old value, and go.
  package var added: Int
  package var changed: Int
  package var removed: Int
  /// Of the shard now: before the restore, or after it with the last entry of it.
  package var epoch: UInt64
  package var sequence: UInt64
  package var done: Bool

  package init(
    shard: String, snapshot: UInt64, takenAt: Timestamp, plan: String, added: Int, changed: Int, removed: Int,
    epoch: UInt64, sequence: UInt64, done: Bool
  ) {
    self.shard = shard
    self.snapshot = snapshot
    self.takenAt = takenAt
    self.plan = plan
    self.added = added
    self.changed = changed
    self.removed = removed
    self.epoch = epoch
    self.sequence = sequence
    self.done = done
  }

  /// `3 keys come back, 1 key gets its old value, 2 keys go`
  package var changes: String {
    "\(Plural.of(added, "key")) come\(added == 1 ? "s" : "") back, \(Plural.of(changed, "key")) "
      + "get\(changed == 1 ? "s its" : " their") old value, \(Plural.of(removed, "key")) go\(removed == 1 ? "es" : "")"
  }

  /// Tab-separated: planned or done, plan, snapshot, time, keys that come, change, go, epoch, sequence.
  package var plain: String {
    [
      done ? "done" : "planned", plan, "\(snapshot)", "\(takenAt)", "\(added)", "\(changed)", "\(removed)", "\(epoch)",
      "\(sequence)",
    ].joined(separator: "\t") + "\n"
  }
}
