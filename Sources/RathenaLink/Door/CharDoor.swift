import Wire

/// One client's connection at the char port. A stock char-server dies of a packet before 0065, so none passes; and the
/// address that a client is sent to (0ac5, 0071 of old ones) becomes that of a map door.
///
/// A pure value for one connection. Nothing else is changed, in either direction. Time limits are the caller's.
package struct CharDoor {
  /// 0065.
  package static let enterSize = 17
  /// A client waits for an answer to 0065 before it says more.
  package static let earlyLimit = 1_024
  /// What comes behind a 0ac5 while its door is asked for. The char-server has nothing more to say then.
  package static let heldLimit = 65_536

  private enum Phase {
    /// Its first packet is not whole yet.
    case entering
    case connecting
    case linked
    case ended
  }

  private static let enter: UInt16 = 0x0065
  private static let mapServer: UInt16 = 0x0ac5
  private static let mapServerBefore2017: UInt16 = 0x0071
  private static let mapNameOffset = 6
  private static let addressOffset = 22

  package private(set) var counters = CharDoorCounters()
  private var phase = Phase.entering
  private var account: UInt32 = 0
  /// Of the client, until the char-server is there.
  private var early: [UInt8] = []
  /// The account's id comes in front of all packets, bare.
  private var bareID: [UInt8] = []
  private var isPastID = false
  private var cutter: FrameCutter
  /// The packet whose door is asked for, and what came behind it.
  private var question: [UInt8] = []
  private var held: [UInt8] = []
  private var isServerClosed = false

  /// - Parameter packets: of the client's version, towards the client.
  package init(packets: FrameTable) { cutter = FrameCutter(table: packets) }

  package mutating func handle(_ input: CharDoorInput, into effects: inout CharDoorEffects) {
    switch input {
    case _ where phase == .ended: break
    case .client(let bytes): receiveOfClient(bytes, into: &effects)
    case .clientClosed: end(.clientClosed, into: &effects)
    case .serverOpened:
      guard phase == .connecting else { return }
      phase = .linked
      early.withUnsafeBytes { pass(toServer: $0, into: &effects) }
      early = []
    case .server(let bytes): receiveOfServer(bytes, into: &effects)
    case .serverClosed:
      isServerClosed = true
      if question.isEmpty { closeServer(into: &effects) }
    case .door(let door): answer(door, into: &effects)
    }
  }

  private mutating func end(_ reason: CharDoorEnd, into effects: inout CharDoorEffects) {
    guard phase != .ended else { return }
    phase = .ended
    effects.closes = reason
    early = []
    question = []
    held = []
  }

  /// What it had begun to say still passes.
  private mutating func closeServer(into effects: inout CharDoorEffects) {
    if cutter.fault == nil, !cutter.remainder.isEmpty {
      cutter.remainder.withUnsafeBytes { pass(toClient: $0, into: &effects) }
    }
    end(.serverClosed, into: &effects)
  }

  private mutating func receiveOfClient(_ bytes: UnsafeRawBufferPointer, into effects: inout CharDoorEffects) {
    if phase == .linked { return pass(toServer: bytes, into: &effects) }
    guard early.count + bytes.count <= CharDoor.earlyLimit else { return end(.tooMuch, into: &effects) }
    early.append(contentsOf: bytes)
    guard phase == .entering else { return }
    let first = [UInt8(truncatingIfNeeded: CharDoor.enter), UInt8(truncatingIfNeeded: CharDoor.enter >> 8)]
    guard zip(early, first).allSatisfy({ $0 == $1 }) else { return end(.wrongFirstPacket, into: &effects) }
    guard early.count >= CharDoor.enterSize else { return }
    account = early.withUnsafeBytes { bytes in
      var reader = Reader(bytes)
      _ = try? reader.take(2)
      return (try? reader.u32()) ?? 0
    }
    phase = .connecting
    effects.opensServer = true
  }

  private mutating func receiveOfServer(_ bytes: UnsafeRawBufferPointer, into effects: inout CharDoorEffects) {
    guard phase == .linked else { return }
    guard question.isEmpty else { return hold(bytes, into: &effects) }
    guard !isPastID else { return cut(bytes, into: &effects) }
    let rest = bytes.dropFirst(4 - bareID.count)
    bareID.append(contentsOf: bytes.prefix(4 - bareID.count))
    guard bareID.count == 4 else { return }
    isPastID = true
    let isID = (0..<4).allSatisfy { bareID[$0] == UInt8(truncatingIfNeeded: account >> UInt32(8 * $0)) }
    bareID.withUnsafeBytes { if isID { pass(toClient: $0, into: &effects) } else { cut($0, into: &effects) } }
    if !rest.isEmpty { receiveOfServer(UnsafeRawBufferPointer(rebasing: rest), into: &effects) }
  }

  private mutating func cut(_ bytes: UnsafeRawBufferPointer, into effects: inout CharDoorEffects) {
    guard cutter.fault == nil else { return pass(toClient: bytes, into: &effects) }
    var cutter = cutter
    do {
      try cutter.cut(bytes) { packet in
        guard question.isEmpty else { return hold(packet, into: &effects) }
        if !ask(packet, into: &effects) { pass(toClient: packet, into: &effects) }
      }
    } catch {
      if question.isEmpty {
        counters.unknownPackets &+= 1
        cutter.remainder.withUnsafeBytes { pass(toClient: $0, into: &effects) }
      }
    }
    if !question.isEmpty {
      // All that is behind it is cut again, from its beginning, when the door is known.
      cutter.remainder.withUnsafeBytes { hold($0, into: &effects) }
      cutter = FrameCutter(table: cutter.table)
    }
    self.cutter = cutter
  }

  /// True when the packet waits for the door that it will name.
  private mutating func ask(_ packet: UnsafeRawBufferPointer, into effects: inout CharDoorEffects) -> Bool {
    var reader = Reader(packet)
    guard let command = try? reader.u16(), command == CharDoor.mapServer || command == CharDoor.mapServerBefore2017,
      let character = try? reader.u32(), let name = try? reader.linkMapName(), let ip = try? reader.u32(),
      let port = try? reader.u16()
    else { return false }
    question = [UInt8](packet)
    let text = name.description
    effects.asksForDoor = CharDoorQuestion(
      player: PlayerKey(account: account, character: character),
      map: LinkMapName(text.hasSuffix(".gat") ? String(text.dropLast(4)) : text),
      address: LinkAddress(ipv4: ip.byteSwapped, port: port))
    return true
  }

  private mutating func hold(_ bytes: UnsafeRawBufferPointer, into effects: inout CharDoorEffects) {
    guard held.count + bytes.count <= CharDoor.heldLimit else { return end(.tooMuch, into: &effects) }
    held.append(contentsOf: bytes)
  }

  private mutating func answer(_ door: LinkAddress?, into effects: inout CharDoorEffects) {
    guard !question.isEmpty else { return }
    guard let door else { return end(.noDoor, into: &effects) }
    question.withUnsafeMutableBytes { packet in
      guard packet.count >= CharDoor.addressOffset + 6 else { return }
      // The address in network order, the port, unlike everywhere else, not.
      var writer = Writer(UnsafeMutableRawBufferPointer(rebasing: packet[CharDoor.addressOffset...]))
      writer.u32(door.ipv4.byteSwapped)
      writer.u16(door.port)
    }
    counters.rewritten &+= 1
    question.withUnsafeBytes { pass(toClient: $0, into: &effects) }
    question = []
    let behind = held
    held = []
    behind.withUnsafeBytes { cut($0, into: &effects) }
    if isServerClosed, question.isEmpty { closeServer(into: &effects) }
  }

  private mutating func pass(toServer bytes: UnsafeRawBufferPointer, into effects: inout CharDoorEffects) {
    guard let message = effects.buffer.append(bytes) else { return end(.bufferFull, into: &effects) }
    counters.toServer &+= UInt64(bytes.count)
    effects.toServer.append(message)
  }

  private mutating func pass(toClient bytes: UnsafeRawBufferPointer, into effects: inout CharDoorEffects) {
    guard let message = effects.buffer.append(bytes) else { return end(.bufferFull, into: &effects) }
    counters.toClient &+= UInt64(bytes.count)
    effects.toClient.append(message)
  }
}
