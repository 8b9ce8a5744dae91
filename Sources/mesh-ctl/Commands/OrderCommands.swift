import ArgumentParser
import Control

/// What orders that move players share: they show what they will do and ask.
struct OrderOptions: ParsableArguments {
  @Flag(name: [.customShort("y"), .long], help: "Do not ask.")
  var yes = false

  @Flag(name: .long, help: "Show what would be done, and do nothing.")
  var dryRun = false

  /// `false`: it was only to be shown.
  func confirm(_ plan: String, command: String, _ console: Console) throws(Fault) -> Bool {
    if dryRun {
      console.say(plan)
      return false
    }
    if yes { return true }
    guard console.mayAsk else { throw Fault(.confirmationMissing, ["flag": "give -y", "command": command]) }
    console.say(plan)
    let answer = try console.ask("Go on? y or anything else: ", orGive: "-y", command: command)
    guard answer == "y" || answer == "yes" else { throw Fault(.orderNotConfirmed) }
    return true
  }
}

/// Who is who, as the node that takes an order sees it.
private struct OrderScene {
  let ring: RingReply
  let members: [MemberReport]
  let own: MemberReport

  init(_ client: ControlClient) throws(Fault) {
    ring = try client.ask(.shards(.ring))
    members = (try client.ask(.members) as MembersReply).members
    guard let own = members.first(where: \.isSelf) else {
      throw Fault(.badReply, ["socket": "the node", "reason": "it is not among its own members"])
    }
    self.own = own
  }

  func member(_ name: String) throws(Fault) -> MemberReport {
    let found = members.filter { $0.id == name || $0.name == name }
    guard let member = found.first, found.count == 1 else {
      throw Fault(
        .hostUnknown, ["name": name.printable(limit: 40)], evidence: found.map { "\($0.id) is called so" })
    }
    return member
  }

  func part(of member: MemberReport) -> RingReply.Host? { ring.hosts.first { $0.host.id == member.id } }

  /// Orders about others are taken by the steward; told before anything is asked.
  func requireSteward() throws(Fault) {
    guard let steward = ring.steward, steward.id != own.id else { return }
    throw Fault(.notSteward, ["steward": steward.shown])
  }
}

struct DrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain", abstract: "Move everything away from a host and keep it empty, for instance to mend it.",
    discussion: """
        mesh-ctl drain                this machine
        mesh-ctl drain prt-2 -y       another one; only at the steward
        mesh-ctl drain prt-2 --dry-run

      Shows what it will do and asks. Shards move one after the other; nothing is lost. Ctrl-C ends the watching, not \
      the drain; `mesh-ctl undrain` ends it. `mesh-ctl ring` names the steward.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var order: OrderOptions

  @Argument(help: ArgumentHelp("Name or id of a host (default: this one).", valueName: "host"))
  var host: String?

  @Flag(name: .long, help: "Give the order and do not wait until the host is empty.")
  var detach = false

  @Option(name: .customLong("for"), help: "How long to watch; then exit code 6, and the drain goes on.")
  var patience: Span?

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let client = try console.connect()
      let scene = try OrderScene(client)
      let target = try host.map { name throws(Fault) in try scene.member(name) } ?? scene.own
      if !target.isSelf { try scene.requireSteward() }
      guard try order.confirm(plan(target, scene), command: "drain", console) else {
        let part = scene.part(of: target)
        let reply = DrainReply(
          at: console.now, host: target.host, draining: part?.draining ?? false, shards: part?.shards ?? 0,
          copies: part?.copies ?? 0, shardsBefore: part?.shards ?? 0, copiesBefore: part?.copies ?? 0, done: false)
        show(reply, "nothing was done\n", console)
        return .ok
      }
      // The connection may have been closed while the question was read.
      return try carryOut(target, try console.connect(), console)
    }
  }

  private func plan(_ target: MemberReport, _ scene: OrderScene) -> String {
    let part = scene.part(of: target)
    let name = target.host.shown
    var text = "Drain \(name)"
    if let part, part.shards + part.copies > 0 {
      text += ": \(Plural.of(part.shards, "shard")) (\(Plural.of(part.maps, "map"))) and "
      text += "\(Plural.of(part.copies, "copy", "copies")) go to other hosts,\n"
      text += "  and it gets nothing until it is undrained"
    } else {
      text += ": it has no shards, and gets none until it is undrained"
    }
    let others = scene.ring.hosts.filter { $0.host.id != target.id && $0.unfit == nil && !$0.draining }
    if others.isEmpty {
      text += "\n  no other host may own maps now: they stay until there is one"
    } else if scene.ring.maxOverMean != nil {
      text += "\n  hosts that may take them: \(others.map(\.host.shown).joined(separator: " "))"
    } else if let steward = scene.ring.steward {
      text += "\n  where they go is decided by \(steward.shown)"
    }
    return text
  }

  private func carryOut(_ target: MemberReport, _ client: ControlClient, _ console: Console) throws(Fault) -> ExitCode {
    try client.send(.shards(.drain(host: target.isSelf ? nil : target.id)))
    let watch = DrainWatch(console, patience: detach ? .zero : patience?.duration)
    let reply = try watch.follow(client, until: global.timeout.duration)
    guard let reply else {
      throw Fault(
        .actionGoesOn, ["action": "draining \(target.host.shown)", "time": (patience?.duration ?? .zero).shown])
    }
    let name = reply.host.shown
    let sentence =
      reply.done
      ? "\(name) is empty and gets nothing until it is undrained\n"
      : "\(name) is being drained: \(Plural.of(reply.shards, "shard")) and \(Plural.of(reply.copies, "copy", "copies")) are there\n"
    show(reply, sentence, console)
    return .ok
  }

  private func show(_ reply: DrainReply, _ sentence: String, _ console: Console) {
    console.show(reply, text: sentence, plain: reply.plain, verdict: sentence)
  }
}

struct UndrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "undrain", abstract: "A drained host gets shards and copies again.",
    discussion: """
        mesh-ctl undrain
        mesh-ctl undrain prt-2
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("Name or id of a host (default: this one).", valueName: "host"))
  var host: String?

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let reply: DrainReply = try console.connect().ask(.shards(.undrain(host: host)))
      let sentence = "\(reply.host.shown) gets shards again\n"
      console.show(reply, text: sentence, plain: reply.plain, verdict: sentence)
      return .ok
    }
  }
}

struct PinCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pin", abstract: "Keep the shard of a map on one host, as long as that host may own it.",
    discussion: """
        mesh-ctl pin prontera prt-1
        mesh-ctl pin prontera prt-1 -y

      All maps of the shard come along. When the host dies or becomes unfit another one takes over; the shard goes back \
      when it can. Only at the steward (see `mesh-ctl ring`). Asks when the shard has to move.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var order: OrderOptions

  @Argument(help: ArgumentHelp("A map or a shard.", valueName: "map"))
  var map: String

  @Argument(help: ArgumentHelp("Name or id of the host.", valueName: "host"))
  var host: String

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let client = try console.connect()
      let placed: PlacementReply = try client.ask(.shards(.explain(map: map)))
      let scene = try OrderScene(client)
      let target = try scene.member(host)
      try scene.requireSteward()
      let isThere = placed.shard.owner?.id == target.id
      let plan = plan(placed, target)
      if isThere, !order.dryRun {
        console.say(plan)
      } else if try !order.confirm(plan, command: "pin", console) {
        let shard = placed.shard
        show(
          PinReply(at: console.now, shard: shard.name, maps: shard.maps, host: shard.pinned), "nothing was done\n",
          console)
        return .ok
      }
      let reply: PinReply = try console.connect().ask(.shards(.pin(map: map, host: target.id)))
      show(
        reply, "shard \(reply.shard.printable(limit: 31)) is pinned to \(target.host.shown)\n", console)
      return .ok
    }
  }

  private func plan(_ placed: PlacementReply, _ target: MemberReport) -> String {
    let (shard, name) = (placed.shard, target.host.shown)
    var text = "Pin shard \(shard.name.printable(limit: 31)) (\(Plural.of(shard.maps.count, "map"))) to \(name): "
    if shard.owner?.id == target.id {
      text += "it is there already"
    } else if let owner = shard.owner {
      text += "it moves there from \(owner.shown)"
    } else {
      text += "it has no owner now"
    }
    if let candidate = placed.candidates.first(where: { $0.host.id == target.id }), !candidate.eligible {
      text += "\n  \(name) may not own it now: \(candidate.evidence?.printable(limit: 200) ?? "see mesh-ctl ring")."
      text += " The shard stays where it is until that changes."
    }
    return text
  }

  private func show(_ reply: PinReply, _ sentence: String, _ console: Console) {
    console.show(reply, text: sentence, plain: reply.plain, verdict: sentence)
  }
}

struct UnpinCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unpin", abstract: "Set the shard of a map free again.",
    discussion: """
        mesh-ctl unpin prontera
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("A map or a shard.", valueName: "map"))
  var map: String

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let reply: PinReply = try console.connect().ask(.shards(.unpin(map: map)))
      let sentence = "shard \(reply.shard.printable(limit: 31)) is not pinned\n"
      console.show(reply, text: sentence, plain: reply.plain, verdict: sentence)
      return .ok
    }
  }
}
