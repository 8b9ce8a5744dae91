import Foundation
import Fuzz
import Testing
import Wire

/// Every decoder, on the corpus and on seeded mutations of it. Long runs are `bootstrap/fuzz`'s; this keeps what they
/// found from coming back. One target after the other: they share the keys of one small network, and the memory for keys
/// belongs to one thread, as in a node.
@Suite("Decoders", .serialized)
struct FuzzTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "corpus")
  private static let mutations = 400

  /// Inputs that fuzzing found worth keeping, and those that once crashed.
  private static func corpus(_ target: FuzzTarget) throws -> [[UInt8]] {
    let folder = folder.appending(path: target.rawValue)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted()
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

  /// A target that is renamed or new must not lose its inputs unnoticed.
  @Test("each target has a folder of inputs, and each folder is a target's")
  func foldersAreTargets() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: FuzzTests.folder.path())
    #expect(folders.sorted() == FuzzTarget.allCases.map(\.rawValue).sorted())
    for target in FuzzTarget.allCases { #expect(try !FuzzTests.corpus(target).isEmpty, "\(target.rawValue)") }
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
