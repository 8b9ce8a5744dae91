import ArgumentParser
import Control
import KeyStore
import MapShard
import SecureChannel
import Wire

struct TakeoverCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "takeover",
    abstract: "What is left of a shard whose hosts are gone, and the order that another host takes it.",
    discussion: """
        mesh-ctl takeover prontera                       what each host has; changes nothing
        mesh-ctl takeover prontera --unclean --dry-run
        mesh-ctl takeover prontera --unclean --host pay-1 --reason "gef-2 burnt down"

      Takeovers that lose nothing happen by themselves. --unclean is for a shard whose in-sync hosts are all gone for \
      good: what the chosen host does not have is lost, even if it was acknowledged. Needs the operator's key, and a \
      voter that answers. Only at a voter's node, or where a copy is.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var operatorOptions: OperatorOptions
  @OptionGroup var danger: DangerOptions

  @Argument(help: ArgumentHelp("A map or a shard.", valueName: "map"))
  var map: String

  @Flag(name: .long, help: "Give the order, past the rules.")
  var unclean = false

  @Option(
    name: .customLong("host"),
    help: ArgumentHelp("Who takes it (default: from whom least is lost).", valueName: "host"))
  var host: String?

  /// The node waits for the register.
  private static let patience = Duration.seconds(30)

  func validate() throws {
    guard unclean || (host == nil && danger.confirm == nil && danger.reason == nil) else {
      throw ValidationError("--host, --confirm and --reason go with --unclean.")
    }
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let left: TakeoverReply = try console.connect(timeout: TakeoverCommand.patience).ask(.word(.takeover(map: map)))
      guard unclean else {
        console.show(
          left, text: left.text(for: console.terminal), plain: left.plain, verdict: left.verdict + "\n")
        return left.state == .acting || left.state == .moving ? .ok : .degraded
      }
      let keyring = try Keyring(console)
      let network = try keyring.files.network()
      let taker = try choose(left)
      let plan = plan(left, taker)
      let sentence = "lose what \(taker.host.shown) does not have"
      guard let reason = try danger.confirmed(plan, sentence: sentence, command: "takeover", console) else {
        console.show(left, text: "nothing was done\n", plain: left.plain, verdict: "nothing was done\n")
        return .ok
      }
      guard let shard = HostID(left.id), let host = HostID(taker.host.id) else {
        throw Fault(.badReply, ["socket": "the node", "reason": "an id is not one"])
      }
      let order = UncleanOrder(shard: ShardID(rawValue: shard.rawValue), version: left.version, host: host)
      let signed = try keyring.withOperator(operatorOptions, of: network, command: "takeover", console) { signer in
        order.signed(order.signedBytes().withUnsafeBytes { signer.sign(domain: OperatorSigner.orderDomain, $0) })
      }
      // The connection may have been closed while the passphrase was typed.
      let reply: TakeoverReply = try console.connect(timeout: TakeoverCommand.patience).ask(
        .word(.takeUncleanly(map: map, signed: signed, reason: reason)))
      let text = "\(reply.shard.printable(limit: 31)) is owned by \(taker.host.shown) (epoch \(reply.epoch))\n"
      console.show(reply, text: text, plain: reply.plain, verdict: text)
      return .ok
    }
  }

  private func choose(_ left: TakeoverReply) throws(Fault) -> TakeoverReply.Copy {
    func refused(_ reason: String) -> Fault {
      Fault(.takeoverRefused, ["shard": left.shard.printable(limit: 31), "reason": reason])
    }
    guard left.version > 0 else { throw refused("no host has ever owned it, so nothing is lost by waiting") }
    guard left.state != .acting, left.state != .moving else { throw refused("its owner acts") }
    if let living = left.copies.first(where: { $0.state == .inSync }) {
      throw refused("\(living.host.shown) is in sync and alive: with a voter it goes on by itself, and nothing is lost")
    }
    let taker: TakeoverReply.Copy
    if let host {
      guard let found = left.copies.first(where: { $0.host.id == host || $0.host.name == host }) else {
        throw refused("\(host.printable(limit: 40)) has nothing of it")
      }
      taker = found
    } else {
      guard let best = left.best else { throw refused("no host that answers has anything of it") }
      taker = best
    }
    guard taker.state != .silent else { throw refused("\(taker.host.shown) does not answer") }
    guard taker.current else {
      throw refused("\(taker.host.shown) does not know the newest record yet; ask again in a few seconds")
    }
    return taker
  }

  private func plan(_ left: TakeoverReply, _ taker: TakeoverReply.Copy) -> String {
    let name = taker.host.shown
    var text = "\(name) takes shard \(left.shard.printable(limit: 31)) (\(Plural.of(left.maps.count, "map"))), "
    text += "past the rules (record \(left.version), epoch \(left.epoch))"
    text += "\n  \(name) has it up to sequence \(taker.sequence) of epoch \(taker.epoch)"
    if taker.state == .damaged { text += ", and its log is damaged: entries may be missing before that" }
    if taker.state == .empty { text += ": nothing" }
    let better = left.copies.filter { ($0.epoch, $0.sequence) > (taker.epoch, taker.sequence) }
    if let most = better.max(by: { ($0.epoch, $0.sequence) < ($1.epoch, $1.sequence) }) {
      text += "\n  \(most.host.shown) has more: up to sequence \(most.sequence) of epoch \(most.epoch)"
      if most.epoch == taker.epoch {
        text += "; \(Plural.of(Int(clamping: most.sequence &- taker.sequence), "entry", "entries")) less here"
      }
    }
    let silent = left.copies.filter { $0.member && $0.state == .silent }.map(\.host.shown)
    if !silent.isEmpty {
      text += "\n  \(silent.joined(separator: ", ")): no answer; what they have beyond that is lost, also what was"
      text += " acknowledged, and their copies are overwritten when they come back"
    }
    return text
  }
}
