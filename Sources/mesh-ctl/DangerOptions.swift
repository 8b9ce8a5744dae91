import ArgumentParser
import Control
import Hashing
import WorldData

/// What orders that can lose data share (`docs/commands.md`): they show what would be lost, want the sentence typed or
/// the number of the plan, and a reason for the audit log.
struct DangerOptions: ParsableArguments {
  @Flag(name: .long, help: "Show what would be done, and do nothing.")
  var dryRun = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Where nobody can be asked: the number of the plan that --dry-run showed.", valueName: "plan"))
  var confirm: String?

  @Option(name: .long, help: ArgumentHelp("Why, for the audit log.", valueName: "text"))
  var reason: String?

  func validate() throws {
    guard let reason else { return }
    guard !reason.isEmpty, reason.count <= ControlRequest.reasonLimit else {
      throw ValidationError("--reason has 1 to \(ControlRequest.reasonLimit) characters.")
    }
  }

  /// A number that changes with everything that the plan says.
  static func number(of plan: String) -> String {
    Array(plan.utf8).withUnsafeBytes { String(Digest(of: $0).hex.prefix(8)) }
  }

  /// `nil`: it was only to be shown; otherwise the reason. `number`: where the node names its plans itself.
  func confirmed(
    _ plan: String, number given: String? = nil, sentence: String, command: String, _ console: Console
  ) throws(Fault) -> String? {
    let number = given ?? DangerOptions.number(of: plan)
    if dryRun {
      console.say("Plan \(number): \(plan)")
      return nil
    }
    guard let reason else {
      throw Fault(.confirmationMissing, ["flag": "give --reason TEXT", "command": command])
    }
    if let confirm {
      guard confirm == number else {
        throw Fault(
          .confirmationWrong, ["expected": number], notes: ["The plan is another one now; look at it with --dry-run."])
      }
      return reason
    }
    guard console.mayAsk else {
      throw Fault(
        .confirmationMissing, ["flag": "give --confirm with the number that --dry-run shows", "command": command])
    }
    console.say("Plan \(number): \(plan)")
    let answer = try console.ask("Type  \(sentence)  to go on: ", orGive: "--confirm \(number)", command: command)
    guard answer == sentence else { throw Fault(.confirmationWrong, ["expected": sentence]) }
    return reason
  }
}
