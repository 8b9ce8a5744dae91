package import Gossip
import NodeCore
import SecureChannel
import Wire

/// What the nodes of a world believe of each other.
extension Simulation {
  /// What one machine's node holds of another's identity; `nil` when it knows nothing or does not run.
  package func status(of subject: Int, at observer: Int) -> Status? {
    machines[observer].process?.node.membership.status(of: host(of: subject))
  }

  /// Machines whose nodes hold another in this status.
  package func machines(holding status: Status, of subject: Int) -> [Int] {
    machines.indices.filter { $0 != subject && self.status(of: subject, at: $0) == status }
  }

  /// Members that a machine's node holds alive, itself included.
  package func liveCount(at observer: Int) -> Int {
    machines[observer].process?.node.membership.liveCount ?? 0
  }

  package var smallestView: Int { running.map(liveCount).min() ?? 0 }

  /// Every running node holds exactly the running ones alive.
  package var allSeeAll: Bool {
    let running = running
    return running.allSatisfy { liveCount(at: $0) == running.count }
  }

  /// Every machine that has an identity of its own runs, and all see all.
  package var isComplete: Bool { running.count >= settings.hosts && allSeeAll }

  /// All running nodes have the same digest of their tables.
  package var rootsAgree: Bool {
    Set(running.compactMap { machines[$0].process?.node.membership.root }).count <= 1
  }

  /// Runs until `condition` holds, but not longer than `limit`; true when it holds.
  package func run(atMost limit: UInt64, checkingEvery step: UInt64, until condition: () -> Bool) -> Bool {
    let end = time + limit
    while violation == nil {
      if condition() { return true }
      if time >= end { return false }
      run(until: min(time + step, end))
    }
    return false
  }
}
