import Wire

/// Which saves replace each other: those of one kind about one character. What a save replaces would be overwritten anyway.
struct SaveKind: Hashable, Sendable {
  private let command: UInt16
  private let subject: UInt32
  private let part: UInt8

  /// Nil for what must all be kept: final saves, changes of the registry, and what is no save.
  init?(_ frame: Frame) {
    guard let key = RequestKey.of(frame.command), key.isSave, frame.command != Command.saveRegistry else { return nil }
    if frame.command == Command.saveCharacter, let save = try? SaveFrame(frame), save.isFinal { return nil }
    guard let ids = try? key.ids(in: frame), let subject = ids.character ?? ids.account else { return nil }
    command = frame.command
    self.subject = subject
    part = key.part.flatMap { try? frame.u8(at: $0) } ?? 0
  }

  /// Frames that the outbox of a host keeps until the char-server has them.
  static func isKept(_ command: UInt16) -> Bool {
    switch command {
    case Command.saveCharacter, Command.saveStorage, Command.saveRegistry, Command.saveStatusChanges,
      Command.saveCooldowns, Command.saveBonusScripts:
      true
    default: false
    }
  }
}
