import Hashing
import MapShard
import NodeCore
import SecureChannel
import Wire
import WorldData

/// What a world of whole nodes has beside the machines and wires of every world: stores, the operator's document and
/// orders, clients, and the account of everything that was promised to them.
final class WholeMesh {
  let settings: WholeSettings
  let document: SignedWorld
  let objects: [MapObject]
  /// Sorted by id.
  let shards: [ShardID]
  let placeOf: [ShardID: Int]
  private(set) var stores: [HostStore]
  var orders = StewardOrders()
  /// Machines whose operator wants them empty.
  var draining: Set<Int> = []
  var clients: ContiguousArray<MeshClient>
  var requests: [UInt64: MeshRequest] = [:]
  var serves: [Int32: WorldEffects.Serve] = [:]
  var lastServe: Int32 = 0
  var ledger: MeshLedger

  /// `nil` when the document cannot be made.
  init?(_ settings: WholeSettings, hosts: [HostID], network: NetworkID, signer: OperatorSigner, seed: UInt64) {
    var chance = Chance(seed: seed)
    self.settings = settings
    let stores = hosts.map { _ in HostStore(id: chance.next() | 1) }
    self.stores = stores
    let voters = (0..<settings.voters).map { WorldVoter(host: hosts[$0], store: stores[$0].id) }
    guard
      let (document, objects) = WholeMesh.sign(
        settings, voters: voters, network: network, signer: signer, &chance)
    else { return nil }
    self.document = document
    self.objects = objects
    let shards = document.world.shards.map(\.id).sorted()
    self.shards = shards
    placeOf = Dictionary(shards.enumerated().map { ($1, $0) }) { first, _ in first }
    clients = []
    for number in 0..<settings.clients { clients.append(MeshClient(number: number, shards: shards.count)) }
    ledger = MeshLedger(shards: shards.count, machines: hosts.count)
    guard !settings.isPublished else { return }
    for store in stores {
      store.keep(.objects(objects))
      store.keep(.document(document))
      store.keep(.state(WorldState(active: document.mark, newest: document.mark)))
    }
  }

  /// Another disk: nothing of the one before is left.
  func loseDisk(of machine: Int, newStore id: UInt64) {
    stores[machine] = HostStore(id: id)
    ledger.lostLives.formUnion(ledger.lives[machine])
    ledger.excused.remove(machine)
    ledger.disksLost += 1
  }

  /// Two small maps for each shard.
  private static func sign(
    _ settings: WholeSettings, voters: [WorldVoter], network: NetworkID, signer: OperatorSigner, _ chance: inout Chance
  ) -> (SignedWorld, [MapObject])? {
    var maps: [WorldMap] = []
    var objects: [MapObject] = []
    var shards: [WorldShard] = []
    for shard in 0..<settings.shards {
      for map in 0..<2 {
        let cells = [UInt8](repeating: UInt8(2 * shard + map), count: 16)
        guard let name = MapName("map_\(shard)\(map)"), let size = MapSize(width: 4, height: 4),
          let object = cells.withUnsafeBytes({ try? MapObject(size: size, cells: $0) })
        else { return nil }
        maps.append(WorldMap(name: name, size: size, address: object.address))
        objects.append(object)
      }
      guard let name = ShardName("shard_\(shard)") else { return nil }
      shards.append(WorldShard(name: name, maps: [2 * shard, 2 * shard + 1]))
    }
    var rules = WorldData.WorldSettings()
    rules.replicationFactor = UInt8(settings.replicationFactor)
    rules.minReplication = UInt8(settings.minimum)
    let salt = (0..<World.saltSize).map { _ in UInt8(truncatingIfNeeded: chance.next() >> 32) }
    let begins = HostClock.worldBegins / 1_000_000_000
    let world = World(
      network: network, version: 1, notBefore: begins - 86_400, expiry: begins + 400 * 86_400, salt: salt,
      voters: voters, settings: rules, tree: nil, maps: maps, shards: shards)
    let document = try? SignedWorld(world, operatorKeyID: signer.key.id) {
      signer.sign(domain: SignedWorld.domain, $0)
    }
    return document.map { ($0, objects) }
  }
}

/// What a process of a whole node holds beside what every process does.
struct WholeProcess {
  /// The jobs of the log that the disk is doing, by lane.
  var jobs: [DiskJob?] = Array(repeating: nil, count: DiskJob.Lane.allCases.count)
  var worldPersists: [UInt64: WorldEffects.Persist.Content] = [:]
  var ticks: UInt64 = 0
  /// Turns since the last tick.
  var turns = 0
  var loads = OwnedLoads()
  /// Until when shards that were released may wait for somebody to take them, in world time; 0: it is not leaving.
  var releaseEnd: UInt64 = 0
}

/// What a new process of a whole node finds on its disk.
struct WholeBirth {
  let store: HostStore
  let recovered: RecoveredLog
  let log: LogSettings
  let core: ShardSettings
}

/// What the world's queue holds for whole nodes and their clients.
enum WholeEvent {
  case jobEnds(machine: Int32, life: UInt32, lane: UInt8)
  case worldStored(machine: Int32, life: UInt32, token: UInt64)
  case served(machine: Int32, life: UInt32, Int32)
  case tick(machine: Int32, life: UInt32)
  case goodbye(machine: Int32, life: UInt32)
  case request(machine: Int32, life: UInt32, UInt64)
  case client(Int32)
  case clientGivesUp(Int32, attempt: UInt32)
  case publish
}

/// Something for a whole node that came while its loop could not take it.
enum WholeInput {
  case log(LogInput)
  case world(WorldInput)
  case objects([UInt8]?, to: HostID)
  case request(UInt64)
  case tick
}
