/// Joints that a simulation breaks on purpose, one at a time, to see that its checks notice.
///
/// They exist only where `MESH_PLANTED_BUGS` is defined (the build that runs the suite). Everywhere else `breaks` is
/// `false` at compile time.
package struct JointBugs: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Nothing of the register's and replication's frames gets a life: all are taken for the first one.
  package static let livesNotTold = JointBugs(rawValue: 1 << 0)
  /// The steward's directory reaches the screens and not the shards.
  package static let directoryNotPlaced = JointBugs(rawValue: 1 << 1)
}

extension Node {
  @inline(__always)
  func breaks(_ bug: JointBugs) -> Bool {
    #if MESH_PLANTED_BUGS
      planted.contains(bug)
    #else
      false
    #endif
  }
}
