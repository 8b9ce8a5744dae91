package import Wire

/// An observer's signed word that it reaches a host through others only. Signed as an accusation with a number behind.
package struct OneWayMark: Hashable {
  package var subject: HostID
  package var incarnation: Incarnation
  package var observer: HostID
  /// Unix seconds of the observer when it signed; newer marks replace older ones.
  package var number: UInt64
  package var signature: Signature

  /// Only the living can be marked, and only in the incarnation that was seen.
  package func isCurrent(in table: borrowing MemberTable) -> Bool {
    guard let slot = table.slot(of: subject) else { return false }
    return table[slot].status.isLive && table[slot].incarnation == incarnation
  }
}

/// The marks that stand. A host with marks of two distinct observers is `impaired`: alive to SWIM, unfit to own maps;
/// that ends the flip-flop of one-way lines at its source (`gossip.md` 5.5).
///
/// What a liar can do: alone nothing, because two distinct contributors are needed; two together can mark eight hosts
/// each, for as long as they go on. A mark lasts two minutes and counts for one incarnation only.
struct OneWayMarks {
  static let lasts = Span.seconds(120)
  static let renewed = Span.seconds(60)
  static let perObserver = 8
  static let observersNeeded = 2
  /// Signed this far from our clock it is a replay or the clocks are wrong.
  static let clockTolerance: UInt64 = 300

  private struct Standing {
    var mark: OneWayMark
    var contributor: UInt32
    var until: UInt64
    /// Times passed on.
    var sent: Int
  }

  private var standing: [Standing] = []
  private(set) var impaired: [HostID] = []
  /// Times that each mark is passed on.
  private var retransmits = 4

  var isEmpty: Bool { standing.isEmpty }
  var hasNews: Bool { standing.contains { $0.sent < retransmits } }
  var nextExpiry: UInt64? { standing.map(\.until).min() }

  func isKnown(_ mark: OneWayMark) -> Bool {
    standing.contains {
      $0.mark.subject == mark.subject && $0.mark.observer == mark.observer && $0.mark.number >= mark.number
    }
  }

  /// When our own mark on a host was last made.
  func number(of observer: HostID, on subject: HostID, _ incarnation: Incarnation) -> UInt64? {
    standing.first {
      $0.mark.observer == observer && $0.mark.subject == subject && $0.mark.incarnation == incarnation
    }?.mark.number
  }

  func hasRoom(for mark: OneWayMark) -> Bool {
    if standing.contains(where: { $0.mark.subject == mark.subject && $0.mark.observer == mark.observer }) {
      return true
    }
    return standing.count < Limits.oneWayMarks
      && standing.count { $0.mark.observer == mark.observer } < OneWayMarks.perObserver
  }

  mutating func add(_ mark: OneWayMark, contributor: UInt32, retransmits: Int, at now: UInt64) {
    self.retransmits = retransmits
    standing.removeAll { $0.mark.subject == mark.subject && $0.mark.observer == mark.observer }
    standing.append(
      Standing(mark: mark, contributor: contributor, until: now &+ OneWayMarks.lasts, sent: 0))
  }

  /// Drops what has expired or is of an incarnation that is over, and returns the hosts whose state changed.
  mutating func refresh(
    at now: UInt64, _ table: borrowing MemberTable
  ) -> [(HostID, isImpaired: Bool)] {
    var current: [Standing] = []
    for entry in standing where entry.until > now && entry.mark.isCurrent(in: table) { current.append(entry) }
    standing = current
    var marked: [HostID] = []
    for mark in standing.map(\.mark.subject) where !marked.contains(mark) {
      if observers(of: mark) >= OneWayMarks.observersNeeded { marked.append(mark) }
    }
    marked.sort()
    let before = impaired
    impaired = marked
    return before.filter { !marked.contains($0) }.map { ($0, false) }
      + marked.filter { !before.contains($0) }.map { ($0, true) }
  }

  /// Those with the same non-zero contributor count once.
  private func observers(of subject: HostID) -> Int {
    var contributors: [UInt32] = []
    var result = 0
    for entry in standing where entry.mark.subject == subject {
      if entry.contributor != 0 {
        if contributors.contains(entry.contributor) { continue }
        contributors.append(entry.contributor)
      }
      result += 1
    }
    return result
  }

  mutating func pack(_ writer: inout Writer, upTo limit: Int) {
    guard !standing.isEmpty else { return }
    for position in standing.indices where standing[position].sent < retransmits {
      let before = writer.count
      Item.oneWay(standing[position].mark).write(into: &writer)
      guard !writer.overflowed, writer.count <= limit else {
        writer.truncate(to: before)
        return
      }
      standing[position].sent += 1
    }
  }
}

extension Membership {
  /// We hear this host only through others, for the third time in a row.
  mutating func markOneWay(_ slot: Int, _ now: Now, into effects: inout MembershipEffects) {
    let subject = table[slot].host
    let incarnation = table[slot].incarnation
    if let number = marks.number(of: host, on: subject, incarnation),
      now.wallSeconds < number &+ OneWayMarks.renewed / Span.seconds(1)
    {
      return
    }
    var mark = OneWayMark(
      subject: subject, incarnation: incarnation, observer: host, number: now.wallSeconds, signature: Signature())
    guard marks.hasRoom(for: mark) else { return }
    mark.signature = SignedBody.oneWay(mark) { signer.sign(.accusation, $0) }
    adopt(mark, now, into: &effects)
  }

  mutating func learnOneWay(
    _ mark: OneWayMark, from source: Source, _ now: Now, into effects: inout MembershipEffects
  ) {
    guard !marks.isKnown(mark) else {
      counters.duplicates &+= 1
      return
    }
    let distance =
      mark.number > now.wallSeconds ? mark.number - now.wallSeconds : now.wallSeconds - mark.number
    guard mark.isCurrent(in: table), mark.observer != host, mark.observer != mark.subject,
      distance <= OneWayMarks.clockTolerance, !signer.isRevoked(mark.observer)
    else {
      counters.stale &+= 1
      return
    }
    guard marks.hasRoom(for: mark) else {
      counters.oneWayMarksRefused &+= 1
      return
    }
    let verdict = judge(from: source, now, into: &effects) { signer in
      SignedBody.oneWay(mark) { signer.verify(mark.signature, .accusation, $0, by: mark.observer) }
    }
    if verdict == .valid { adopt(mark, now, into: &effects) }
  }

  private mutating func adopt(_ mark: OneWayMark, _ now: Now, into effects: inout MembershipEffects) {
    marks.add(
      mark, contributor: signer.contributor(of: mark.observer),
      retransmits: MembershipSettings.retransmits(live: table.liveCount), at: now.monotonic)
    judgeImpairment(now, into: &effects)
    wakeGossip(now, into: &effects)
  }

  mutating func judgeImpairment(_ now: Now, into effects: inout MembershipEffects) {
    for (host, isImpaired) in marks.refresh(at: now.monotonic, table) {
      effects.events.append(.impaired(host, isImpaired))
    }
    if let expiry = marks.nextExpiry { timers.arm(.oneWay, at: expiry, into: &effects) }
  }

  mutating func oneWayTick(_ now: Now, into effects: inout MembershipEffects) {
    judgeImpairment(now, into: &effects)
  }
}
