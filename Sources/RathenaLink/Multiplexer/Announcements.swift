import Wire

// Who knows whose maps: 2b04 and 2b20 towards map-servers.
extension Multiplexer {
  /// A newcomer and the others are told of each other.
  mutating func introduce(_ newcomer: Downstream, into effects: inout MultiplexerEffects) {
    for id in serving where id != newcomer.id {
      guard let other = streams[id] else { continue }
      tell(newcomer.id, of: .stream(id), at: other.door, other.maps, into: &effects)
      tell(id, of: .stream(newcomer.id), at: newcomer.door, newcomer.maps, into: &effects)
    }
    for neighbour in neighbours {
      tell(
        newcomer.id, of: .neighbour(neighbour.address), at: neighbour.address, neighbour.maps, into: &effects)
    }
  }

  /// Others forget a map-server. Its routes are erased by those that have not learnt a newer one meanwhile.
  mutating func unannounce(_ stream: Downstream, into effects: inout MultiplexerEffects) {
    untell(.stream(stream.id), at: stream.door, stream.maps, into: &effects)
  }

  /// A 2b04 of the char-server: the other bridge, whose list is ours, or a real map-server in the other slot.
  mutating func meet(_ server: ServerMapsFrame, into effects: inout MultiplexerEffects) {
    guard server.address != settings.address else { return }
    // The char-server has two slots; a repeated list replaces the earlier one.
    neighbours.removeAll { $0.address == server.address }
    neighbours.append(server)
    if neighbours.count > 2 { neighbours.removeFirst() }
    for id in serving {
      tell(id, of: .neighbour(server.address), at: server.address, server.maps, isUpdate: true, into: &effects)
    }
  }

  mutating func part(_ server: ServerMapsFrame, into effects: inout MultiplexerEffects) {
    guard let place = neighbours.firstIndex(where: { $0.address == server.address }) else { return }
    withdraw(neighbours.remove(at: place), into: &effects)
  }

  mutating func withdraw(_ neighbour: ServerMapsFrame, into effects: inout MultiplexerEffects) {
    untell(.neighbour(neighbour.address), at: neighbour.address, neighbour.maps, into: &effects)
  }

  private mutating func tell(
    _ id: StreamID, of whom: LinkAddressOfMaps, at address: LinkAddress, _ maps: [LinkMapName], isUpdate: Bool = false,
    into effects: inout MultiplexerEffects
  ) {
    guard !maps.isEmpty, let stream = streams[id] else { return }
    let isNew = !stream.told.contains(whom)
    guard isNew || isUpdate else { return }
    // A map-server exits when its own address comes with a map that it has not loaded.
    guard stream.ownAddress != address else {
      effects.events.append(.ownAddress(id, address))
      return
    }
    streams[id]?.told.insert(whom)
    send(to: id, upTo: 10 + maps.count * LinkMapName.size, into: &effects) { $0.othersMapsFrame(address, maps) }
  }

  private mutating func untell(
    _ whom: LinkAddressOfMaps, at address: LinkAddress, _ maps: [LinkMapName],
    into effects: inout MultiplexerEffects
  ) {
    let receivers = serving.filter { streams[$0]?.told.contains(whom) ?? false }
    for id in receivers { streams[id]?.told.remove(whom) }
    send(to: receivers, upTo: 10 + maps.count * LinkMapName.size, into: &effects) {
      $0.serverGoneFrame(address, maps)
    }
  }
}
