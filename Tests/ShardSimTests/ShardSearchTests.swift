import MapShard
import ShardSim
import Testing

/// Every order of messages, deadlines, syncs and faults in a small world.
@Suite struct ShardSearchTests {
  @Test(arguments: ShardSearch.Setting.all.map(\.name))
  func noOrderBreaksARule(name: String) throws {
    let setting = try #require(ShardSearch.Setting.all.first { $0.name == name })
    let result = ShardSearch.run(setting, limit: 250_000)
    print("search \(name): \(result.states) states, \(result.transitions) transitions, depth \(setting.depth)")
    #expect(result.violation == nil, "\(result.violation?.summary ?? "") after \(result.path)")
    #expect(result.states > 100)
  }
}
