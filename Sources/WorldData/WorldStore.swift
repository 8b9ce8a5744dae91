package import Hashing
package import Wire

/// What a host keeps of worlds beside the documents and objects: 82 bytes at most, in a file of its own.
package struct WorldState: Hashable, Sendable {
  /// The world that this host works by.
  package var active: WorldMark?
  /// The newest world that was ever taken: what is older is a rollback, also after a restart.
  package var newest: WorldMark?

  package static let sizeLimit = 82

  package init(active: WorldMark? = nil, newest: WorldMark? = nil) {
    self.active = active
    self.newest = newest
  }

  package func write(to writer: inout Writer) {
    for mark in [active, newest] {
      writer.u8(mark == nil ? 0 : 1)
      if let mark { writer.worldMark(mark) }
    }
  }

  package init(_ reader: inout Reader) throws(WireError) {
    active = try WorldState.mark(&reader)
    newest = try WorldState.mark(&reader)
    try reader.expectEnd()
  }

  private static func mark(_ reader: inout Reader) throws(WireError) -> WorldMark? {
    switch try reader.u8() {
    case 0: nil
    case 1: try reader.worldMark()
    default: throw .invalid
    }
  }
}

/// The worlds of one host: which documents and objects it has, which one is active. It says what is right; what it says
/// becomes true when the shell has written it (`WorldSync` brings the two together).
///
/// A document is checked before it is kept (operator's signature, network, never older than the newest ever taken, never
/// a second one of the same version). Three whole versions are kept, the active one among them, and the newest one while
/// its objects are still coming.
package struct WorldStore: Sendable {
  package static let versionsKept = 3

  package let network: NetworkID
  private let verify: WorldVerification
  /// Newest first.
  package private(set) var worlds: [SignedWorld] = []
  /// Versions of which every object is here; asked often, so it is kept.
  private var whole: Set<UInt64> = []
  /// Addresses of the objects that are durable here.
  package private(set) var objects: Set<Digest> = []
  package private(set) var state = WorldState()
  /// This host's rAthena tree and the size of its `mmo_charstatus` (0: not known); `nil` at hosts without rAthena.
  package var tree: WorldTree?

  package init(network: NetworkID, verify: @escaping WorldVerification) {
    self.network = network
    self.verify = verify
  }

  /// What the disk gave back. Documents that do not hold any more are left out and told.
  package mutating func recover(
    state: WorldState, documents: [[UInt8]], objects: Set<Digest>
  ) -> [(refusal: WorldRefusal, document: [UInt8])] {
    var refused: [(refusal: WorldRefusal, document: [UInt8])] = []
    var found: [SignedWorld] = []
    for document in documents {
      do throws(WorldRefusal) {
        let world = try SignedWorld(document, for: network, verify: verify)
        if found.contains(where: { $0.mark.version == world.mark.version }) {
          throw WorldRefusal.conflict(version: world.mark.version)
        }
        found.append(world)
      } catch {
        refused.append((error, document))
      }
    }
    worlds = found.sorted { $0.mark > $1.mark }
    self.objects = objects
    self.state = state
    recount()
    // A document that was written just before the power went counts, though the state did not follow.
    if let newest = worlds.first?.mark, newest.version > state.newest?.version ?? 0 { self.state.newest = newest }
    // An active world whose document is gone is active no more: it comes again from peers.
    if let active = state.active, self[active] == nil { self.state.active = nil }
    return refused
  }

  package subscript(mark: WorldMark) -> SignedWorld? { worlds.first { $0.mark == mark } }
  package subscript(version version: UInt64) -> SignedWorld? { worlds.first { $0.mark.version == version } }

  package var active: SignedWorld? { state.active.flatMap { self[$0] } }
  package var newest: SignedWorld? { worlds.first }
  /// The newest world of which everything is here: what peers are told of.
  package var newestWhole: SignedWorld? { worlds.first { isWhole($0) } }

  /// Indices of the maps whose objects are not here.
  package func missing(of world: SignedWorld) -> [Int] {
    world.world.maps.indices.filter { !objects.contains(world.world.maps[$0].address) }
  }

  /// Of a world that is kept here.
  package func isWhole(_ world: SignedWorld) -> Bool { whole.contains(world.mark.version) }

  private mutating func recount() {
    whole = []
    for world in worlds where world.world.maps.allSatisfy({ objects.contains($0.address) }) {
      whole.insert(world.mark.version)
    }
  }

  // MARK: Taking documents

  /// A document that may be kept, or why not. Changes nothing.
  package func examine(_ document: [UInt8]) throws(WorldRefusal) -> SignedWorld {
    let world = try SignedWorld(document, for: network, verify: verify)
    if let kept = self[version: world.mark.version] {
      throw kept.mark == world.mark ? .known : .conflict(version: world.mark.version)
    }
    if let newest = state.newest {
      guard world.mark.version >= newest.version else {
        throw .older(version: world.mark.version, than: newest.version)
      }
      // The newest one was lost here and comes again: it has to be the same.
      guard world.mark.version > newest.version || world.mark == newest else {
        throw .conflict(version: world.mark.version)
      }
    }
    try checkVoters(world)
    return world
  }

  /// The register lives with the first voters; only a set that the operator signs follows on them. In their order, which
  /// is that of stewardship.
  private func checkVoters(_ world: SignedWorld) throws(WorldRefusal) {
    guard let active, world.world.voters != active.world.voters else { return }
    throw .otherVoters(version: world.mark.version, active: active.mark.version)
  }

  /// The document is durable.
  package mutating func adopt(_ world: SignedWorld) {
    guard self[version: world.mark.version] == nil else { return }
    worlds.append(world)
    worlds.sort { $0.mark > $1.mark }
    if world.mark.version > state.newest?.version ?? 0 { state.newest = world.mark }
    recount()
  }

  /// These objects are durable.
  package mutating func hold(_ addresses: some Sequence<Digest>) {
    objects.formUnion(addresses)
    recount()
  }

  /// These objects are gone or damaged.
  package mutating func lose(_ addresses: some Sequence<Digest>) {
    objects.subtract(addresses)
    recount()
  }

  /// What need not be kept any more; it is forgotten here, and the caller removes it from the disk.
  ///
  /// - Parameter wanted: objects that stay though no world here needs them yet.
  package mutating func forgetSuperfluous(besides wanted: Set<Digest> = []) -> (worlds: [WorldMark], objects: [Digest])
  {
    var kept: [SignedWorld] = []
    var forgotten: [SignedWorld] = []
    var room = WorldStore.versionsKept
    if let active { room -= isWhole(active) ? 1 : 0 }
    for (index, world) in worlds.enumerated() {
      if world.mark == state.active {
        kept.append(world)
      } else if isWhole(world), room > 0 {
        room -= 1
        kept.append(world)
      } else if index == 0 {
        kept.append(world)
      } else {
        forgotten.append(world)
      }
    }
    worlds = kept
    let gone = objects.subtracting(wanted).subtracting(kept.flatMap { $0.world.maps.map(\.address) })
    objects.subtract(gone)
    recount()
    return (forgotten.map(\.mark), gone.sorted { $0.hex < $1.hex })
  }

  // MARK: Activation

  /// Whether a world may become the active one now. Changes nothing.
  package func checkActivation(_ version: UInt64, now: Now) throws(WorldRefusal) -> SignedWorld {
    guard let world = self[version: version] else { throw .unknownVersion(version) }
    if let active = state.active {
      guard version != active.version else { throw .known }
      guard version > active.version else { throw .older(version: version, than: active.version) }
    }
    try checkVoters(world)
    switch world.world.term(at: now.wallSeconds) {
    case .notYet: throw .notYet(until: world.world.notBefore)
    case .expired: throw .expired(at: world.world.expiry)
    case .valid, .ending: break
    }
    let missing = missing(of: world).count
    guard missing == 0 else { throw .incomplete(missing: missing) }
    try checkTree(world.world)
    return world
  }

  private func checkTree(_ world: World) throws(WorldRefusal) {
    guard let wanted = world.tree, let tree else { return }
    if let difference = tree.listing.differences(from: wanted.listing).first { throw .tree(difference) }
    guard
      tree.charStatusSize == 0 || wanted.charStatusSize == 0 || tree.charStatusSize == wanted.charStatusSize
    else { throw .charStatus(here: tree.charStatusSize, world: wanted.charStatusSize) }
  }

  /// The state that says so is durable.
  package mutating func enter(_ mark: WorldMark) { state.active = mark }
}
