package import Control
import Glibc

/// What one run of the demonstration saw, in seconds.
package struct LabReply: Reply {
  package static let schemaName = "mesh.lab/1"
  package var schema = LabReply.schemaName
  package var nodes: Int
  /// Of the world that all of them hold.
  package var maps: Int
  /// Hosts that owned shards before the crash.
  package var owners: Int
  /// From the first process to one view shared by all.
  package var joinedSeconds: Double
  /// From SIGKILL of an owner to its death in every other view.
  package var crashKnownSeconds: Double
  /// The longest time that a shard of the killed owner took no writes: from the last acknowledgement before the kill to
  /// the first one after it.
  package var ownerGapS: Double
  /// From its restart until all hosts agreed again and every shard had all its copies.
  package var returnedSeconds: Double
  /// Writes that were acknowledged, before, during and after the crash.
  package var acknowledged: Int
  /// Of these, not there any more.
  package var missing: Int
  /// Applied more than once.
  package var duplicated: Int
  /// Every node ended with code 0 after SIGTERM.
  package var stoppedCleanly: Bool

  package var text: String {
    """
    \(nodes) nodes shared one view after \(joinedSeconds.shown) s
    \(maps) maps had \(owners) owners
    the crash of one was known to all others after \(crashKnownSeconds.shown) s
    its shards took no writes for \(ownerGapS.shown) s
    \(acknowledged) writes were acknowledged: \(missing) of them missing, \(duplicated) applied twice
    it was back, and every copy in sync, after \(returnedSeconds.shown) s
    \(stoppedCleanly ? "all stopped cleanly" : "NOT all stopped cleanly")

    """
  }
}

/// The demonstration behind `bootstrap/run`: a small mesh with a world, one crash of an owner under load, one return.
package struct LabRun {
  package var nodes: Int
  package var options: Lab.Options
  package var world: LabWorld
  /// Words for people, as they happen.
  package var say: (String) -> Void

  package init(nodes: Int, options: Lab.Options, world: LabWorld = .small, say: @escaping (String) -> Void) {
    self.nodes = nodes
    self.options = options
    self.world = world
    self.say = say
  }

  /// Starts, kills an owner under load, brings it back, reads everything back, stops. Throws when a write is missing or
  /// was applied twice.
  package func once() throws(LabError) -> LabReply {
    let (lab, joined, shards) = try start()
    defer { lab.stop() }
    var failover = LabFailover(lab, voters: world.voters)
    say("writing to all shards ...")
    let kill = try failover.killOwner(knowing: nodes - 1, say)
    say("its shards took no writes for \((kill.gaps.max() ?? 0).shown) s; all copies are there again; reading back ...")
    let verdict = failover.verify()
    guard verdict.isClean else { throw LabError(verdict.findings.joined(separator: "; ")) }
    say("all \(verdict.acknowledged) acknowledged writes are there, each once; stopping all ...")
    return LabReply(
      nodes: nodes, maps: shards.reduce(0) { $0 + $1.maps.count }, owners: Set(shards.compactMap(\.owner?.id)).count,
      joinedSeconds: joined, crashKnownSeconds: kill.knownSeconds, ownerGapS: kill.gaps.max() ?? 0,
      returnedSeconds: kill.backSeconds, acknowledged: verdict.acknowledged, missing: verdict.missing.count,
      duplicated: verdict.duplicated.count, stoppedCleanly: lab.stopAll())
  }

  /// Starts and stays until `isOver` says so.
  package func stay(until isOver: () -> Bool) throws(LabError) {
    let (lab, _, shards) = try start()
    defer { lab.stop() }
    let first = lab.members[0]
    let victim = lab.members.dropFirst().first { member in shards.contains { $0.owner?.name == member.name } }
    let shard = shards.first { $0.owner?.name == victim?.name } ?? shards[0]
    try write(lab, shard)
    say("")
    say("\(nodes) nodes run. In another terminal:")
    say("  \(options.binaries)/mesh-ctl --dir \(first.folder) status")
    say("  \(options.binaries)/mesh-ctl --dir \(first.folder) maps")
    say("  \(options.binaries)/mesh-ctl --dir \(first.folder) ring")
    say("  \(options.binaries)/mesh-ctl --dir \(victim?.folder ?? first.folder) state list \(shard.name)")
    say("  \(options.binaries)/mesh-ctl --dir \(first.folder) events -f")
    if let victim {
      say("  kill -9 \(victim.process?.identifier ?? 0)        and watch the shards of \(victim.name) find new owners")
    }
    say("Ctrl-C stops all of them and removes \(lab.folder).")
    while !isOver() { LabClock.pause(0.1) }
    say("stopping ...")
  }

  /// Something to read, so that nobody looks at an empty shard.
  private func write(_ lab: Lab, _ shard: MapsReply.Shard) throws(LabError) {
    guard let owner = lab.members.first(where: { $0.name == shard.owner?.name }) else { return }
    for (key, value) in [("greeting", "hello from the lab"), ("weather", "rain")] {
      let write = StateWrite(shard: shard.name, key: Array(key.utf8), value: Array(value.utf8))
      guard let _: StateWriteReply = lab.ask(owner, .shards(.write(write)), within: 10) else {
        throw LabError("\(owner.name) does not take a write to \(shard.name)")
      }
    }
  }

  /// A mesh in which every shard has its owner and its copies. `prepare` is given each member before it starts.
  package func start(
    _ prepare: (Int, Lab.Member) -> Void = { _, _ in }
  ) throws(LabError) -> (lab: Lab, joined: Double, shards: [MapsReply.Shard]) {
    guard nodes >= 3 else { throw LabError("a mesh whose shards survive a crash has at least 3 nodes") }
    say("making a network of \(nodes) hosts ...")
    let lab = try Lab(options)
    try lab.admit(count: nodes - 1)
    for (index, member) in lab.members.enumerated() {
      prepare(index, member)
      try lab.start(member)
    }
    let agreed = lab.agree(on: nodes, among: lab.members, within: 60)
    guard agreed.agreed else {
      let tails = lab.members.filter { !$0.isRunning }.map { "\($0.name): \($0.process?.logTail(lines: 5) ?? "")" }
      throw LabError("no common view: \((agreed.missing + tails).joined(separator: "; "))")
    }
    say("all \(nodes) agree after \(agreed.seconds.shown) s; building, signing and publishing a world ...")
    try lab.publish(world)
    let published = LabClock.now
    let owned = lab.waitForOwners(copies: min(world.copies, nodes), within: 120)
    guard owned.missing.isEmpty else {
      throw LabError("not everything is owned: \(owned.missing.prefix(5).joined(separator: "; "))")
    }
    say("every shard has an owner and its copies after \((LabClock.now - published).shown) s:")
    say(LabRun.table(owned.shards, lab))
    return (lab, agreed.seconds, owned.shards)
  }

  /// Who owns what, in short.
  static func table(_ shards: [MapsReply.Shard], _ lab: Lab) -> String {
    var lines = ["  host   shards  maps  copies"]
    for member in lab.members {
      let own = shards.filter { $0.owner?.name == member.name }
      let copies = shards.count { shard in shard.copies.contains { $0.name == member.name } }
      let figures = ["\(own.count)", "\(own.reduce(0) { $0 + $1.maps.count })", "\(copies)"]
      let widths = [6, 4, 6]
      let cells = zip(figures, widths).map { String(repeating: " ", count: max(0, $1 - $0.utf8.count)) + $0 }
      lines.append("  " + member.name.padded(to: 7) + cells.joined(separator: "  "))
    }
    return lines.joined(separator: "\n")
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - utf8.count)) }
}

extension Double {
  /// Two decimals.
  package var shown: String {
    let hundredths = Int((self * 100).rounded())
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
  }
}
