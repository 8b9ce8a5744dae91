import Wire

/// Comparing tables: costs nothing while roots agree, and a few packets when a difference lasts (`gossip.md` 5.6).
struct SyncState {
  /// Whom we have sent our buckets, and when.
  var asked: (host: HostID, at: UInt64)?
  /// No exchange before this.
  var notBefore: UInt64 = 0
  /// Between exchanges: doubled while they bring nothing.
  var pause = SyncState.shortestPause
  /// Our root at the start of the last exchange.
  var rootBefore: UInt64 = 0
  /// The last time that somebody's root was ours, or that we compared.
  var comparedAt: UInt64 = 0

  static let shortestPause = Span.seconds(1)
  /// An answer that takes longer is lost.
  static let answerTime = Span.seconds(1)
}

extension Membership {
  /// Bytes of items that one Records message takes.
  private static let recordsRoom = Limits.message - 10

  // MARK: When

  /// Each ack brings the other's root. Tables that differ although neither has changed for longer than a rumour takes
  /// will not become equal by themselves. In a mesh that never rests, one comparison per floor is made anyway.
  mutating func compareRoots(
    _ ack: Message.Ack, with host: HostID, _ now: Now, into effects: inout MembershipEffects
  ) {
    roots.saw(host, agrees: ack.fingerprint.root == table.digest.root, at: now.monotonic)
    guard ack.fingerprint.root != table.digest.root else {
      rootsAgree(with: host, now, into: &effects)
      return
    }
    joinRootsDiffer(ack.fingerprint)
    guard phase == .running, !join.isSynchronizing else { return }
    let window = settings.disseminationWindow(live: table.liveCount) / Span.milliseconds(100)
    let lasts = UInt64(settled(now)) > window && UInt64(ack.settled) > window
    let overdue = now.monotonic &- sync.comparedAt >= settings.syncFloor
    // Rumours bring some hosts at a time. Who knows far more than we do has been missed by them.
    let isFar = Membership.isFarBelow(table.liveCount, Int(ack.fingerprint.live))
    if lasts || overdue || isFar { startSync(with: host, now, into: &effects) }
  }

  /// One host in eight is missing, and more than two.
  static func isFarBelow(_ live: Int, _ other: Int) -> Bool { other > live + 2 && other - live > other / 8 }

  mutating func rootsAgree(with host: HostID, _ now: Now, into effects: inout MembershipEffects) {
    sync.comparedAt = now.monotonic
    sync.pause = SyncState.shortestPause
    joinRootsAgree(with: host, now, into: &effects)
  }

  /// One exchange at a time. False when it is too early.
  @discardableResult
  mutating func startSync(with host: HostID, _ now: Now, into effects: inout MembershipEffects) -> Bool {
    guard phase == .running, sync.asked == nil, now.monotonic >= sync.notBefore,
      let slot = table.slot(of: host), table[slot].status.isLive
    else { return false }
    counters.syncsStarted &+= 1
    sync.pause =
      sync.rootBefore == table.digest.root
      ? min(sync.pause * 2, settings.syncFloor) : SyncState.shortestPause
    sync.rootBefore = table.digest.root
    sync.comparedAt = now.monotonic
    sync.asked = (host, now.monotonic)
    timers.arm(.syncTimeout, at: now.monotonic &+ SyncState.answerTime, into: &effects)
    send(to: host, at: table[slot].record.endpoint, into: &effects) { membership, writer in
      let digest = membership.table.digest
      Message.buckets(
        root: digest.root, ContiguousArray((0..<Digest.bucketCount).map { digest.short($0) })
      ).write(into: &writer)
    }
    return true
  }

  mutating func syncTimeout(_ now: Now, into effects: inout MembershipEffects) {
    endSync(now)
    joinSyncEnded(moreDiffer: false, now, into: &effects)
  }

  private mutating func endSync(_ now: Now) {
    sync.asked = nil
    sync.notBefore = now.monotonic &+ sync.pause
    timers.disarm(.syncTimeout)
  }

  // MARK: The exchange

  /// The other side's buckets: answer with what we hold in those that differ.
  mutating func serveSync(
    _ root: UInt64, _ buckets: ContiguousArray<UInt32>, for host: HostID, at endpoint: Endpoint, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    guard phase == .running, table.slot(of: host) != nil, limits.syncs.take(at: now.monotonic) else {
      counters.syncsRefused &+= 1
      return
    }
    counters.syncsServed &+= 1
    var differing: UInt64 = 0
    if root != table.digest.root {
      for bucket in 0..<Digest.bucketCount where buckets[bucket] != table.digest.short(bucket) {
        differing |= 1 << UInt64(bucket)
      }
    }
    let covered = affordable(differing, now)
    sendRecords(
      of: covered, moreDiffer: covered != differing, isAnswer: false, to: host, at: endpoint, now, into: &effects)
  }

  /// Their records have been read. The first message of an answer shows which buckets are compared: they get ours.
  mutating func recordsCame(
    _ mask: UInt64, moreDiffer: Bool, isAnswer: Bool, from host: HostID, at endpoint: Endpoint, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    guard !isAnswer, sync.asked?.host == host else { return }
    endSync(now)
    if mask == 0 {
      rootsAgree(with: host, now, into: &effects)
    } else {
      joinRootsDiffer(nil)
      if moreDiffer { sync.notBefore = now.monotonic &+ SyncState.shortestPause / 4 }
      sendRecords(
        of: affordable(mask, now), moreDiffer: false, isAnswer: true, to: host, at: endpoint, now, into: &effects)
    }
    joinSyncEnded(moreDiffer: moreDiffer, now, into: &effects)
  }

  /// As many of these buckets as fit into the messages of one exchange, from a place by chance: next time others.
  private mutating func affordable(_ mask: UInt64, _ now: Now) -> UInt64 {
    guard mask != 0 else { return 0 }
    var bytes = [Int](repeating: 0, count: Digest.bucketCount)
    for slot in 0..<table.slots where isCompared(slot, mask) {
      bytes[Digest.bucket(of: table[slot].host)] += wholeSize(of: slot)
    }
    var room = Limits.recordsPerExchange * Membership.recordsRoom * 3 / 4
    var covered: UInt64 = 0
    let first = chance.below(Digest.bucketCount)
    for step in 0..<Digest.bucketCount {
      let bucket = (first + step) % Digest.bucketCount
      guard mask & 1 << UInt64(bucket) != 0 else { continue }
      // One bucket always goes, cut off where the messages end.
      if covered != 0, bytes[bucket] > room { break }
      covered |= 1 << UInt64(bucket)
      room -= bytes[bucket]
    }
    return covered
  }

  private func isCompared(_ slot: Int, _ mask: UInt64) -> Bool {
    table.isUsed(slot) && !table[slot].isBuried
      && mask & 1 << UInt64(Digest.bucket(of: table[slot].host)) != 0
  }

  /// Typical bytes of a member in an exchange; only a plan, the packets are cut by what fits.
  private func wholeSize(of slot: Int) -> Int {
    switch table[slot].status {
    case .alive, .suspect: 92
    case .dead: 240
    case .left: 84
    case .revoked: 170
    }
  }

  private mutating func sendRecords(
    of mask: UInt64, moreDiffer: Bool, isAnswer: Bool, to host: HostID, at endpoint: Endpoint, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    var slot = 0
    // Only within a bucket that is too large for an exchange does it matter where one begins.
    let first = chance.below(max(1, table.slots))
    var messages = 0
    repeat {
      messages += 1
      send(to: host, at: endpoint, into: &effects) { membership, writer in
        Message.records(mask: mask, moreDiffer: moreDiffer, isAnswer: isAnswer).write(into: &writer)
        while mask != 0, slot < membership.table.slots {
          let candidate = (first + slot) % membership.table.slots
          if membership.isCompared(candidate, mask) {
            let before = writer.count
            if !membership.writeWhole(candidate, now, into: &writer) {
              let isFull = writer.overflowed
              writer.truncate(to: before)
              if isFull { break }
            }
          }
          slot += 1
        }
      }
    } while mask != 0 && slot < table.slots && messages < Limits.recordsPerExchange
  }
}
