import ArgumentParser
import Control

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "What an error code or a setting means; why a map or a host is as it is.",
    discussion: """
        mesh-ctl explain M012
        mesh-ctl explain network.listen
        mesh-ctl explain prontera      ranks, loads, and how it came to its host
        mesh-ctl explain prt-2         what keeps a host from owning maps

      Codes and settings come first, then maps and shards, then hosts. Maps and hosts need this machine's node.
      """, aliases: ["why"])

  @OptionGroup var global: GlobalOptions

  @Argument(help: "An error code (M012, C020), a setting, a map, a shard or a host.")
  var topic: String

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      do throws(Fault) {
        return try Topics.explain(topic, console)
      } catch {
        guard error.code == ErrorCode.unknownTopic.rawValue, !looksLikeCode else { throw error }
        return try explainPlace(console, otherwise: error)
      }
    }
  }

  /// `M999`: nothing that a node would know.
  private var looksLikeCode: Bool {
    topic.utf8.count == 4 && "MmCc".contains(topic.prefix(1)) && UInt16(topic.dropFirst()) != nil
  }

  /// What the node knows by this name: a map, a shard or a host.
  private func explainPlace(_ console: Console, otherwise unknown: Fault) throws(Fault) -> ExitCode {
    var unknown = unknown
    let client: ControlClient
    do throws(Fault) {
      client = try console.connect()
    } catch {
      var told = error
      told.notes += unknown.notes
      told.notes.append("Maps and hosts are known to the node only.")
      throw told
    }
    if let placed = try ask(client) {
      let screen = PlacementScreen(for: console.terminal)
      console.show(
        placed, text: screen.text(placed), plain: PlacementScreen.plain(placed, header: console.wantsHeader),
        verdict: screen.verdict(placed))
      return .ok
    }
    let members: MembersReply = try client.ask(.members)
    let ring: RingReply? = try unless([.noWorld]) { () throws(Fault) in try client.ask(.shards(.ring)) }
    guard let member = members.members.first(where: { $0.id == topic || $0.name == topic }) else {
      unknown.notes.append(
        ring == nil
          ? "No host is called so either, and maps are not known here: no world is active (mesh-ctl world show)."
          : "No map, shard or host is called so either.")
      throw unknown
    }
    let reply = HostExplanation.reply(member, ring)
    let text = "\(reply.message)\n\n\(reply.explanation)\n\nnext: \(reply.command ?? "mesh-ctl members")\n"
    console.show(reply, text: text, plain: reply.plain, verdict: reply.message + "\n")
    return .ok
  }

  private func ask(_ client: ControlClient) throws(Fault) -> PlacementReply? {
    try unless([.noWorld, .mapUnknown]) { () throws(Fault) in try client.ask(.shards(.explain(map: topic))) }
  }

  /// `nil` for the faults that only mean that there is no such thing here.
  private func unless<Value>(_ codes: [ErrorCode], _ body: () throws(Fault) -> Value) throws(Fault) -> Value? {
    do throws(Fault) {
      return try body()
    } catch {
      guard codes.contains(where: { $0.rawValue == error.code }) else { throw error }
      return nil
    }
  }
}

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "The versions of this program and of the node.", discussion: "  mesh-ctl version")

  @OptionGroup var global: GlobalOptions

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let status: StatusReply? = try? console.connect(timeout: .seconds(1)).ask(.status)
      let reply = VersionReply(
        program: ProductVersion.text, control: ControlRequest.version, node: status?.own.version)
      let lines =
        "mesh-ctl \(reply.program), control protocol \(reply.control)\n"
        + (reply.node.map { "mesh-node \($0.printable(limit: 40)) runs here\n" } ?? "")
      console.show(reply, text: lines, plain: lines, verdict: "\(reply.program)\n")
      return .ok
    }
  }
}
