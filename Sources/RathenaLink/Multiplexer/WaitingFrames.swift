import Wire

/// Frames for the char-server while it is away, in order. Of the saves of one kind of one character only the newest is
/// kept (what it replaces would be overwritten anyway); final saves and registry changes are all kept.
struct WaitingFrames {
  struct Entry: Equatable {
    let bytes: [UInt8]
    /// Nil for what no map-server waits for.
    let stream: StreamID?
    let reign: Reign
    fileprivate let save: SaveKind?
  }

  /// Small frames cost more than their bytes.
  static let countLimit = 131_072

  private var entries: [Entry?] = []
  private var head = 0
  private var newest: [SaveKind: Int] = [:]
  private(set) var bytes = 0
  private(set) var count = 0
  private var counts: [Reign: Int] = [:]

  func count(of reign: Reign) -> Int { counts[reign] ?? 0 }

  var isEmpty: Bool { count == 0 }

  /// False when `limit` bytes would be exceeded: the frame is not kept.
  mutating func append(_ frame: Frame, stream: StreamID?, reign: Reign, limit: Int) -> Bool {
    let kind = SaveKind(frame)
    let old = kind.flatMap { newest[$0] }
    let oldSize = old.flatMap { entries[$0]?.bytes.count } ?? 0
    guard bytes - oldSize + frame.count <= limit, old != nil || count < WaitingFrames.countLimit else { return false }
    if let old, let replaced = entries[old] {
      entries[old] = nil
      bytes -= oldSize
      count -= 1
      discount(replaced.reign)
    }
    if entries.count > 2 * count + 1_024 { closeUp() }
    if let kind { newest[kind] = entries.count }
    entries.append(Entry(bytes: [UInt8](frame.bytes), stream: stream, reign: reign, save: kind))
    bytes += frame.count
    count += 1
    counts[reign, default: 0] += 1
    return true
  }

  mutating func popFirst() -> Entry? {
    while head < entries.count {
      let entry = entries[head]
      entries[head] = nil
      head += 1
      guard let entry else { continue }
      if let kind = entry.save { newest[kind] = nil }
      bytes -= entry.bytes.count
      count -= 1
      discount(entry.reign)
      return entry
    }
    removeAll()
    return nil
  }

  mutating func removeAll() { self = WaitingFrames() }

  private mutating func discount(_ reign: Reign) {
    guard let left = counts[reign] else { return }
    counts[reign] = left > 1 ? left - 1 : nil
  }

  /// Takes out the places of what was replaced or is gone.
  private mutating func closeUp() {
    entries.removeAll { $0 == nil }
    head = 0
    for (place, entry) in entries.enumerated() {
      if let kind = entry?.save { newest[kind] = place }
    }
  }
}
