import MapShard
import Wire

/// What a sequence of log records of one shard adds up to: its entries, and what the host last knew of the register.
struct LogModel: Sendable {
  /// What the log begins with: everything up to there is in it.
  private(set) var content: ShardContent
  /// In order; the first one follows `content.position`.
  private(set) var entries: [Entry] = []
  private(set) var record: ProvenRecord?
  private(set) var sealed = Epoch.none

  init(shard: ShardID) { content = ShardContent(shard: shard, position: .start) }

  var base: Position { content.position }
  var last: Position { entries.last?.position ?? base }

  mutating func append(_ added: [Entry]) { entries += added }

  mutating func truncate(to position: Position) {
    while let last = entries.last, last.position.sequence > position.sequence { entries.removeLast() }
  }

  mutating func note(_ record: ProvenRecord, sealed: Epoch) {
    self.record = record
    self.sealed = max(self.sealed, sealed)
  }

  mutating func install(_ content: ShardContent) {
    self.content = content
    entries = []
  }

  mutating func forget() { self = LogModel(shard: content.shard) }

  /// The entry of a sequence; `nil` beyond the end and in what the content covers.
  func entry(_ sequence: UInt64) -> Entry? {
    guard sequence > base.sequence else { return nil }
    let index = Int(clamping: sequence - base.sequence) - 1
    return entries.indices.contains(index) ? entries[index] : nil
  }

  /// Whether the log holds what ends at that position.
  func holds(_ position: Position) -> Bool {
    if position.sequence == 0 { return true }
    if position.sequence < base.sequence { return true }
    if position.sequence == base.sequence { return position == base }
    return entry(position.sequence)?.position == position
  }
}
