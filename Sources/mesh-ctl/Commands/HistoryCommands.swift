import ArgumentParser
import Control

struct StateHistoryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "The snapshots that this host has of a shard: when, up to which entry, how large.",
    discussion: """
        mesh-ctl state history prontera
        mesh-ctl state history prontera --json

      Each host with a copy keeps its own: the newest two, the last of each hour for a day, the last of each day for a \
      week. `mesh-ctl state restore` on the owner's host goes back to one of its own.
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: "A shard, or a map of it.")
  var shard: String

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let reply: StateHistoryReply = try console.connect().ask(.shards(.history(shard: shard)))
      console.show(
        reply, text: reply.text(for: console.terminal), plain: reply.plain(header: console.wantsHeader),
        verdict: Plural.of(reply.snapshots.count, "snapshot") + "\n")
      if !reply.owner {
        console.say("\(reply.host.shown) does not own \(reply.shard.printable(limit: 31)): mesh-ctl maps")
      }
      return .ok
    }
  }
}

struct StateRestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Put an earlier state of a shard in place, from a snapshot of its owner's host.",
    discussion: """
        mesh-ctl state restore prontera --at 2h --reason "items doubled"
        mesh-ctl state restore prontera --snapshot 412 --dry-run
        mesh-ctl state restore prontera --snapshot 412 --confirm 412-41 --reason "items doubled"

      What was written since is lost to the players. The shard begins a new epoch, and the difference is written in it \
      like any other change: it goes to all copies and can be undone by a later restore. Other writes wait meanwhile. \
      --at takes the last snapshot of then or before. Only at the shard's owner.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var danger: DangerOptions

  @Argument(help: "A shard, or a map of it.")
  var shard: String

  @Option(name: .long, help: ArgumentHelp("As it was then: a time, or how long ago (`2h`).", valueName: "time"))
  var at: Moment?

  @Option(name: .long, help: ArgumentHelp("The number of a snapshot in `state history`.", valueName: "n"))
  var snapshot: UInt64?

  @Option(name: .customLong("for"), help: "How long to wait for the end; then exit code 6, and the restore goes on.")
  var patience: Span?

  func validate() throws {
    guard (at == nil) != (snapshot == nil) else { throw ValidationError("Give either --at or --snapshot.") }
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let client = try console.connect()
      let number = try number(client, console)
      let plan: StateRestoreReply = try client.ask(
        .shards(.restore(StateRestore(shard: shard, snapshot: number))))
      let name = plan.shard.printable(limit: 31)
      let text =
        "restore shard \(name) to snapshot \(plan.snapshot) of \(plan.takenAt)\n"
        + "  as things are now: \(plan.changes); what was written since then is lost\n"
        + "  it begins epoch \(plan.epoch + 1); writes wait until it is done"
      guard
        let reason = try danger.confirmed(
          text, number: plan.plan, sentence: "restore \(name) to \(plan.takenAt)", command: "state restore", console)
      else {
        console.show(plan, text: "nothing was done\n", plain: plan.plain, verdict: "nothing was done\n")
        return .ok
      }
      let reply = try carryOut(plan, reason, console)
      let sentence =
        "\(name) is as it was at \(reply.takenAt): \(reply.changes); epoch \(reply.epoch), sequence \(reply.sequence)\n"
      console.show(reply, text: sentence, plain: reply.plain, verdict: sentence)
      return .ok
    }
  }

  private func number(_ client: ControlClient, _ console: Console) throws(Fault) -> UInt64 {
    if let snapshot { return snapshot }
    let history: StateHistoryReply = try client.ask(.shards(.history(shard: shard)))
    let moment = at?.timestamp(now: console.now) ?? console.now
    guard let found = history.last(before: moment) else {
      throw Fault(
        .snapshotMissing, ["shard": history.shard.printable(limit: 31), "which": "of \(moment) or before"],
        evidence: history.snapshots.last.map { ["the first one is of \($0.takenAt)"] } ?? [])
    }
    return found.snapshot
  }

  private static let standardPatience = Duration.seconds(60)

  private func carryOut(_ plan: StateRestoreReply, _ reason: String, _ console: Console) throws(Fault)
    -> StateRestoreReply
  {
    // The connection may have been closed while the question was read.
    let client = try console.connect()
    try client.send(
      .shards(.restore(StateRestore(shard: shard, snapshot: plan.snapshot, plan: plan.plan, reason: reason))))
    let limit = patience?.duration ?? StateRestoreCommand.standardPatience
    do throws(Fault) {
      guard let reply = try client.next(StateRestoreReply.self, within: limit) else {
        throw Fault(
          .noNode, ["socket": try console.socketPath()],
          evidence: ["the node closed the connection; look at the shard before you do it again"])
      }
      return reply
    } catch {
      guard error.code == ErrorCode.noAnswer.rawValue else { throw error }
      throw Fault(.actionGoesOn, ["action": "restoring \(plan.shard.printable(limit: 31))", "time": limit.shown])
    }
  }
}
