import MeshSim
import Testing
import Wire

/// Copied keys in a mesh so small that the twins share one witness: each of the two processes takes the witness's session
/// from the other, over and over, and hears of the other only through it.
@Suite struct TwinsTests {
  /// Machine 1 lives on a spare machine as well, `later` nanoseconds after its start. Which of the two ended within
  /// `patience`.
  private func ended(
    seed: UInt64, copied later: UInt64, hosts: Int = 2, withDisk: Bool = false,
    within patience: UInt64 = Nanoseconds.seconds(20)
  ) throws -> [Int] {
    var settings = WorldSettings(seed: seed, hosts: hosts)
    settings.spares = 1
    settings.profile = .lanFast
    let simulation = SecureSimulation(secure: settings)
    let world = try #require(simulation)
    for machine in 0..<hosts where machine != 1 {
      world.scheduleStart(machine, through: machine == 0 ? [] : [0], at: Nanoseconds.seconds(1))
    }
    let began = Nanoseconds.seconds(5)
    world.scheduleStart(1, through: [0], at: began)
    world.schedule(withDisk ? .clone(of: 1, on: hosts) : .cloneKeys(of: 1, on: hosts), at: began + later)
    world.run(until: began + later + patience)
    #expect(world.violation == nil, "seed \(seed): \(world.violation.map { "\($0)" } ?? "")")
    let ended = [1, hosts].filter { !world.isRunning($0) }
    // The one that is left goes on: alive for all, in one table.
    world.run(for: Nanoseconds.seconds(20))
    #expect([1, hosts].filter { !world.isRunning($0) } == ended, "seed \(seed): the other one ended too")
    world.expectAgreement("after one of the twins gave way")
    #expect(world.violation == nil, "seed \(seed): \(world.violation.map { "\($0)" } ?? "")")
    return ended
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func theYoungerOfTwoGivesWay(seed: UInt64) throws {
    #expect(try ended(seed: seed, copied: Nanoseconds.seconds(15)) == [2], "seed \(seed)")
  }

  /// Before the first generation is on the disk: both lives have the same.
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func ofTwinsBornAtOnceOneGivesWay(seed: UInt64) throws {
    #expect(try ended(seed: seed, copied: Nanoseconds.milliseconds(1)).count == 1, "seed \(seed)")
  }

  /// The copy begins with the label floor of the original, up to 61 s ahead: the original's handshakes are old news for so
  /// long.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func aCopiedDiskTakesAMinuteMore(seed: UInt64) throws {
    let ended = try ended(
      seed: seed, copied: Nanoseconds.seconds(15), withDisk: true, within: Nanoseconds.seconds(100))
    #expect(ended == [2], "seed \(seed)")
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func alsoAmongMany(seed: UInt64) throws {
    #expect(try ended(seed: seed, copied: Nanoseconds.seconds(15), hosts: 6) == [6], "seed \(seed)")
  }
}
