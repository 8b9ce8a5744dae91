import ArgumentParser
import Control
import Glibc

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Is everything well? One sentence, then the figures and what is wrong.",
    discussion: "Exit code 0 = OK, 3 = degraded, 4 = unhealthy.\n\n  mesh-ctl status\n  mesh-ctl status -q --exit-zero")

  @OptionGroup var global: GlobalOptions

  @Flag(name: .long, help: "Exit with 0 whatever the verdict is.")
  var exitZero = false

  @Option(name: .long, help: ArgumentHelp("Wait until this holds, at most for --for.", valueName: "member|healthy"))
  var wait: Awaited?

  @Option(name: .customLong("for"), help: "With --wait: how long.")
  var patience: Span = Span(.seconds(30))

  enum Awaited: String, CaseIterable, ExpressibleByArgument {
    case member, healthy

    func holds(_ status: StatusReply) -> Bool {
      switch self {
      case .member: status.own.state == .member || status.own.state == .alone
      case .healthy: status.verdict.health == .ok
      }
    }
  }

  func run() throws {
    try Console.run(global, canWatch: true) { console throws(Fault) in
      if let wait { try waitUntil(wait, console) }
      let code = try console.repeating { () throws(Fault) in try StatusCommand.show(console) }
      return exitZero ? .ok : code
    }
  }

  static func show(_ console: Console) throws(Fault) -> ExitCode {
    let reply: StatusReply = try console.connect().ask(.status)
    console.show(
      reply, text: StatusScreen.text(reply, for: console.terminal), plain: StatusScreen.plain(reply),
      verdict: StatusScreen.verdict(reply, for: console.terminal))
    return reply.verdict.health.exitCode
  }

  /// Looks five times a second; a node that is not up yet is waited for.
  private func waitUntil(_ wanted: Awaited, _ console: Console) throws(Fault) {
    let limit = ContinuousClock.now + patience.duration
    while true {
      if let reply: StatusReply = try? console.connect().ask(.status), wanted.holds(reply) { return }
      guard ContinuousClock.now < limit else {
        throw Fault(.timeOut, ["what": wanted.rawValue, "time": patience.duration.shown])
      }
      usleep(200_000)
    }
  }
}

struct MembersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "members", abstract: "All hosts that this node knows, worst first.",
    discussion: "  mesh-ctl members --state dead --state suspect\n  mesh-ctl members --name 'prt-*' --json",
    aliases: ["hosts"])

  @OptionGroup var global: GlobalOptions

  @Option(
    name: .long,
    help: ArgumentHelp("Only hosts in this state; may be repeated.", valueName: "alive|suspect|dead|left|revoked"))
  var state: [MemberState] = []

  @Option(
    name: .long,
    help: ArgumentHelp("Only hosts with this role; may be repeated.", valueName: "host|bridge|observer|home|door"))
  var role: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Only hosts with this name or id; `*` stands for anything; may be repeated.", valueName: "pattern"))
  var name: [String] = []

  func validate() throws {
    for word in role where !["host", "bridge", "observer", "home", "door"].contains(word) {
      throw ValidationError("`\(word)` is no role; roles are host, bridge, observer, home and door.")
    }
  }

  func run() throws {
    try Console.run(global, canWatch: true) { console throws(Fault) in
      try console.repeating { () throws(Fault) in
        var reply: MembersReply = try console.connect().ask(.members)
        let filter = MemberFilter(states: state, roles: role, names: name)
        // The verdict is about the mesh, not about the filter.
        let verdict = MembersScreen.verdict(reply, for: console.terminal)
        let text = MembersScreen.text(reply, filter: filter, for: console.terminal)
        reply.members.removeAll { !filter.matches($0) }
        console.show(
          reply, text: text, plain: MembersScreen.plain(reply, header: console.wantsHeader), verdict: verdict)
        return .ok
      }
    }
  }
}

extension MemberState: ExpressibleByArgument {}

struct EventsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "What happened, oldest first.",
    discussion: "  mesh-ctl events --since 10m\n  mesh-ctl events -f --json")

  @OptionGroup var global: GlobalOptions

  @Flag(name: [.customShort("f"), .long], help: "Go on with every later event; Ctrl-C ends.")
  var follow = false

  @Option(
    name: .long,
    help: ArgumentHelp("Only since then: a span (10m) or a time (2026-05-04T20:14:03Z).", valueName: "when"))
  var since: Moment?

  @Option(name: .long, help: "At most so many of the past.")
  var limit: Int = EventsQuery.limitDefault

  func validate() throws {
    guard (1...EventsQuery.limitMaximum).contains(limit) else {
      throw ValidationError("--limit is 1 to \(EventsQuery.limitMaximum), as many as a node keeps.")
    }
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let query = EventsQuery(since: since?.timestamp(now: console.now), limit: limit, follow: follow)
      let client = try console.connect()
      try client.send(.events(query))
      var screen = EventsScreen(for: console.terminal)
      var patience: Duration? = global.timeout.duration
      var header = console.wantsHeader
      while let reply = try client.next(EventsReply.self, within: patience) {
        console.show(
          reply, text: screen.text(reply), plain: EventsScreen.plain(reply, header: header),
          verdict: "\(Plural.of(reply.events.count, "event"))\n", ends: !follow)
        guard follow else { return .ok }
        patience = nil
        header = false
      }
      throw Fault(.noNode, ["socket": try console.socketPath()], evidence: ["the node closed the connection"])
    }
  }
}

struct LeaveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "leave", abstract: "This host says goodbye and its node ends; it may come back at any time.",
    discussion: "  mesh-ctl leave")

  @OptionGroup var global: GlobalOptions

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let client = try console.connect()
      try client.send(.leave)
      guard var reply = try client.next(LeaveReply.self, within: global.timeout.duration) else {
        throw Fault(.noNode, ["socket": try console.socketPath()], evidence: ["the node closed the connection"])
      }
      if reply.state == .leaving {
        console.say("leaving ...")
        let limit = Duration.seconds(min(max(reply.drainSeconds, 0), 3_600)) + global.timeout.duration
        do throws(Fault) {
          // A node that is gone has left, whether or not its last line came through.
          reply =
            try client.next(LeaveReply.self, within: limit)
            ?? LeaveReply(at: console.now, state: .left, drainSeconds: 0)
        } catch {
          guard error.code == ErrorCode.noAnswer.rawValue else { throw error }
          throw Fault(.actionGoesOn, ["action": "leaving", "time": limit.shown])
        }
      }
      console.show(reply, text: "left\n", plain: "left\n", verdict: "left\n")
      return .ok
    }
  }
}
