import Wire

/// A roster being read, some signatures per turn.
struct RosterIntake {
  let from: HostID
  fileprivate let bytes: [UInt8]
  fileprivate var offset: Int
  /// Signature checks left in this turn.
  var checksLeft = 0
}

/// The roster: all that one host knows of all others, sent once to a joiner as a transfer. {version u8 = 1} and items:
/// revocations first, then {metadata, alive} of the living, {metadata, obituary} of the dead, {metadata, left}.
extension Membership {
  private static let rosterVersion: UInt8 = 1

  /// At most 2 MiB; what does not fit, exchanges bring.
  package func roster() -> [UInt8] {
    // Metadata 428 and an obituary of 305 per host is the most; mostly it is an alive of 88.
    let room = min(Limits.roster, 1 + table.count * 740)
    return [UInt8](unsafeUninitializedCapacity: room) { bytes, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(bytes))
      writer.u8(Membership.rosterVersion)
      for wanted: [Status] in [[.revoked], [.alive, .suspect], [.dead], [.left]] {
        for slot in 0..<table.slots where table.isUsed(slot) && wanted.contains(table[slot].status) {
          if table[slot].isBuried { continue }
          let before = writer.count
          let needsKey = table[slot].status != .revoked
          if needsKey && !writeMetadata(of: table[slot].host, into: &writer) || !writeWhole(slot, latest, into: &writer)
          {
            writer.truncate(to: before)
          }
        }
      }
      count = writer.count
    }
  }

  /// A transfer has come. Only the roster that was asked for is read, and one at a time.
  mutating func receiveRoster(
    _ bytes: UnsafeRawBufferPointer, from host: HostID, now: Now, into effects: inout MembershipEffects
  ) {
    guard phase == .running, join.rosterAskedOf.contains(host), !join.hasRoster, intake == nil,
      bytes.count <= Limits.roster
    else {
      counters.rostersRefused &+= 1
      return
    }
    guard bytes.first == Membership.rosterVersion else {
      counters.malformed &+= 1
      effects.events.append(.badMessage(from: host))
      return
    }
    timers.disarm(.rosterTimeout)
    intake = RosterIntake(from: host, bytes: Array(bytes), offset: 1)
    rosterTurn(now, into: &effects)
  }

  /// Reads on until the checks of this turn are spent (DESIGN 5.4: 2 ms).
  mutating func rosterTurn(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running, let reading = intake else { return }
    intake?.checksLeft = Limits.rosterChecksPerTurn
    let source = Source(host: reading.from, slot: table.slot(of: reading.from), kind: .roster)
    var isOver = false
    // The array is held by `reading` while the table changes.
    reading.bytes.withUnsafeBytes { bytes in
      var reader = Reader(UnsafeRawBufferPointer(rebasing: bytes[reading.offset...]))
      do {
        while let left = intake?.checksLeft, left > 0, phase == .running, !reader.isAtEnd {
          _ = learn(try Item(reading: &reader), from: source, now: now, into: &effects)
        }
        isOver = reader.isAtEnd
      } catch {
        counters.malformed &+= 1
        effects.events.append(.badMessage(from: reading.from))
        isOver = true
      }
      intake?.offset = reading.offset + reader.offset
    }
    guard isOver else {
      timers.arm(.rosterTurn, at: now.monotonic &+ Limits.rosterPause, into: &effects)
      return
    }
    intake = nil
    counters.rostersRead &+= 1
    join.hasRoster = true
    if join.isSynchronizing { joinSyncTick(now, into: &effects) }
  }
}
