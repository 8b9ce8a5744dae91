/// Bugs that can be built into a world on purpose, to see that the checks find them.
package struct PlantedBugs: OptionSet, Hashable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  // In the shell
  /// After a stall the deadlines that passed meanwhile fire before the socket is read.
  package static let timersBeforeSocket = PlantedBugs(rawValue: 1)
  /// The node is not told of stalls.
  package static let stallIgnored = PlantedBugs(rawValue: 2)
  /// The disk forgets the node's life, and the clock that would replace it is at its beginning.
  package static let generationNotPersisted = PlantedBugs(rawValue: 4)
}
