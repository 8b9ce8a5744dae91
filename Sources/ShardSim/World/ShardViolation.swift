/// An invariant that failed: which, when, where, and how to see it again.
package struct ShardViolation: Sendable, CustomStringConvertible {
  package let rule: ShardRule
  package let text: String
  /// World time in nanoseconds.
  package let at: UInt64
  package let host: Int?
  /// A command that shows it again.
  package var replay = ""
  /// The last lines of the trace, when the world was narrated.
  package var lines: [String] = []

  /// One line: what failed and how to see it again.
  package var summary: String {
    "\(rule.rawValue) at \(seconds(at)) s\(host.map { ", host \($0)" } ?? ""): \(text)"
      + (replay.isEmpty ? "" : "; replay: \(replay)")
  }

  package var description: String { ([summary] + lines.map { "  \($0)" }).joined(separator: "\n") }
}

/// What must hold (E11 of the ownership protocol).
package enum ShardRule: String, Sendable, CaseIterable {
  /// P1: at most one host acts, in true time.
  case oneActs = "P1 one host acts"
  /// P2: the acknowledged log never forks, loses or reorders.
  case acknowledgedStays = "P2 acknowledged stays"
  /// P3: no acknowledgement at an old reign after one at a newer.
  case acknowledgedInOrder = "P3 reigns in order"
  /// P4: every live in-sync member holds all acknowledged entries.
  case membersHold = "P4 members hold"
  /// P4 for critical entries, on the disks.
  case disksHold = "P4 disks hold"
  /// LM: equal (epoch, sequence) means equal prefix.
  case logsMatch = "LM logs match"
  /// V: voters down, owner and members alive: the owner acts.
  case playGoesOn = "V play goes on"
  /// (a) no effect without `act`.
  case effectsNeedAct = "effects need act"
  /// (b) versions, epochs and series never fall.
  case neverFalls = "never falls"
  /// One record per version: what the register has said stays said.
  case oneRecord = "one record per version"
  /// (e) epochs in a log rise, sequences are dense.
  case logDense = "log dense"
  /// (f) committed entries are never cut.
  case committedStays = "committed stays"
  /// (g) owner ∈ members ≠ ∅.
  case ownerIsMember = "owner is member"
  /// (h) voter answers follow the disk.
  case answersFollowDisk = "answers follow the disk"
  /// (i) nobody's progress is beyond the owner's log.
  case progressBounded = "progress bounded"
  /// Retries apply once.
  case onceOnly = "once only"
  /// A read sees what was acknowledged.
  case readsCommitted = "reads are committed"
  /// Queues stay within their bounds.
  case bounded = "bounded"
  /// Healed: some host acts in time, and clients get on.
  case healed = "healed in time"
  /// A core stopped a shard because its log broke a rule.
  case corrupt = "shard stopped"
}
