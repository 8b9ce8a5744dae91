import ArgumentParser
import Control
import KeyStore
import MapShard
import SecureChannel
import Wire
import WorldData

struct VotersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "voters", abstract: "Who keeps the register of shards; name others.",
    discussion: """
        mesh-ctl voters
        mesh-ctl voters set home prt-1 pay-1

      Voters say who owns which shard. Takeovers, moves and new copies need a majority of them.
      """,
    subcommands: [VotersShowCommand.self, VotersSetCommand.self], defaultSubcommand: VotersShowCommand.self)
}

struct VotersShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "The voters, and whether each votes. Exit code 3 when some do not, 4 without majority.",
    discussion: """
        mesh-ctl voters

      Only voters hear how the others stand; elsewhere their state is `unknown` as long as they are alive.
      """)

  @OptionGroup var global: GlobalOptions

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let reply: VotersReply = try console.connect().ask(.word(.voters))
      console.show(
        reply, text: reply.text(for: console.terminal), plain: reply.plain, verdict: reply.verdict + "\n")
      return reply.health.exitCode
    }
  }
}

struct VotersSetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Make, sign and publish the next set of voters.",
    discussion: """
        mesh-ctl voters set home prt-1 pay-1
        mesh-ctl voters set home --dry-run
        mesh-ctl voters set pay-1 --rebuild --reason "home burnt down"

      1, 3 or 5 hosts that do not fail together. The new voters copy the register from a majority of the present ones; \
      play goes on meanwhile. When that majority is lost for good, --rebuild makes the register anew from what the \
      hosts know: every host of a shard must answer, except those that --gone names. Needs the operator's key.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var operatorOptions: OperatorOptions
  @OptionGroup var danger: DangerOptions

  @Argument(
    help: ArgumentHelp(
      "Names or ids; HOST:STORE where the data folder is not known here (`mesh-ctl world show` there has it).",
      valueName: "host"))
  var hosts: [String]

  @Flag(name: [.customShort("y"), .long], help: "Do not ask (not with --rebuild).")
  var yes = false

  @Flag(name: .long, help: "The majority of the present voters is lost for good: make the register anew.")
  var rebuild = false

  @Option(
    name: .long,
    help: ArgumentHelp("With --rebuild: this host will never answer again; may be repeated.", valueName: "host"))
  var gone: [String] = []

  func validate() throws {
    guard World.voterCounts.contains(hosts.count) else { throw ValidationError("1, 3 or 5 voters.") }
    guard rebuild || gone.isEmpty else { throw ValidationError("--gone goes with --rebuild.") }
    guard gone.count <= 16 else { throw ValidationError("At most 16 --gone.") }
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let keyring = try Keyring(console)
      let network = try keyring.files.network()
      let client = try console.connect()
      let before: VotersReply = try client.ask(.word(.voters))
      let members = (try client.ask(.members) as MembersReply).members
      let set = try next(before, members)
      let plan = plan(set, before, members)
      guard let reason = try confirmed(plan, console) else {
        console.show(
          before, text: "nothing was done\n", plain: before.plain, verdict: "nothing was done\n")
        return .ok
      }
      let signed = try keyring.withOperator(operatorOptions, of: network, command: "voters set", console) { signer in
        set.signed(set.signedBytes().withUnsafeBytes { signer.sign(domain: OperatorSigner.orderDomain, $0) })
      }
      // The connection may have been closed while the passphrase was typed.
      let reply: VotersReply = try console.connect().ask(.word(.adoptVoters(signed: signed, reason: reason)))
      console.say("next: mesh-ctl voters        until all vote")
      let sentence = "set \(set.number) of voters is published\n"
      console.show(reply, text: sentence, plain: reply.plain, verdict: sentence)
      return .ok
    }
  }

  private func next(_ before: VotersReply, _ members: [MemberReport]) throws(Fault) -> VoterSetDescription {
    guard before.number > 0 else {
      throw Fault(.votersRefused, ["reason": "this host knows no set yet; the active world has the first one"])
    }
    let seats = try hosts.map { text throws(Fault) in try seat(text, before) }
    let previous = before.voters.compactMap { WorldVoter($0.seat) }.map { VoterSeat(host: $0.host, store: $0.store) }
    guard previous.count == before.voters.count else {
      throw Fault(.badReply, ["socket": "the node", "reason": "a seat is not host:store"])
    }
    let isGone = try gone.map { name throws(Fault) in try host(name, members) }
    let set = VoterSetDescription(
      number: before.number + 1, voters: seats, previous: previous, isRebuild: rebuild, gone: isGone)
    guard set.isWellFormed else { throw Fault(.votersRefused, ["reason": "a host is named twice"]) }
    guard rebuild || seats != previous else {
      throw Fault(.votersRefused, ["reason": "these are the voters already"])
    }
    if rebuild, before.hasMajority {
      throw Fault(
        .votersRefused,
        ["reason": "a majority of the voters may answer, and has the register: name the others without --rebuild"])
    }
    if !rebuild, !before.hasMajority {
      throw Fault(
        .votersRefused, ["reason": "no majority of the present voters can give the register to others"],
        evidence: before.missing.map { "\($0.host.shown): \($0.state.rawValue)" },
        notes: ["Start their nodes. Only if their data folders are lost for good: --rebuild."])
    }
    return set
  }

  private func seat(_ text: String, _ before: VotersReply) throws(Fault) -> VoterSeat {
    if let voter = WorldVoter(text) { return VoterSeat(host: voter.host, store: voter.store) }
    let found = before.candidates.filter { $0.host.id == text || $0.host.name == text }
    guard found.count == 1, let voter = found.first.flatMap({ WorldVoter($0.seat) }) else {
      throw Fault(
        .hostUnknown, ["name": text.printable(limit: 40)],
        notes: [
          "The data folder of a voter must be known: ask a voter's node, or give HOST:STORE (mesh-ctl world show)."
        ])
    }
    return VoterSeat(host: voter.host, store: voter.store)
  }

  private func host(_ text: String, _ members: [MemberReport]) throws(Fault) -> HostID {
    let found = members.filter { $0.id == text || $0.name == text }
    guard found.count == 1, let host = found.first.flatMap({ HostID($0.id) }) ?? HostID(text) else {
      throw Fault(.hostUnknown, ["name": text.printable(limit: 40)])
    }
    return host
  }

  private func plan(_ set: VoterSetDescription, _ before: VotersReply, _ members: [MemberReport]) -> String {
    func name(_ seat: VoterSeat) -> String {
      members.first { $0.id == seat.host.description }?.host.shown ?? seat.host.description
    }
    var text = "voters of set \(set.number): \(set.voters.map(name).joined(separator: " "))"
    text += " instead of \(before.voters.map(\.host.shown).joined(separator: " "))"
    if set.isRebuild {
      text += "\n  the register is made anew from what hosts know; what only the lost voters knew is gone"
      if !gone.isEmpty {
        text += "\n  nobody waits for \(gone.joined(separator: " ")): copies that only they have are lost"
      }
      text += "\n  a lost voter must never run again with its old data folder"
    } else {
      text += "\n  they copy the register from a majority of the present voters; play goes on"
      text +=
        "\n  with \(Plural.of(set.voters.count, "voter")) the mesh bears the loss of \((set.voters.count - 1) / 2)"
    }
    let states = set.voters.compactMap { seat in members.first { $0.id == seat.host.description } }
    let absent = states.filter { $0.state != .alive }
    if !absent.isEmpty {
      text += "\n  not alive now: \(absent.map(\.host.shown).joined(separator: " "))"
    }
    return text
  }

  /// `nil`: it was only to be shown. A change that loses nothing is confirmed with `y`.
  private func confirmed(_ plan: String, _ console: Console) throws(Fault) -> String? {
    if rebuild {
      return try danger.confirmed(
        plan, sentence: "rebuild the register", command: "voters set", console)
    }
    var order = OrderOptions()
    order.yes = yes
    order.dryRun = danger.dryRun
    return try order.confirm("Plan: " + plan, command: "voters set", console) ? danger.reason ?? "" : nil
  }
}
