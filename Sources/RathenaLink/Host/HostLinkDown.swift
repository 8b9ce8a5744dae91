import Wire

// What comes from the bridge, and what each new one must hear first.
extension HostLink {
  mutating func openBridge(into effects: inout HostLinkEffects) {
    if bridge != .away { closeBridge(into: &effects) }
    guard state != .gone else { return }
    bridge = .opening
    if !login.isEmpty { login.withUnsafeBytes { sendToBridge($0, sequence: 0, into: &effects) } }
  }

  mutating func closeBridge(into effects: inout HostLinkEffects) {
    guard bridge != .away else { return }
    bridge = .away
    if !asked.isEmpty { closeMapServer(.beginsAnew, into: &effects) }
  }

  /// The outbox has sent what it kept: now what was held, and then all goes on at once.
  mutating func resume(into effects: inout HostLinkEffects) {
    guard bridge == .resending else { return }
    bridge = .there
    let frames = held
    held = []
    heldBytes = 0
    for frame in frames { frame.withUnsafeBytes { sendToBridge($0, sequence: nextSequence(), into: &effects) } }
  }

  mutating func receiveOfBridge(_ bytes: UnsafeRawBufferPointer, into effects: inout HostLinkEffects) {
    // What the map-server cannot frame would cost it the link.
    guard bridge != .away, let frame = try? Frame(bytes, table: .toMapServer) else {
      counters.malformed &+= 1
      return
    }
    switch frame.command {
    case Command.loginAnswer: receiveLoginAnswer(frame, into: &effects)
    case Command.storageTable:
      guard !hasStorageTable else { return swallow() }
      hasStorageTable = true
      sendToMapServer(bytes, into: &effects)
    case Command.welcome: receiveWelcome(frame, into: &effects)
    case Command.keepaliveAnswer: swallow()
    default:
      noteAnswer(frame)
      sendToMapServer(bytes, into: &effects)
    }
  }

  private mutating func swallow() { counters.swallowed &+= 1 }

  private mutating func receiveLoginAnswer(_ frame: Frame, into effects: inout HostLinkEffects) {
    guard state == .notLoggedIn else {
      swallow()
      if !mapList.isEmpty { mapList.withUnsafeBytes { sendToBridge($0, sequence: 0, into: &effects) } }
      return
    }
    sendToMapServer(frame.bytes, into: &effects)
    guard (try? frame.u8(at: 2)) == 0 else { return }
    state = .standby
    effects.events.append(.loggedIn)
  }

  private mutating func receiveWelcome(_ frame: Frame, into effects: inout HostLinkEffects) {
    // A second one on the same stream is no news.
    guard bridge == .opening, state != .notLoggedIn else { return swallow() }
    bridge = .resending
    effects.asksForSaves = true
    guard state == .standby else {
      swallow()
      // Before the saves: a bridge that knows nothing of these players takes them in by it.
      let players = users.sorted
      guard let message = effects.buffer.append(maximum: 6 + players.count * 8, { $0.userListFrame(players) }) else {
        return countFullBuffer(into: &effects)
      }
      counters.toBridge &+= 1
      effects.toBridge.append(HostLinkEffects.ToBridge(message: message, sequence: 0))
      return
    }
    state = .serving
    sendToMapServer(frame.bytes, into: &effects)
    effects.events.append(.serving)
  }

  private mutating func noteAnswer(_ frame: Frame) {
    switch frame.command {
    case Command.mirrored(Command.askCastles): asked.remove(Command.askCastles)
    case Command.clans: asked.remove(Command.askClans)
    case Command.authAccepted:
      guard let accepted = try? AuthAcceptedFrame(frame) else { return }
      if !users.insert(accepted.player) { counters.usersNotListed &+= 1 }
    case Command.changeServerAnswer:
      if let answer = try? ChangeServerFrame(frame), answer.loginID1 != 0 {
        users.remove(account: answer.player.account)
      }
    default: break
    }
  }
}
