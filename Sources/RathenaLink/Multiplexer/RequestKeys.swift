import Wire

/// About whom a frame of a map-server is, and how strictly the presence table is asked: as data.
struct RequestKey: Sendable {
  enum Rule: Sendable {
    /// Only the map-server where the player is may send it.
    case here
    /// Refused only when the player is on another one. For what may come a moment after the final save (pets, quests), or
    /// is about the asker only by habit.
    case notElsewhere
  }

  let rule: Rule
  let account: Int?
  let character: Int?
  /// A save: journaled when it is refused, kept while the char-server is away.
  let isSave: Bool
  /// Distinguishes saves of one command about one character (the kind of storage).
  let part: Int?

  init(_ rule: Rule, account: Int? = nil, character: Int? = nil, isSave: Bool = false, part: Int? = nil) {
    self.rule = rule
    self.account = account
    self.character = character
    self.isSave = isSave
    self.part = part
  }

  static func of(_ command: UInt16) -> RequestKey? { table[command] }

  private static let table: [UInt16: RequestKey] = [
    // Saves.
    0x2b01: RequestKey(.here, account: 4, character: 8, isSave: true),
    0x2b15: RequestKey(.here, account: 4, character: 8, isSave: true),
    0x2b1c: RequestKey(.here, account: 4, character: 8, isSave: true),
    0x2b2e: RequestKey(.here, character: 4, isSave: true),
    0x3004: RequestKey(.here, account: 4, character: 8, isSave: true),
    0x308b: RequestKey(.here, account: 5, character: 9, isSave: true, part: 4),
    0x3019: RequestKey(.notElsewhere, account: 4, isSave: true),
    0x3061: RequestKey(.notElsewhere, character: 4, isSave: true),
    0x3063: RequestKey(.notElsewhere, character: 4, isSave: true),
    0x3082: RequestKey(.notElsewhere, account: 4, isSave: true),
    0x3092: RequestKey(.notElsewhere, account: 4, isSave: true),
    // Where the player is.
    0x2b02: RequestKey(.here, account: 2),
    0x2b05: RequestKey(.here, account: 2, character: 14),
    0x2b17: RequestKey(.here, account: 6, character: 2),
    0x2b19: RequestKey(.here, account: 6, character: 2),
    // What a map-server asks when a player enters.
    0x2afc: RequestKey(.here, account: 2, character: 6),
    0x2b0a: RequestKey(.here, account: 2, character: 6),
    0x2b2d: RequestKey(.here, character: 2),
    0x3005: RequestKey(.here, account: 2, character: 6),
    0x308a: RequestKey(.here, account: 3, character: 7),
    0x3048: RequestKey(.here, character: 2),
    0x3060: RequestKey(.here, character: 2),
    0x3062: RequestKey(.here, character: 2),
    // What a player does.
    0x2b07: RequestKey(.notElsewhere, character: 2),
    0x2b0c: RequestKey(.notElsewhere, account: 2),
    0x2b0e: RequestKey(.notElsewhere, account: 2),
    0x2b10: RequestKey(.notElsewhere, character: 2),
    0x3006: RequestKey(.notElsewhere, account: 2, character: 6),
    0x3018: RequestKey(.notElsewhere, account: 2),
    0x3025: RequestKey(.notElsewhere, account: 6, character: 10),
    0x3027: RequestKey(.notElsewhere, account: 8),
    0x3030: RequestKey(.notElsewhere, account: 4),
    0x3035: RequestKey(.notElsewhere, account: 6, character: 10),
    0x3037: RequestKey(.notElsewhere, account: 8),
    0x304a: RequestKey(.notElsewhere, character: 2),
    0x304b: RequestKey(.notElsewhere, character: 2),
    0x304c: RequestKey(.notElsewhere, character: 2),
    0x304d: RequestKey(.notElsewhere, account: 4),
    0x304e: RequestKey(.notElsewhere, character: 2),
    0x3050: RequestKey(.notElsewhere, character: 4),
    0x3052: RequestKey(.notElsewhere, character: 2),
    0x3053: RequestKey(.notElsewhere, character: 2),
    0x3055: RequestKey(.notElsewhere, character: 4),
    0x3056: RequestKey(.notElsewhere, account: 6, character: 2),
    0x3064: RequestKey(.notElsewhere, character: 2),
    0x3080: RequestKey(.notElsewhere, account: 2, character: 6),
    0x3081: RequestKey(.notElsewhere, account: 2, character: 6),
    0x3090: RequestKey(.notElsewhere, account: 4),
    0x3091: RequestKey(.notElsewhere, account: 2),
    0x30a1: RequestKey(.notElsewhere, account: 8),
  ]

  /// The ids as they stand in the frame.
  func ids(in frame: Frame) throws(WireError) -> (account: UInt32?, character: UInt32?) {
    var ids: (account: UInt32?, character: UInt32?)
    if let account { ids.account = try frame.u32(at: account) }
    if let character { ids.character = try frame.u32(at: character) }
    return ids
  }
}
