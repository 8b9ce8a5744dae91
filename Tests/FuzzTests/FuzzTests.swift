import Foundation
import Fuzz
import Testing
import Wire

/// Every decoder, on the corpus and on seeded mutations of it. Long runs are `bootstrap/fuzz`'s; this keeps what they
/// found from coming back.
@Suite("Decoders")
struct FuzzTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "corpus")
  private static let mutations = 400

  /// Inputs that fuzzing found worth keeping, and those that once crashed.
  private static func corpus(_ target: FuzzTarget) throws -> [[UInt8]] {
    let folder = folder.appending(path: target.rawValue)
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted()) ?? []
    return try files.map { [UInt8](try Data(contentsOf: folder.appending(path: $0))) }
  }

  @Test("no input traps, hangs or is answered to a stranger", arguments: FuzzTarget.allCases)
  func decode(target: FuzzTarget) throws {
    let inputs = try FuzzSeeds.inputs(for: target) + FuzzTests.corpus(target)
    #expect(!inputs.isEmpty, "no inputs for \(target.rawValue)")
    var chance = Chance(seed: 20_261_124)
    for input in inputs { input.withUnsafeBytes { target.run($0) } }
    for _ in 0..<FuzzTests.mutations {
      var input = inputs[chance.below(inputs.count)]
      for _ in 0...chance.below(4) { FuzzTests.mutate(&input, &chance) }
      input.withUnsafeBytes { target.run($0) }
    }
  }

  /// `MESH_WRITE_SEEDS=FOLDER` writes the seeds there, for libFuzzer to begin with.
  @Test(
    "seeds can be written", .enabled(if: ProcessInfo.processInfo.environment["MESH_WRITE_SEEDS"] != nil),
    arguments: FuzzTarget.allCases)
  func writeSeeds(target: FuzzTarget) throws {
    let folder = URL(filePath: try #require(ProcessInfo.processInfo.environment["MESH_WRITE_SEEDS"]))
      .appending(path: target.rawValue)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (index, input) in FuzzSeeds.inputs(for: target).enumerated() {
      try Data(input).write(to: folder.appending(path: "seed-\(index)"))
    }
  }

  private static func mutate(_ input: inout [UInt8], _ chance: inout Chance) {
    let byte = UInt8(truncatingIfNeeded: chance.next())
    switch chance.below(6) {
    case 0 where !input.isEmpty: input[chance.below(input.count)] ^= 1 << (byte & 7)
    case 1 where !input.isEmpty: input[chance.below(input.count)] = byte
    case 2 where !input.isEmpty: input.removeLast(1 + chance.below(input.count))
    case 3: input.insert(byte, at: chance.below(input.count + 1))
    case 4 where !input.isEmpty:
      let start = chance.below(input.count)
      input.append(contentsOf: input[start..<min(input.count, start + 64)])
    default: input.append(contentsOf: (0..<8).map { _ in UInt8(truncatingIfNeeded: chance.next()) })
    }
  }
}
