import ArgumentParser
import ShardSim

struct SearchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Tries every order of messages, deadlines, syncs and faults in a world of three hosts with one shard.",
    discussion: "One voter, from a settled state, up to a number of steps and a budget of each fault.")

  @Option(
    help: "One setting by its name; all without it: \(ShardSearch.Setting.all.map(\.name).joined(separator: ", ")).")
  var setting: String?

  @Option(help: "More steps than the setting has.")
  var deeper = 0

  @Option(help: "Transitions after which a setting is given up.")
  var limit = 20_000_000

  func validate() throws {
    if let setting, !ShardSearch.Setting.all.contains(where: { $0.name == setting }) {
      throw ValidationError("there is no setting '\(setting)'")
    }
    if !(0...100).contains(deeper) { throw ValidationError("--deeper must be 0 to 100") }
  }

  func run() throws {
    var hasFailed = false
    for var one in ShardSearch.Setting.all where setting == nil || one.name == setting {
      one.depth += deeper
      let clock = ContinuousClock()
      let began = clock.now
      let result = ShardSearch.run(one, limit: limit)
      let took = Double((clock.now - began) / .milliseconds(1)) / 1_000
      print(
        "\(padded(one.name, to: 22)) \(result.states) states, \(result.transitions) transitions, depth \(one.depth)"
          + "\(result.isComplete ? "" : " (given up)"), \(shortNumber(took)) s")
      if let violation = result.violation {
        hasFailed = true
        complain("\(violation.summary)")
        for step in result.path { complain("  \(step)") }
      }
    }
    if hasFailed { throw ExitCode(1) }
  }
}
