import Control

/// All writes of a load, and what they prove when the state is read back.
///
/// A shard's log numbers its entries without gaps, and here every entry is one write of a load that is repeated until it
/// is acknowledged. So the sequences that were acknowledged, and the entries of the few writes that stayed open, are all
/// sequences there are: a hole is an entry that nobody asked for, such as a write that was applied twice.
package struct LabLedger {
  private struct Row {
    var client: UInt64
    var write: LabWrite
  }

  private var rows: [String: [Row]] = [:]
  /// Answers that no client may get.
  package private(set) var faults: [String] = []
  /// Writes that nobody acknowledged until the end, with the last refusal.
  package private(set) var open: [String] = []

  init() {}

  mutating func add(_ writer: LabWriter) {
    rows[writer.shard, default: []] += writer.writes.map { Row(client: writer.client, write: $0) }
    faults += writer.faults.map { "\(writer.shard): \($0)" }
    if let last = writer.writes.last, last.acknowledgement == nil {
      open.append(
        "\(writer.shard), \(last.key), \(last.tries) tries: "
          + writer.refusals.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))
    }
  }

  /// Joins what a later load on the same mesh has written.
  package mutating func add(_ later: LabLedger) {
    rows.merge(later.rows) { $0 + $1 }
    faults += later.faults
    open += later.open
  }

  package var acknowledged: Int {
    rows.values.reduce(0) { $0 + $1.count { $0.write.acknowledgement != nil } }
  }

  package var shards: [String] { rows.keys.sorted() }

  /// The longest time without an acknowledgement of a shard that ended after `start`: with `start` the moment of a kill,
  /// from the last acknowledgement before to the first one after it. `nil`: none came after it.
  package func pause(of shard: String, from start: Double, until end: Double = .infinity) -> Double? {
    let moments = (rows[shard] ?? []).compactMap(\.write.acknowledgement?.at).sorted()
    return zip(moments, moments.dropFirst()).filter { $1 > start && $0 < end }.map { $1 - $0 }.max()
  }

  /// What was answered, and when after `start`, to the write of a shard that waited longest; equal answers once.
  package func story(of shard: String, from start: Double) -> [String] {
    let longest = (rows[shard] ?? []).filter { $0.write.acknowledgement.map { $0.at > start } ?? true }
      .max {
        ($0.write.acknowledgement?.at ?? .infinity) - $0.write.sent < ($1.write.acknowledgement?.at ?? .infinity)
          - $1.write.sent
      }
    guard let write = longest?.write else { return [] }
    var lines = ["\((write.sent - start).shown) s: \(write.key) is sent"]
    var told: Set<String> = []
    for refusal in write.refusals where told.insert(refusal.text).inserted {
      lines.append("\((refusal.at - start).shown) s: \(refusal.text)")
    }
    if let last = write.refusals.last { lines.append("\((last.at - start).shown) s: \(last.text)") }
    if let end = write.acknowledgement {
      lines.append("\((end.at - start).shown) s: acknowledged in epoch \(end.epoch)")
    }
    return lines
  }

  // MARK: Reading back

  package struct Verdict: Sendable {
    package var acknowledged = 0
    /// Acknowledged and not there, or there with another value.
    package var missing: [String] = []
    /// Applied more than once.
    package var duplicated: [String] = []
    /// Acknowledgements that contradict each other: of an older reign, or out of order.
    package var misordered: [String] = []
    /// What kept from reading, or was answered and may not be.
    package var faults: [String] = []

    package var isClean: Bool { missing.isEmpty && duplicated.isEmpty && misordered.isEmpty && faults.isEmpty }

    /// The first of each kind.
    package var findings: [String] {
      missing.prefix(5).map { "missing: " + $0 } + duplicated.prefix(5).map { "duplicated: " + $0 }
        + misordered.prefix(5).map { "misordered: " + $0 } + faults.prefix(5)
    }
  }

  /// Reads every key of every shard that was written to from its owner, and every value. In the shards `besides` others
  /// have written too, so that entries without a write of this load prove nothing.
  package func verify(_ lab: Lab, besides: Set<String> = []) -> Verdict {
    var verdict = Verdict()
    verdict.acknowledged = acknowledged
    verdict.faults = faults + open.map { "not acknowledged: " + $0 }
    for shard in shards {
      do throws(LabError) {
        let present = try LabState(lab, shard).read()
        judge(shard, present, isAlone: !besides.contains(shard), &verdict)
      } catch {
        verdict.faults.append("\(shard) cannot be read: \(error.description)")
      }
    }
    return verdict
  }

  private func judge(
    _ shard: String, _ present: [String: LabState.Item], isAlone: Bool, _ verdict: inout Verdict
  ) {
    let rows = (self.rows[shard] ?? []).sorted { $0.write.sent < $1.write.sent }
    var lastOfChain: [String: LabWrite] = [:]
    var claimed: [UInt64: String] = [:]
    for row in rows {
      guard let acknowledgement = row.write.acknowledgement else {
        // It may have been applied, once; what it is then stands in the state.
        if let item = present[row.write.key] { claimed[item.sequence] = row.write.key }
        continue
      }
      if let other = claimed.updateValue(row.write.key, forKey: acknowledgement.sequence), other != row.write.key {
        verdict.missing.append("\(shard) acknowledged \(other) and \(row.write.key) as \(acknowledgement.sequence)")
      }
      if row.write.isChain {
        lastOfChain[row.write.key] = row.write
      } else {
        compare(shard, row.write, present, &verdict)
      }
    }
    let openKeys = Set(rows.filter { $0.write.acknowledgement == nil }.map(\.write.key))
    for (key, write) in lastOfChain where !openKeys.contains(key) { compare(shard, write, present, &verdict) }
    if isAlone, let least = claimed.keys.min(), let claimedEnd = claimed.keys.max() {
      let end = max(claimedEnd, present.values.map(\.sequence).max() ?? 0)
      for entry in least...end where claimed[entry] == nil {
        verdict.duplicated.append("\(shard) has an entry \(entry) that no write explains")
      }
    }
    checkOrder(shard, rows, &verdict)
  }

  private func compare(
    _ shard: String, _ write: LabWrite, _ present: [String: LabState.Item], _ verdict: inout Verdict
  ) {
    guard let acknowledgement = write.acknowledgement else { return }
    guard let item = present[write.key] else {
      return verdict.missing.append("\(shard) \(write.key), acknowledged as \(acknowledgement.sequence)")
    }
    if item.sequence > acknowledgement.sequence {
      verdict.duplicated.append(
        "\(shard) \(write.key), acknowledged as \(acknowledgement.sequence), is entry \(item.sequence)")
    } else if item.sequence < acknowledgement.sequence || item.value != write.value {
      verdict.missing.append(
        "\(shard) \(write.key), acknowledged as \(acknowledgement.sequence), is an older entry or another value")
    }
  }

  /// A write that was sent after another one's acknowledgement comes behind it, and not in an older reign.
  private func checkOrder(_ shard: String, _ rows: [Row], _ verdict: inout Verdict) {
    let acknowledged = rows.compactMap(\.write.acknowledgement).sorted { $0.at < $1.at }
    var next = 0
    var latest: (epoch: UInt64, sequence: UInt64) = (0, 0)
    // `rows` are sorted by the moment of sending.
    for row in rows {
      while next < acknowledged.count, acknowledged[next].at < row.write.sent {
        latest = (
          max(latest.epoch, acknowledged[next].epoch), max(latest.sequence, acknowledged[next].sequence)
        )
        next += 1
      }
      guard let own = row.write.acknowledgement else { continue }
      if own.epoch < latest.epoch || own.sequence <= latest.sequence {
        verdict.misordered.append(
          "\(shard) \(row.write.key) is (\(own.epoch), \(own.sequence)), sent after (\(latest.epoch), \(latest.sequence)) was acknowledged"
        )
      }
    }
  }
}

/// The state of one shard, read from its owner.
struct LabState {
  struct Item {
    var sequence: UInt64
    var value: String
  }

  /// How long the owner is looked for.
  private static let patience = 20.0

  private let lab: Lab
  private let shard: String

  init(_ lab: Lab, _ shard: String) {
    self.lab = lab
    self.shard = shard
  }

  func read() throws(LabError) -> [String: Item] {
    let limit = LabClock.now + LabState.patience
    var reason = ""
    while LabClock.now < limit {
      for member in lab.members where member.isRunning && !member.isFrozen {
        do throws(Fault) {
          return try read(ControlClient(socket: member.socket, timeout: .seconds(5)))
        } catch {
          reason = "\(member.name): \(error.sentence)"
        }
      }
      LabClock.pause(0.1)
    }
    throw LabError(reason)
  }

  private func read(_ client: ControlClient) throws(Fault) -> [String: Item] {
    var items: [String: Item] = [:]
    var after: [UInt8]?
    while true {
      let page: StateListReply = try client.ask(
        .shards(.list(shard: shard, prefix: [], after: after, limit: ShardRequest.listLimit)))
      for entry in page.entries {
        guard let key = entry.key.bytes else { continue }
        let reply: StateReply = try client.ask(.shards(.get(shard: shard, key: key)))
        // A key that goes between list and get would be missing, and nothing deletes here.
        guard let value = reply.value?.bytes else { continue }
        items[String(decoding: key, as: UTF8.self)] = Item(
          sequence: reply.sequence, value: String(decoding: value, as: UTF8.self))
        after = key
      }
      if !page.more || page.entries.isEmpty { return items }
    }
  }
}
