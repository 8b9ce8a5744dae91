import MeshSim
import NodeCore
import Testing

/// Mistakes where the parts of a node meet, made on purpose: worlds of whole nodes must find each, and be clean without.
@Suite struct JointBugTests {
  struct Bug: Sendable, CustomTestStringConvertible {
    let name: String
    let sabotage: Sabotage
    var attempts: UInt64 = 25

    var testDescription: String { name }
  }

  static let ofTheShell: [Bug] = [
    Bug(name: "the log is not synced", sabotage: Sabotage(shell: .logNotSynced)),
    Bug(name: "the last segment is not read", sabotage: Sabotage(shell: .lastSegmentUnread)),
    Bug(name: "a store is born again", sabotage: Sabotage(shell: .storeBornAgain)),
  ]

  static let ofTheCore: [Bug] = [
    Bug(name: "lives are not told", sabotage: Sabotage(joints: .livesNotTold)),
    Bug(name: "the directory is not placed", sabotage: Sabotage(joints: .directoryNotPlaced)),
  ]

  @Test(arguments: ofTheShell)
  func theChecksFind(bug: Bug) { find(bug) }

  @Test(
    .enabled(if: Sabotage.reachesTheCore, "rules of the core can be broken with MESH_PLANTED_BUGS=1 only"),
    arguments: ofTheCore)
  func theChecksFind(bugOfTheCore bug: Bug) { find(bug) }

  private func find(_ bug: Bug) {
    for seed in 1...bug.attempts {
      guard let violation = MeshSoak.run(seed: seed, sabotage: bug.sabotage).violation else { continue }
      let clean = MeshSoak.run(seed: seed).violation
      #expect(clean == nil, "without '\(bug.name)' world \(seed) is not clean: \(clean.map { "\($0)" } ?? "")")
      print("'\(bug.name)' found in world \(seed) by check \(violation.check) (\(violation.name))")
      return
    }
    Issue.record("no check found '\(bug.name)' in \(bug.attempts) worlds")
  }
}
