import Wire

// What comes from the map-server.
extension HostLink {
  mutating func receive(_ bytes: UnsafeRawBufferPointer, into effects: inout HostLinkEffects) {
    // Out of the state while its frames are handled, so that it is not copied.
    var cutter = cutter
    self.cutter = FrameCutter(table: .toCharServer)
    do {
      try cutter.cut(bytes) { frame in
        // The link may have been given up by an earlier frame.
        guard state != .gone, let frame = try? Frame(frame, table: .toCharServer) else { return }
        receive(frame, into: &effects)
      }
    } catch {
      // Frames before the fault have been handled; one of them may have ended it.
      if state != .gone { closeMapServer(.fault(error), into: &effects) }
      return
    }
    self.cutter = cutter
  }

  private mutating func receive(_ frame: Frame, into effects: inout HostLinkEffects) {
    counters.fromMapServer &+= 1
    switch frame.command {
    case Command.keepalive:
      // Also while the bridge is there: an answer that is lost with it would cost the link.
      counters.answeredHere &+= 1
      guard let message = effects.buffer.append(maximum: 2, { $0.command(Command.keepaliveAnswer) }) else {
        return countFullBuffer(into: &effects)
      }
      effects.toMapServer.append(message)
    case Command.ownAddress: break
    case Command.login:
      login = [UInt8](frame.bytes)
      if bridge != .away { sendToBridge(frame.bytes, sequence: 0, into: &effects) }
    case Command.mapList:
      mapList = [UInt8](frame.bytes)
      if bridge != .away { sendToBridge(frame.bytes, sequence: 0, into: &effects) }
    case Command.askCastles, Command.askClans:
      guard bridge != .away else { return closeMapServer(.beginsAnew, into: &effects) }
      asked.insert(frame.command)
      sendToBridge(frame.bytes, sequence: 0, into: &effects)
    case Command.userList:
      if let players = try? UserListFrame(frame).players { users.replace(players) }
      if bridge == .resending || bridge == .there { sendToBridge(frame.bytes, sequence: 0, into: &effects) }
    default: pass(frame, into: &effects)
    }
  }

  private mutating func pass(_ frame: Frame, into effects: inout HostLinkEffects) {
    noteLeaving(frame)
    if SaveKind.isKept(frame.command) {
      let sequence = nextSequence()
      let isSent = bridge == .there
      counters.saves &+= 1
      guard let message = effects.buffer.append(frame.bytes) else { return countFullBuffer(into: &effects) }
      effects.saves.append(HostLinkEffects.Save(message: message, sequence: sequence, isSent: isSent))
      guard isSent else { return }
      counters.toBridge &+= 1
      effects.toBridge.append(HostLinkEffects.ToBridge(message: message, sequence: sequence))
      return
    }
    if bridge == .there { return sendToBridge(frame.bytes, sequence: nextSequence(), into: &effects) }
    // Of the rest nobody could say afterwards to whom an answer belongs.
    guard RequestKey.of(frame.command) != nil || frame.command == Command.authRequest else {
      counters.droppedAway &+= 1
      return
    }
    guard heldBytes + frame.count <= HostLink.heldLimit else {
      counters.heldFull &+= 1
      effects.events.append(.heldFull)
      return
    }
    counters.held &+= 1
    heldBytes += frame.count
    held.append([UInt8](frame.bytes))
  }

  private mutating func noteLeaving(_ frame: Frame) {
    switch frame.command {
    case Command.saveCharacter:
      if let save = try? SaveFrame(frame), save.isFinal { users.remove(account: save.player.account) }
    case Command.characterOffline:
      if let account = try? frame.u32(at: 6) { users.remove(account: account) }
    case Command.allOffline: users.replace([])
    default: break
    }
  }
}
