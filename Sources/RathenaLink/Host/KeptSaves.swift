import Wire

/// The saves of one reign that the char-server is not known to have, by sequence.
struct KeptSaves {
  struct Entry {
    let sequence: UInt64
    /// Empty: replaced by a newer one.
    fileprivate(set) var bytes: [UInt8]
    fileprivate let kind: SaveKind?
  }

  private var entries: [Entry] = []
  /// Unsent ones, by kind.
  private var replaceable: [SaveKind: UInt64] = [:]
  private(set) var bytes = 0
  private(set) var count = 0
  /// What has gone to the bridge that serves now. Behind it a newer save replaces an older one of its kind.
  private(set) var sentThrough: UInt64 = 0

  /// Size of the entry that an unsent `frame` would replace.
  func replaces(_ frame: Frame) -> Int? {
    SaveKind(frame).flatMap { replaceable[$0] }.flatMap { entry(at: $0) }?.bytes.count
  }

  /// The sequence that it has replaced. `sequence` is above all that were there.
  mutating func append(_ frame: Frame, _ sequence: UInt64, isSent: Bool) -> UInt64? {
    let kind = SaveKind(frame)
    entries.append(Entry(sequence: sequence, bytes: [UInt8](frame.bytes), kind: kind))
    bytes += frame.count
    count += 1
    if isSent { sentThrough = sequence }
    guard let kind, !isSent else { return nil }
    return replaceable.updateValue(sequence, forKey: kind).flatMap { empty($0) }
  }

  var last: UInt64 { entries.last?.sequence ?? 0 }

  /// The next one that has not gone to the bridge that serves now.
  func nextUnsent() -> Entry? {
    var place = self.place(after: sentThrough)
    while place < entries.count, entries[place].bytes.isEmpty { place += 1 }
    return place < entries.count ? entries[place] : nil
  }

  mutating func sent(_ entry: Entry) {
    sentThrough = entry.sequence
    if let kind = entry.kind, replaceable[kind] == entry.sequence { replaceable[kind] = nil }
  }

  /// All of it is to be sent again.
  mutating func forgetSent() { sentThrough = 0 }

  /// The bridge is gone: nobody knows what it still got. Of each kind only the newest stays; returns what was replaced.
  mutating func unsend() -> [UInt64] {
    sentThrough = 0
    replaceable = [:]
    var replaced: [UInt64] = []
    for entry in entries where !entry.bytes.isEmpty {
      guard let kind = entry.kind, let older = replaceable.updateValue(entry.sequence, forKey: kind) else { continue }
      if let emptied = empty(older) { replaced.append(emptied) }
    }
    entries.removeAll { $0.bytes.isEmpty }
    return replaced
  }

  /// Removes everything up to `sequence`; returns the sequences that were kept still.
  mutating func remove(through sequence: UInt64) -> [UInt64] {
    let end = place(after: sequence)
    var removed: [UInt64] = []
    for entry in entries[..<end] where !entry.bytes.isEmpty {
      if let kind = entry.kind, replaceable[kind] == entry.sequence { replaceable[kind] = nil }
      removed.append(entry.sequence)
      bytes -= entry.bytes.count
      count -= 1
    }
    entries.removeFirst(end)
    return removed
  }

  private mutating func empty(_ sequence: UInt64) -> UInt64? {
    let place = place(after: sequence) - 1
    guard entries.indices.contains(place), entries[place].sequence == sequence, !entries[place].bytes.isEmpty else {
      return nil
    }
    bytes -= entries[place].bytes.count
    count -= 1
    entries[place].bytes = []
    if entries.count > 2 * count + 1_024 { entries.removeAll { $0.bytes.isEmpty } }
    return sequence
  }

  private func entry(at sequence: UInt64) -> Entry? {
    let place = place(after: sequence) - 1
    return entries.indices.contains(place) && entries[place].sequence == sequence ? entries[place] : nil
  }

  /// Of the first entry above `sequence`.
  private func place(after sequence: UInt64) -> Int {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].sequence <= sequence { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
