import Wire

/// Expulsion by the operator: final for that key, ahead of all else in every packet, first in every roster.
extension Membership {
  /// An operator's command.
  mutating func revoke(_ revocation: [UInt8], now: Now, into effects: inout MembershipEffects) {
    guard phase != .ended else { return }
    let (verdict, subject) = revocation.withUnsafeBytes { signer.adoptRevocation($0) }
    guard verdict != .refused, let subject else { return }
    expel(subject, revocation, now, into: &effects)
  }

  mutating func learnRevocation(
    _ subject: HostID, _ bytes: UnsafeRawBufferPointer, from source: Source, _ now: Now,
    into effects: inout MembershipEffects
  ) {
    if let slot = table.slot(of: subject), table[slot].status == .revoked {
      counters.duplicates &+= 1
      return
    }
    guard afford(1, for: source, now) else { return }
    counters.signaturesChecked &+= 1
    let (verdict, named) = signer.adoptRevocation(bytes)
    guard verdict != .refused, named == subject else {
      counters.signaturesBad &+= 1
      effects.events.append(.badRecord(from: source.host, forged: true))
      return
    }
    expel(subject, Array(bytes), now, into: &effects)
  }

  private mutating func expel(
    _ subject: HostID, _ revocation: [UInt8], _ now: Now, into effects: inout MembershipEffects
  ) {
    if let slot = table.slot(of: subject) {
      guard table[slot].status != .revoked else { return }
      suspicions[slot] = nil
      loads.forget(slot)
      stability.gone(slot, died: false, at: now.monotonic)
      table.update(slot) {
        $0.status = .revoked
        $0.isBuried = false
        $0.since = now.monotonic
      }
      spread(slot, now, into: &effects)
    } else {
      let record = SelfRecord(
        host: subject, incarnation: Incarnation(rawValue: 0), endpoint: .unspecified, metadataVersion: 0, roles: [])
      if let slot = enter(Member(record: record, signature: Signature(), status: .revoked, since: now.monotonic)) {
        spread(slot, now, into: &effects)
      }
    }
    awaited.settled(subject, version: .max)
    _ = persist(.revocation(revocation), into: &effects)
    effects.events.append(.revoked(subject))
    if subject == host {
      phase = .ended
      timers.disarmAll()
    } else {
      lostSomebody(now, into: &effects)
    }
  }

  /// False when there is none or it does not fit.
  func writeRevocation(of host: HostID, into writer: inout Writer) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: Limits.revocation, alignment: 8) { scratch in
      var revocation = Writer(scratch)
      guard signer.writeRevocation(of: host, into: &revocation), !revocation.overflowed, revocation.count > 0 else {
        return false
      }
      Item.revocation(host, revocation.written).write(into: &writer)
      return !writer.overflowed
    }
  }
}
