import Hashing
import MapShard
import ShardSim
import Wire
import WorldData

/// The disk of a machine as far as the shards' log and worlds lie on it: bytes, what is synced of them, and how the disk
/// behaves. It outlives the machine's processes.
final class HostStore {
  enum Health: UInt8 { case well, failing, full }

  /// Born with the disk; a voter's seat names it.
  let id: UInt64
  let log = ByteDisk()
  private(set) var documents: [UInt64: [UInt8]] = [:]
  private(set) var objects: [Digest: [UInt8]] = [:]
  private(set) var state = WorldState()
  private(set) var health = Health.well
  /// How long a job takes, in nanoseconds.
  var latency = HostStore.quick

  static let quick = Nanoseconds.milliseconds(1)...Nanoseconds.milliseconds(5)

  init(id: UInt64) { self.id = id }

  var isFailing: Bool { health == .failing }

  func set(_ health: Health) {
    self.health = health
    log.refusesSync = health == .failing
    log.space = health == .full ? log.taken : .max
  }

  /// Bytes that the file system has left.
  var available: UInt64 { UInt64(max(0, min(log.space, 1 << 40) - log.taken)) }

  // MARK: Worlds

  func keep(_ content: WorldEffects.Persist.Content) {
    switch content {
    case .document(let world): documents[world.mark.version] = world.bytes
    case .objects(let objects): for object in objects { self.objects[object.address] = object.encoded }
    case .state(let state): self.state = state
    case .forget(let worlds, let addresses):
      for world in worlds { documents[world.version] = nil }
      for address in addresses { objects[address] = nil }
    }
  }

  func recover(into store: inout WorldStore) -> Int {
    store.recover(
      state: state, documents: documents.keys.sorted().compactMap { documents[$0] }, objects: Set(objects.keys)
    ).count
  }

  func batch(_ serve: WorldEffects.Serve, of world: World) -> [UInt8]? {
    ObjectBatch.encode(serve.mark, of: world, maps: serve.maps) { objects[$0] }
  }
}
