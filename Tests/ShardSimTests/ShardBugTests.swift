import MapShard
import ShardSim
import Testing

/// Rules broken on purpose, one at a time: each must be found by the checks.
@Suite struct ShardBugTests {
  struct Planted: Sendable, CustomTestStringConvertible {
    let name: String
    let bug: ShardBugs
    var testDescription: String { name }
  }

  static let all = ShardBugs.all.map { Planted(name: $0.name, bug: $0.bug) }

  @Test(
    .enabled(if: ShardSettings.canBeBroken, "rules can be broken with MESH_PLANTED_BUGS=1 only"), arguments: all)
  func theChecksFind(planted: Planted) {
    let found = ShardBugHunt.find(planted.bug)
    #expect(found != nil, "\(planted.name) was not found")
    if let found { print("planted \(planted.name): \(found)") }
  }
}
