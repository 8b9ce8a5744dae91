/// A check that failed: what, when, where, and how to see it again.
package struct Violation: Sendable {
  /// Number in `gossip.md` 5.10.
  package let check: Int
  package let name: String
  package let text: String
  /// World time in nanoseconds.
  package let at: UInt64
  package let machine: Int?
  package var seed: UInt64
  /// The last lines of the machines that matter.
  package var lines: [String] = []
  /// A command that shows it again.
  package var replay = ""
}

extension Violation: CustomStringConvertible {
  package var description: String {
    var all = ["check \(check) (\(name)) failed at \(seconds(at)) s, seed \(seed): \(text)"]
    all += lines.map { "  \($0)" }
    if !replay.isEmpty { all.append("replay: \(replay)") }
    return all.joined(separator: "\n")
  }
}

extension Violation {
  /// One line: what failed and how to see it again.
  package var summary: String {
    "check \(check) (\(name)) at \(seconds(at)) s, seed \(seed): \(text)"
      + (replay.isEmpty ? "" : "; replay: \(replay)")
  }
}
