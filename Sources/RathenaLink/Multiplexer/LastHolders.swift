/// Who had a character's data last: the reign that last let him in or saved him. It outlives his presence, so that a save that
/// comes late from before is known as such.
struct LastHolders {
  /// Characters of which the newest half of this is surely known. A late save comes within minutes, not after so many.
  static let limit = 262_144

  private var newer: [UInt32: Reign] = [:]
  private var older: [UInt32: Reign] = [:]

  func holder(of character: UInt32) -> Reign? { newer[character] ?? older[character] }

  mutating func note(_ character: UInt32, _ reign: Reign) {
    guard newer[character] != reign else { return }
    if newer.count >= LastHolders.limit / 2, newer[character] == nil {
      older = newer
      newer = [:]
    }
    newer[character] = reign
  }

  mutating func removeAll() {
    newer.removeAll()
    older.removeAll()
  }
}
