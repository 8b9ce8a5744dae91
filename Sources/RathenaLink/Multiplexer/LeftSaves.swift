import Wire

// Saves that an owner had received before it ended, handed in by its successor.
extension Multiplexer {
  mutating func caughtUp(_ reign: Reign) {
    guard shards[reign.shard].owner == reign else { return }
    shards.update(reign.shard) { $0.isCaughtUp = true }
  }

  mutating func receiveLeftSave(
    _ bytes: UnsafeRawBufferPointer, of reign: Reign, sequence: UInt64, into effects: inout MultiplexerEffects
  ) {
    guard isActive, shards.handled(of: reign) != .unheardOf else {
      counters.leftSavesEarly &+= 1
      return
    }
    guard let frame = try? Frame(bytes, table: .toCharServer), SaveKind.isKept(frame.command) else {
      counters.malformed &+= 1
      effects.events.append(.leftSaveRefused(reign, .malformed, sequence: sequence))
      return settleLeftSave(reign, sequence, into: &effects)
    }
    if case .through(let handled) = shards.handled(of: reign), sequence <= handled {
      counters.repeated &+= 1
      return acknowledge(reign, into: &effects)
    }
    if let refusal = handleLeftSave(frame, of: reign, into: &effects) {
      counters.leftSavesRefused &+= 1
      effects.events.append(.leftSaveRefused(reign, refusal, sequence: sequence))
      countRefusal(frame, of: reign, from: nil, refusal, into: &effects)
    } else {
      counters.leftSavesPassed &+= 1
    }
    settleLeftSave(reign, sequence, into: &effects)
  }

  private mutating func settleLeftSave(
    _ reign: Reign, _ sequence: UInt64, into effects: inout MultiplexerEffects
  ) {
    guard shards.handled(of: reign) != .forgotten else {
      // Its host is to forget it; nothing else is known of that reign.
      effects.taken.append(MultiplexerEffects.Taken(reign: reign, sequence: sequence))
      return
    }
    shards.setHandled(sequence, of: reign)
    acknowledge(reign, into: &effects)
  }

  private mutating func handleLeftSave(
    _ frame: Frame, of reign: Reign, into effects: inout MultiplexerEffects
  ) -> FrameRefusal? {
    guard shards.handled(of: reign) != .forgotten else { return .staleReign }
    guard let ids = try? RequestKey.of(frame.command)?.ids(in: frame), let character = ids.character else {
      return .malformed
    }
    // Somebody has let him in or saved him since: his data would be older than theirs.
    if let holder = holders.holder(of: character) {
      guard holder.shard == reign.shard, holder.epoch <= reign.epoch else { return .notHere }
    }
    let row = ids.account.flatMap { presence.row(account: $0) } ?? presence.row(character: character)
    if let row {
      let isWhereHeWas = row.reign.shard == reign.shard && row.reign.host == reign.host
      guard isWhereHeWas, row.player.character == character else { return .notHere }
    } else if let account = ids.account, expected.hasAuth(account: account) {
      // He is on his way in, with the data from before.
      return .notHere
    }
    guard frame.command == Command.saveCharacter else {
      return take(frame, stream: nil, reign: reign, into: &effects)
    }
    guard let save = try? SaveFrame(frame) else { return .malformed }
    if let statusSize, save.status.size != statusSize { return .otherBuild }
    if row == nil, !save.isFinal { return takeAsFinal(frame, of: reign, into: &effects) }
    if let refusal = take(frame, stream: nil, reign: reign, into: &effects) { return refusal }
    if save.isFinal, var row {
      row.state = .leaving
      set(row, into: &effects)
    }
    return nil
  }

  /// He is nowhere any more: the char-server writes a save of somebody offline surely only when it is a final one.
  private mutating func takeAsFinal(
    _ frame: Frame, of reign: Reign, into effects: inout MultiplexerEffects
  ) -> FrameRefusal? {
    var bytes = [UInt8](frame.bytes)
    guard bytes.indices.contains(SaveFrame.finalOffset) else { return .malformed }
    bytes[SaveFrame.finalOffset] = 1
    return bytes.withUnsafeBytes { bytes in
      guard let frame = try? Frame(bytes, table: .toCharServer) else { return .malformed }
      return take(frame, stream: nil, reign: reign, into: &effects)
    }
  }
}
