/// Rules that a simulation breaks on purpose, one at a time, to see that its checks notice.
///
/// They exist only where `MESH_PLANTED_BUGS` is defined (the build that runs the suite). Everywhere else `breaks` is
/// `false` at compile time: nothing of them is in a program that runs a mesh.
package struct PlantedBugs: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  /// A remote death is believed from one accuser.
  package static let quorumOfOne = PlantedBugs(rawValue: 1 << 0)
  /// Who lives where somebody died counts as dead too.
  package static let tombstonesByAddress = PlantedBugs(rawValue: 1 << 1)
  /// The dead are forgotten after half a minute.
  package static let tombstonesForgotten = PlantedBugs(rawValue: 1 << 2)
  /// The dead stay dead whatever incarnation they rise with.
  package static let deathIsFinal = PlantedBugs(rawValue: 1 << 3)
  /// The digest misses that a record changed.
  package static let digestMissesChanges = PlantedBugs(rawValue: 1 << 4)
  /// A death that others found is held as a goodbye of the subject.
  package static let leftWithoutTheSubject = PlantedBugs(rawValue: 1 << 5)
  /// Who comes back is stable at once.
  package static let holdDownMissing = PlantedBugs(rawValue: 1 << 6)
  /// A deadline of an earlier suspicion ends the present one.
  package static let staleTimersObeyed = PlantedBugs(rawValue: 1 << 7)
  /// What everybody knows already is passed on as news.
  package static let requeuedWithoutChange = PlantedBugs(rawValue: 1 << 8)
  /// Load is passed on as a rumour.
  package static let loadAsRumours = PlantedBugs(rawValue: 1 << 9)
  /// The accused do not answer.
  package static let refutationMissing = PlantedBugs(rawValue: 1 << 10)
  /// Tables are never compared.
  package static let syncMissing = PlantedBugs(rawValue: 1 << 11)
  /// A helper says that the target is silent when the asker's time is over already.
  package static let lateNacks = PlantedBugs(rawValue: 1 << 12)
}

extension MembershipSettings {
  @inline(__always)
  func breaks(_ bug: PlantedBugs) -> Bool {
    #if MESH_PLANTED_BUGS
      planted.contains(bug)
    #else
      false
    #endif
  }
}
