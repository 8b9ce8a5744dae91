import Wire

/// Hosts whose metadata we lack or know to be out of date. Their records wait with whoever forwarded them: the answer to
/// a MetaPull brings metadata and record together (DESIGN 4.2).
struct AwaitedMetadata {
  struct Entry {
    let host: HostID
    var version: UInt64
    /// The last that mentioned the host.
    var forwarder: HostID
    let since: UInt64
    var askAt: UInt64
    var asked: UInt32
  }

  private(set) var entries: ContiguousArray<Entry> = []
  /// To be asked at the end of the message that made us want them.
  fileprivate(set) var fresh: ContiguousArray<HostID> = []

  /// 1, 2, 4 s … between questions.
  fileprivate static let pause = Span.seconds(1)

  var isEmpty: Bool { entries.isEmpty }
  func contains(_ host: HostID) -> Bool { entries.contains { $0.host == host } }

  /// False when too many are awaited already.
  mutating func want(_ host: HostID, version: UInt64, from forwarder: HostID, at now: UInt64) -> Bool {
    if let known = entries.firstIndex(where: { $0.host == host }) {
      // Somebody else may answer where the first did not.
      entries[known].forwarder = forwarder
      entries[known].version = max(entries[known].version, version)
      return true
    }
    guard entries.count < Limits.awaited else { return false }
    entries.append(
      Entry(
        host: host, version: version, forwarder: forwarder, since: now, askAt: now &+ AwaitedMetadata.pause,
        asked: 1))
    if fresh.count < Limits.metaPull {
      fresh.append(host)
    } else {
      entries[entries.count - 1].askAt = now
    }
    return true
  }

  /// Metadata of this version and the record have come.
  mutating func settled(_ host: HostID, version: UInt64) {
    guard !entries.isEmpty else { return }
    entries.removeAll { $0.host == host && $0.version <= version }
  }

  /// Gives up what has waited too long; returns how many.
  fileprivate mutating func expire(at now: UInt64) -> Int {
    let before = entries.count
    entries.removeAll { now &- $0.since >= Limits.awaitedFor }
    return before - entries.count
  }

  /// Hosts that are due, all to be asked of one forwarder; empty when none is due.
  fileprivate mutating func takeDue(at now: UInt64, into hosts: inout ContiguousArray<HostID>) -> HostID? {
    hosts.removeAll(keepingCapacity: true)
    guard let forwarder = entries.first(where: { $0.askAt <= now })?.forwarder else { return nil }
    for position in entries.indices
    where entries[position].askAt <= now && entries[position].forwarder == forwarder
      && hosts.count < Limits.metaPull
    {
      hosts.append(entries[position].host)
      entries[position].askAt = now &+ AwaitedMetadata.pause << UInt64(min(entries[position].asked, 4))
      entries[position].asked &+= 1
    }
    return forwarder
  }
}

extension Membership {
  private static let metadataTickInterval = Span.milliseconds(500)

  // MARK: Asking

  /// The record of a host is of no use without its metadata: ask whoever mentioned it.
  mutating func want(
    _ host: HostID, version: UInt64, from forwarder: HostID, _ now: Now, into effects: inout MembershipEffects
  ) {
    guard host != self.host else { return }
    guard awaited.want(host, version: version, from: forwarder, at: now.monotonic) else {
      counters.awaitedFull &+= 1
      return
    }
    if !timers.isArmed(.metadata) {
      timers.arm(.metadata, at: now.monotonic &+ Membership.metadataTickInterval, into: &effects)
    }
  }

  /// The record names a newer metadata version than the one we hold.
  mutating func wantNewerMetadata(
    of slot: Int, from source: Source, _ now: Now, into effects: inout MembershipEffects
  ) {
    let host = table[slot].host
    guard let held = signer.metadataVersion(of: host), held < table[slot].record.metadataVersion else { return }
    want(host, version: table[slot].record.metadataVersion, from: source.host, now, into: &effects)
  }

  /// Asks the sender of the message just read for all that it made us want.
  mutating func flushPulls(to forwarder: HostID, _ now: Now, into effects: inout MembershipEffects) {
    guard !awaited.fresh.isEmpty else { return }
    let hosts = awaited.fresh
    awaited.fresh.removeAll(keepingCapacity: true)
    pull(hosts, from: forwarder, into: &effects)
  }

  private mutating func pull(
    _ hosts: ContiguousArray<HostID>, from forwarder: HostID, into effects: inout MembershipEffects
  ) {
    counters.metadataPulled &+= UInt64(hosts.count)
    let endpoint = table.slot(of: forwarder).map { table[$0].record.endpoint }
    send(to: forwarder, at: endpoint, into: &effects) { _, writer in Message.metaPull(hosts).write(into: &writer) }
  }

  mutating func metadataTick(_ now: Now, into effects: inout MembershipEffects) {
    guard phase == .running else { return }
    counters.metadataGivenUp &+= UInt64(awaited.expire(at: now.monotonic))
    var hosts = ContiguousArray<HostID>()
    while let forwarder = awaited.takeDue(at: now.monotonic, into: &hosts) {
      pull(hosts, from: forwarder, into: &effects)
    }
    guard !awaited.isEmpty else { return }
    timers.arm(.metadata, at: now.monotonic &+ Membership.metadataTickInterval, into: &effects)
  }

  // MARK: Answering

  /// Two hosts to a packet: 428 bytes of metadata and 88 to 305 of record each.
  mutating func serveMetadata(
    of hosts: ContiguousArray<HostID>, to asker: HostID, at endpoint: Endpoint, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    // A stranger may learn who we are, and nothing about others.
    let isStranger = signer.metadataVersion(of: asker) == nil
    var next = 0
    while next < hosts.count {
      var sent = next
      send(to: asker, at: endpoint, into: &effects) { membership, writer in
        Message.meta.write(into: &writer)
        let empty = writer.count
        while sent < hosts.count {
          let before = writer.count
          if !isStranger || hosts[sent] == membership.host {
            membership.writePapers(of: hosts[sent], now, into: &writer)
          }
          if writer.overflowed {
            writer.truncate(to: before)
            if before > empty { break }  // it has a packet of its own
          }
          sent += 1
        }
        // Nothing known, nothing sent.
        if writer.count == empty { writer.truncate(to: 0) }
      }
      if sent == next { return }
      next = sent
    }
  }

  /// Metadata and record of a host, as far as the rate allows and they are known.
  private mutating func writePapers(of host: HostID, _ now: Now, into writer: inout Writer) {
    guard let slot = table.slot(of: host), limits.metadata.take(at: now.monotonic) else { return }
    let before = writer.count
    guard writeMetadata(of: host, into: &writer), writeWhole(slot, now, into: &writer) || slot == MemberTable.own
    else {
      if !writer.overflowed { writer.truncate(to: before) }
      return
    }
    counters.metadataServed &+= 1
  }

  /// False when it is not known or does not fit.
  func writeMetadata(of host: HostID, into writer: inout Writer) -> Bool {
    guard let version = signer.metadataVersion(of: host) else { return false }
    return withUnsafeTemporaryAllocation(byteCount: Limits.metadata, alignment: 8) { scratch in
      var metadata = Writer(scratch)
      guard signer.writeMetadata(of: host, into: &metadata), !metadata.overflowed, metadata.count > 0 else {
        return false
      }
      Item.metadata(host, version: version, metadata.written).write(into: &writer)
      return !writer.overflowed
    }
  }

  // MARK: Learning

  mutating func learnMetadata(
    _ subject: HostID, _ version: UInt64, _ bytes: UnsafeRawBufferPointer, from source: Source, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    guard subject != host else { return }
    if let held = signer.metadataVersion(of: subject), held >= version {
      counters.duplicates &+= 1
      return
    }
    // Only what was asked for, a host's own papers, and rosters: checking costs two signatures.
    guard source.kind == .roster || subject == source.host || awaited.contains(subject) else {
      counters.uninvited &+= 1
      return
    }
    guard !signer.isRevoked(subject), afford(2, for: source, now) else { return }
    counters.signaturesChecked &+= 2
    switch signer.adoptMetadata(bytes, version: version, of: subject, at: now.wall) {
    case .adopted:
      effects.events.append(.metadataAdopted(subject, version: version))
      if table.slot(of: subject) != nil { awaited.settled(subject, version: version) }
    case .known:
      counters.duplicates &+= 1
    case .refused:
      counters.metadataRefused &+= 1
      // A forwarder may in good faith hold what we refuse (expired, by another clock); the host itself may not.
      if subject == source.host { effects.events.append(.badRecord(from: source.host, forged: false)) }
    }
  }
}
