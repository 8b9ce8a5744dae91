import Wire

/// How many members of each clan are online, as the char-server counts: it tells every link but the one that asked, so
/// behind one link nobody would hear it.
struct ClanCounts {
  /// Stock has four.
  static let limit = 1_024
  /// `struct clan` of 64-bit builds in 38a0, and where its count stands. Another size: counts begin at 0.
  private static let recordSize = 4_272
  private static let countOffset = 70

  private var members: [UInt32: UInt16] = [:]

  /// 38a0: what the char-server has now.
  mutating func learn(_ frame: Frame) {
    let size = ClanCounts.recordSize
    guard (frame.count - Frame.variableHeader) % size == 0 else { return }
    for start in stride(from: Frame.variableHeader, to: frame.count, by: size) {
      guard let clan = try? frame.u32(at: start), let count = try? frame.u16(at: start + ClanCounts.countOffset),
        members[clan] != nil || members.count < ClanCounts.limit
      else { return }
      members[clan] = count
    }
  }

  /// The count after one came or left; nil when it does not change.
  mutating func change(_ clan: UInt32, joined: Bool) -> UInt16? {
    guard members[clan] != nil || members.count < ClanCounts.limit else { return nil }
    let old = members[clan] ?? 0
    guard joined ? old < .max : old > 0 else { return nil }
    let new = joined ? old + 1 : old - 1
    members[clan] = new
    return new
  }

  mutating func removeAll() { members.removeAll() }
}
