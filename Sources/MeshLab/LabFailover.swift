import Control
import Glibc

/// Kills owners under load, one after the other, and measures how long their shards take no writes.
package struct LabFailover {
  /// What one kill did.
  package struct Kill: Sendable {
    package var victim: String
    /// For each shard that it owned: from the last acknowledgement before its death to the first one after it, or a
    /// longer pause until all copies were back.
    package var gaps: [Double] = []
    /// The longest pause of a shard that another host owned: a dead copy has to be left out first.
    package var othersPause = 0.0
    /// From the kill until nobody else held it for alive, when that was asked for.
    package var knownSeconds = 0.0
    /// From its restart until all hosts agreed again and every shard had all its copies.
    package var backSeconds = 0.0
  }

  /// Until the last shard of a dead owner takes writes again. Far beyond the budget: a slow machine is no failure here.
  private static let takeoverLimit = 30.0
  private static let returnLimit = 60.0
  /// A gap whose story is told.
  private static let longGap = 1.7
  /// After this people are told what is waited for.
  private static let longReturn = 8.0

  package let lab: Lab
  /// Copies of each shard when all hosts are there.
  package let copies: Int
  package var load: LabLoad.Options
  /// After a death a host is given nothing for this long, however quickly it is back (`StableView.flapHold`, and a bit).
  private static let holdDown = 62.0
  /// Kill only while so many hosts are out of their hold-down that every shard keeps its copies on others. Otherwise
  /// quick kills leave nobody but those that were spared, and shards with fewer copies.
  package var isPaced = false
  private var lastDeath: [String: Double] = [:]
  /// Hosts that are never killed: a mesh with one voter takes nothing over while that one is away.
  package var spared: Set<String>
  package private(set) var ledger = LabLedger()
  package private(set) var kills: [Kill] = []

  package init(_ lab: Lab, voters: Int, load: LabLoad.Options = LabLoad.Options()) {
    self.lab = lab
    copies = min(Lab.wantedCopies, lab.members.count)
    self.load = load
    spared = voters == 1 ? [lab.members[0].name] : []
  }

  /// The host of a member that owns most, unless it is spared; of equals the one that was killed longest ago.
  private func victim(_ shards: [MapsReply.Shard]) throws(LabError) -> Lab.Member {
    func owned(_ member: Lab.Member) -> Int { shards.count { $0.owner?.name == member.name } }
    func lastKill(_ member: Lab.Member) -> Int { kills.lastIndex { $0.victim == member.name } ?? -1 }
    let owners = lab.members.filter { !spared.contains($0.name) && owned($0) > 0 }
    guard let found = owners.min(by: { (lastKill($0), -owned($0)) < (lastKill($1), -owned($1)) }) else {
      throw LabError("nobody who may be killed owns a shard")
    }
    return found
  }

  /// One kill: load, SIGKILL of an owner, its shards elsewhere, its return, everything in sync again, the load's end.
  /// With `alive` the others' views are waited for too, before it returns.
  @discardableResult
  package mutating func killOwner(
    knowing alive: Int? = nil, waitsForCopies: Bool = true, _ say: (String) -> Void = { _ in }
  ) throws(LabError) -> Kill {
    if isPaced { waitForSettledHosts(say) }
    let shards = try inSync(say)
    let victim = try victim(shards)
    let lost = Set(shards.filter { $0.owner?.name == victim.name }.map(\.name))
    let load = try LabLoad(lab, shards: shards, self.load)
    var kill = Kill(victim: victim.name)
    do throws(LabError) {
      try demand(load.wait(for: 10, within: LabFailover.takeoverLimit), "take no writes")
      say("killing \(victim.name), the owner of \(lost.count) of \(shards.count) shards (SIGKILL) ...")
      let moment = LabClock.now
      lastDeath[victim.name] = moment
      victim.process?.kill()
      try demand(load.wait(for: 10, of: lost, within: LabFailover.takeoverLimit), "take no writes since the kill")
      try demand(load.wait(for: 10, within: LabFailover.takeoverLimit), "take no writes beside the kill")
      if let alive {
        let known = lab.agree(on: alive, among: lab.members.filter { $0 !== victim }, within: 60)
        guard known.agreed else {
          throw LabError("the crash did not become known: \(known.missing.joined(separator: "; "))")
        }
        kill.knownSeconds = LabClock.now - moment
        say("all others hold it dead after \(kill.knownSeconds.shown) s; starting it again ...")
      }
      let restart = LabClock.now
      try lab.start(victim)
      let back = lab.agree(on: lab.members.count, among: lab.members, within: LabFailover.returnLimit)
      guard back.agreed else {
        throw LabError("\(victim.name) did not come back: \(back.missing.joined(separator: "; "))")
      }
      if waitsForCopies { _ = try inSync(say) }
      kill.backSeconds = LabClock.now - restart
      let written = try load.stop()
      for shard in written.shards {
        let pause = gap(written, shard, moment)
        if lost.contains(shard) { kill.gaps.append(pause) } else { kill.othersPause = max(kill.othersPause, pause) }
      }
      if let slowest = lost.max(by: { gap(written, $0, moment) < gap(written, $1, moment) }),
        gap(written, slowest, moment) > LabFailover.longGap
      {
        say("\(slowest) took no writes for \(gap(written, slowest, moment).shown) s; its story from the kill on:")
        for line in written.story(of: slowest, from: moment) { say("  " + line) }
      }
      ledger.add(written)
    } catch {
      let written = try load.stop()
      ledger.add(written)
      throw LabError(([error.description] + (written.faults + written.open).prefix(5)).joined(separator: "; "))
    }
    kills.append(kill)
    return kill
  }

  private func gap(_ ledger: LabLedger, _ shard: String, _ moment: Double) -> Double {
    ledger.pause(of: shard, from: moment) ?? .infinity
  }

  private func waitForSettledHosts(_ say: (String) -> Void) {
    let settled = { lab.members.count { LabClock.now > (lastDeath[$0.name] ?? -.infinity) + LabFailover.holdDown } }
    guard settled() <= copies else { return }
    say("waiting until \(copies + 1) hosts have been there for a minute ...")
    _ = LabClock.wait(upTo: LabFailover.holdDown, every: 0.5) { settled() > copies }
  }

  private func inSync(_ say: (String) -> Void) throws(LabError) -> [MapsReply.Shard] {
    var state = lab.waitForOwners(copies: copies, within: LabFailover.longReturn)
    if !state.missing.isEmpty {
      say("still waiting for: \(state.missing.prefix(3).joined(separator: "; "))")
      state = lab.waitForOwners(copies: copies, within: LabFailover.returnLimit)
    }
    guard state.missing.isEmpty else {
      throw LabError(
        "not all shards have an owner and their copies: \(state.missing.prefix(5).joined(separator: "; "))")
    }
    return state.shards
  }

  private func demand(_ late: [String], _ what: String) throws(LabError) {
    guard !late.isEmpty else { return }
    let told = lab.shards().filter { late.contains($0.name) }.prefix(3).map { shard in
      "\(shard.name) is \(shard.state.rawValue), owner \(shard.owner?.name ?? "none")"
        + (shard.why.map { " (\($0))" } ?? "")
    }
    throw LabError("\(late.count) shards \(what): \(told.joined(separator: "; "))")
  }

  /// Reads everything back.
  package func verify() -> LabLedger.Verdict { ledger.verify(lab) }

  /// The gaps of all shards of all kills, sorted.
  package var gaps: [Double] { kills.flatMap(\.gaps).sorted() }
}

extension [Double] {
  /// Of sorted values: the smallest one that `part` of them do not exceed. 0 when there are none.
  package func quantile(_ part: Double) -> Double {
    isEmpty ? 0 : self[Swift.min(count - 1, Int((Double(count) * part).rounded(.up)) - 1)]
  }
}
