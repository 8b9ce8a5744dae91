package import Wire

/// Everything that can happen to one client's connection at the char door. Bytes are valid during the call only.
package enum CharDoorInput {
  case client(UnsafeRawBufferPointer)
  case clientClosed
  /// The connection that `opensServer` asked for is there.
  case serverOpened
  case server(UnsafeRawBufferPointer)
  /// It is gone, or could not be made.
  case serverClosed
  /// Answer to `asksForDoor`; nil: there is none.
  case door(LinkAddress?)
}

/// What a call into the char door wants done. The caller empties it after each call.
package struct CharDoorEffects {
  package let buffer: MessageBuffer
  /// A connection of this client's own to the char-server; asked for once, never shared, never used again.
  package var opensServer = false
  package var toServer: [MessageRange] = []
  package var toClient: [MessageRange] = []
  package var asksForDoor: CharDoorQuestion?
  /// Both sides, when what is above has been written.
  package var closes: CharDoorEnd?

  package init(buffer: MessageBuffer) { self.buffer = buffer }

  package mutating func removeAll() {
    buffer.removeAll()
    opensServer = false
    toServer.removeAll(keepingCapacity: true)
    toClient.removeAll(keepingCapacity: true)
    asksForDoor = nil
    closes = nil
  }
}

/// A player has chosen a character: where is he sent?
package struct CharDoorQuestion: Hashable, Sendable {
  package let player: PlayerKey
  /// Nil for a name that is none.
  package let map: LinkMapName?
  /// What the char-server has named: the virtual address, or that of a map-server which is not in the mesh.
  package let address: LinkAddress
}

package enum CharDoorEnd: Hashable, Sendable {
  case clientClosed
  case serverClosed
  /// Its first packet was another one than 0065: it would kill a stock char-server.
  case wrongFirstPacket
  /// More than a client sends before the char-server is there, or more came from the char-server than is held.
  case tooMuch
  case noDoor
  case bufferFull
}

package struct CharDoorCounters: Hashable, Sendable {
  package var toServer: UInt64 = 0
  package var toClient: UInt64 = 0
  package var rewritten: UInt64 = 0
  /// A packet of the char-server that the table does not have: everything from there on passes as it comes.
  package var unknownPackets: UInt64 = 0

  package init() {}
}
