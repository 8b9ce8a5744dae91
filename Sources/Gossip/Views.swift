package import Wire

/// What screens, the simulator and the other cores read. Nothing here changes anything.
extension Membership {
  /// Members that count as living, ourselves included.
  package var liveCount: Int { table.liveCount }
  /// Members and tombstones, ourselves included.
  package var entryCount: Int { table.count }
  /// Two hosts with the same root hold the same table.
  package var root: UInt64 { table.digest.root }
  /// Our own.
  package var incarnation: Incarnation { own.incarnation }
  /// What we tell others to reach us at; `nil` until a peer has seen us or the configuration names it.
  package var endpoint: Endpoint? { own.endpoint == .unspecified ? nil : own.endpoint }
  /// A generation is durable and we have neither left nor ended.
  package var isRunning: Bool { phase == .running }
  /// Goodbye is said and over: no timer runs, nobody is judged any more.
  package var hasLeft: Bool { phase == .left }
  /// Other hosts are known.
  package var isMember: Bool { join.isMember }
  /// 0 well … 7 sick.
  package var localHealth: Int { health.score }
  /// Share of packets lost on the way to living hosts, one way, as far as our probes show.
  package var measuredLoss: Double { health.loss }
  package var rumourCount: Int { rumours.count }
  package var suspicionCount: Int { suspicions.keys.count { table[$0].status == .suspect } }
  package var awaitedCount: Int { awaited.entries.count }
  package var relayCount: Int { relays.count }
  package var impairedHosts: [HostID] { marks.impaired }
  package var peers: [Peer] { book.peers }

  package func status(of host: HostID) -> Status? { table.slot(of: host).map { table[$0].status } }

  /// It was stably up, died or left, and is there again, but not long enough to be counted on. A suspicion does not
  /// change that.
  package func isReturning(_ host: HostID) -> Bool {
    guard let slot = table.slot(of: host), table[slot].status == .alive || table[slot].status == .suspect else {
      return false
    }
    return stability.hasRisen(slot) && !stability.isUp(slot)
  }

  /// Visits all entries, ourselves first, in a stable order; cheap enough for checks after every event.
  package func forEachEntry(_ visit: (HostID, Incarnation, Status) -> Void) {
    for slot in 0..<table.slots where table.isUsed(slot) {
      visit(table[slot].host, table[slot].incarnation, table[slot].status)
    }
  }

  /// The running time of a suspicion, for the checks of the simulator.
  package func suspicion(of host: HostID) -> SuspicionView? {
    guard let slot = table.slot(of: host), table[slot].status == .suspect, let suspicion = suspicions[slot] else {
      return nil
    }
    return SuspicionView(
      start: suspicion.start, deadline: suspicion.deadline, shortest: suspicion.minimum, longest: suspicion.maximum,
      accusers: suspicion.accusations.accusers)
  }

  package func member(_ host: HostID) -> MemberView? {
    table.slot(of: host).map { view(of: $0, at: latest.monotonic) }
  }

  /// What the digest covers of an entry; cheap enough for checks after every event.
  package func entry(of host: HostID) -> EntryView? {
    table.slot(of: host).map {
      EntryView(
        host: host, incarnation: table[$0].incarnation, status: table[$0].status,
        metadataVersion: table[$0].record.metadataVersion, isBuried: table[$0].isBuried)
    }
  }

  /// All entries in ascending order of host ids.
  package func members() -> [MemberView] {
    (0..<table.slots).filter { table.isUsed($0) }.map { view(of: $0, at: latest.monotonic) }.sorted {
      $0.host < $1.host
    }
  }

  /// Digest and living recomputed from nothing: equal to what is kept up from change to change.
  package func recomputedRoot() -> UInt64 {
    var digest = Digest()
    for slot in 0..<table.slots where table.isUsed(slot) {
      if let leaf = Digest.leaf(table[slot]) { digest.add(leaf, of: table[slot].host) }
    }
    return digest.root
  }

  private func view(of slot: Int, at now: UInt64) -> MemberView {
    let member = table[slot]
    let load = loads[slot].flatMap { now &- $0.born <= settings.loadAgeLimit ? $0 : nil }
    let why: MemberView.Why =
      switch member.status {
      case .alive: .saysSo
      case .suspect, .dead: .accused(by: suspicions[slot]?.accusations.accusers ?? [])
      case .left: .saidGoodbye
      case .revoked: .expelled
      }
    return MemberView(
      host: member.host, status: member.status, incarnation: member.incarnation, endpoint: member.record.endpoint,
      roles: member.record.roles, metadataVersion: member.record.metadataVersion, age: now &- member.since,
      silence: member.heard == 0 ? nil : now &- member.heard,
      roundTrip: member.roundTrip.isKnown ? member.roundTrip.nanoseconds : nil, loss: member.losses.ratio,
      load: load?.record,
      loadAge: load.map { now &- $0.born }, why: why, isStable: stability.isUp(slot),
      isImpaired: marks.impaired.contains(member.host), isBuried: member.isBuried)
  }
}

/// What the digest covers of an entry, and whether it is a tombstone.
package struct EntryView: Hashable, Sendable {
  package let host: HostID
  package let incarnation: Incarnation
  package let status: Status
  package let metadataVersion: UInt64
  package let isBuried: Bool
}

/// A suspicion that is running; times are `Now.monotonic`.
package struct SuspicionView: Hashable, Sendable {
  package let start: UInt64
  package let deadline: UInt64
  /// Spans between which the deadline may lie, before our own stalls.
  package let shortest: UInt64
  package let longest: UInt64
  package let accusers: [HostID]
}
