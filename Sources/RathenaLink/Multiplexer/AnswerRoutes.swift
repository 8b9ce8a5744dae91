/// To which map-server a frame of the char-server goes: the key table, as data.
enum AnswerRoute: Hashable, Sendable {
  case account(at: Int)
  case character(at: Int)
  /// To whoever asked, in the order in which it was asked.
  case asker
  /// To the map-server of the character whose name stands there (24 bytes).
  case senderName(at: Int)
  case everyone
  /// The bridge's own business.
  case bridge
}

enum AnswerRoutes {
  static func route(of command: UInt16) -> AnswerRoute? { table[command] }

  private static let table: [UInt16: AnswerRoute] = {
    var table: [UInt16: AnswerRoute] = [:]
    func add(_ route: AnswerRoute, _ commands: [UInt16]) {
      for command in commands { table[command] = route }
    }
    add(
      .account(at: 2),
      [
        0x2b03, 0x2b0f, 0x2b1f, 0x2b2b, 0x3806, 0x3819, 0x3820, 0x3830, 0x3856, 0x388b, 0x3880, 0x3882, 0x3892,
      ])
    add(.account(at: 4), [0x2b0b, 0x2b1d, 0x3804, 0x3818, 0x3881, 0x3890, 0x3891])
    add(.account(at: 5), [0x388a])
    add(.account(at: 6), [0x3822, 0x3832, 0x3808])
    add(.account(at: 8), [0x3807])
    add(.character(at: 2), [0x3852, 0x3853, 0x3855, 0x3861, 0x3863, 0x3864, 0x384b, 0x384c, 0x384e])
    add(.character(at: 4), [0x2b2f, 0x3848, 0x384a, 0x3850, 0x3860, 0x3862])
    // 2afd, 2b27, 2b06 and 2b21 have a key too, but the player may be nowhere yet, or elsewhere already.
    add(
      .asker,
      [
        0x2afd, 0x2b06, 0x2b09, 0x2b21, 0x2b24, 0x2b27, 0x3840, 0x38a0, 0x3851, 0x384d, 0x3857, 0x387c, 0x387d, 0x387e,
        0x3870, 0x3871, 0x3872, 0x3883, 0x3893,
      ])
    add(.senderName(at: 2), [Command.whisperAnswer])
    add(
      .everyone,
      [
        0x2b00, 0x2b0d, 0x2b12, 0x2b14, 0x2b22, 0x2b25, 0x3800, 0x3801, 0x3803, 0x3809, 0x3821, 0x3823, 0x3824, 0x3825,
        0x3826, 0x3827, 0x3831, 0x3834, 0x3835, 0x3836, 0x3837, 0x3839, 0x383a, 0x383b, 0x383c, 0x383d, 0x383e, 0x383f,
        0x3841, 0x3843, 0x3849, 0x3854, 0x38a1, 0x38a2,
      ])
    add(.bridge, [0x2af9, 0x2afb, 0x2b04, 0x2b1b, 0x2b1e, 0x2b20, 0x388c])
    return table
  }()
}

/// Answers that belong to one request although they have several shapes, and requests that share an answer.
enum AnswerKind: UInt8, Hashable, Sendable {
  case auth, changeServer, finalSave, keepalive, name, castles, clans, mail, auction, boundItems, mercenary
  case mercenaryDeleted, mercenarySaved, elemental, elementalDeleted, elementalSaved, petDeleted, homunculusDeleted

  init?(answer: UInt16) {
    guard let kind = AnswerKind.ofAnswers[answer] else { return nil }
    self = kind
  }

  init?(request: UInt16) {
    guard let kind = AnswerKind.ofRequests[request] else { return nil }
    self = kind
  }

  private static let ofAnswers: [UInt16: AnswerKind] = [
    0x2afd: .auth, 0x2b27: .auth, 0x2b06: .changeServer, 0x2b21: .finalSave, 0x2b24: .keepalive, 0x2b09: .name,
    0x3840: .castles, 0x38a0: .clans, 0x384d: .mail, 0x3851: .auction,
    // One request, one of the two answers.
    0x3856: .boundItems, 0x3857: .boundItems,
    0x3870: .mercenary, 0x3871: .mercenaryDeleted, 0x3872: .mercenarySaved, 0x387c: .elemental,
    0x387d: .elementalDeleted, 0x387e: .elementalSaved, 0x3883: .petDeleted, 0x3893: .homunculusDeleted,
  ]

  /// Those that are only passed on; auth, change of server, final save and keepalive have rules of their own.
  private static let ofRequests: [UInt16: AnswerKind] = [
    0x2b08: .name, 0x3040: .castles, 0x30a0: .clans, 0x304d: .mail, 0x3051: .auction, 0x3056: .boundItems,
    0x3070: .mercenary, 0x3071: .mercenary, 0x3072: .mercenaryDeleted, 0x3073: .mercenarySaved, 0x307c: .elemental,
    0x307d: .elemental, 0x307e: .elementalDeleted, 0x307f: .elementalSaved, 0x3083: .petDeleted,
    0x3093: .homunculusDeleted,
  ]
}
