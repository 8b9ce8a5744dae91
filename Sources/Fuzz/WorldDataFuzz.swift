import Hashing
import SecureChannel
import Wire
import WorldData

/// A small world with three maps, one of them large.
final class FuzzMaps: Sendable {
  static let shared = FuzzMaps()

  let bundle: WorldBundle
  let cache: [UInt8]

  private init() {
    let sizes = [(8, 6), (40, 30), (300, 200)]
    let names = ["geffen", "prontera", "prt_in"].compactMap { MapName($0) }
    var objects: [MapObject] = []
    for (index, sides) in sizes.enumerated() {
      guard let size = MapSize(width: sides.0, height: sides.1) else { preconditionFailure("a map's size") }
      let cells = (0..<size.cells).map { UInt8(($0 / 7 + index) % 2) }
      guard let object = try? cells.withUnsafeBytes({ try MapObject(size: size, cells: $0) }) else {
        preconditionFailure("cells compress")
      }
      objects.append(object)
    }
    let shards = names.enumerated().compactMap { index, name in
      ShardName(name.text).map { WorldShard(name: $0, maps: [index]) }
    }
    let files = ["conf/a.conf", "db/b.yml", "npc/c.txt"].map { TreeListing.File(path: $0, check: 7) }
    let world = World(
      network: FuzzWorld.shared.network.id, version: 3, notBefore: 1, expiry: .max,
      salt: [UInt8](repeating: 5, count: World.saltSize), voters: [WorldVoter(host: HostID(rawValue: 1), store: 2)],
      settings: WorldSettings(), tree: TreeListing(files).map { WorldTree(listing: $0, charStatusSize: 8_856) },
      maps: zip(names, objects).map { WorldMap(name: $0, size: $1.size, address: $1.address) }, shards: shards)
    guard let document = try? SignedWorld(world, operatorKeyID: 1, sign: { _ in Signature { $0[0] = 1 } }),
      let bundle = WorldBundle(document, objects: objects)
    else { preconditionFailure("a world without flaws") }
    self.bundle = bundle
    cache = bundle.mapCache
  }

  /// Each led by which decoder it is for.
  var messages: [[UInt8]] {
    let mark = bundle.document.mark
    let wants: [WorldMessage] = [.wantDocument(mark), .wantObjects(mark, maps: [0, 2]), .cannot(mark, .busy)]
    var all = wants.map { message in [0] + written(WorldMessage.sizeLimit) { message.write(to: &$0) } }
    let encoded = Dictionary(bundle.objects.map { ($0.address, $0.encoded) }) { first, _ in first }
    if let batch = ObjectBatch.encode(mark, of: bundle.document.world, maps: [0, 1, 2], object: { encoded[$0] }) {
      all.append([1] + batch)
    }
    all.append([2] + written(WorldState.sizeLimit) { WorldState(active: mark, newest: mark).write(to: &$0) })
    return all
  }

  static let shardFile = "shard towns: prontera, geffen # two\nshard towns: prt_in\nauto 12\n"
  static let mapList = "map: prontera\n//map: x\ndelmap: all\nimport: list\nmap: geffen.gat // y\nmap: clear\n"
}

func fuzzMapCache(_ bytes: UnsafeRawBufferPointer) {
  guard let cache = try? MapCache([UInt8](bytes)) else { return }
  for entry in cache.entries.prefix(16) { keep((try? cache.object(entry))?.address.low ?? 0) }
}

func fuzzMapObject(_ bytes: UnsafeRawBufferPointer) {
  var reader = Reader(bytes)
  guard let object = try? MapObject(&reader) else { return }
  precondition(object.encoded.elementsEqual(bytes.prefix(object.encodedSize)), "one object, one encoding")
}

func fuzzWorld(_ bytes: UnsafeRawBufferPointer) {
  var reader = Reader(bytes)
  guard let document = try? SignedWorld(&reader) else { return }
  let again = try? SignedWorld(document.world, operatorKeyID: document.operatorKeyID) { _ in document.signature }
  precondition(again?.bytes.elementsEqual(bytes) ?? false, "one world, one encoding")
  let other = FuzzMaps.shared.bundle.document.world
  keep(WorldDifference(from: other, to: document.world).changes.count)
}

func fuzzWorldBundle(_ bytes: UnsafeRawBufferPointer) {
  var reader = Reader(bytes)
  guard let bundle = try? WorldBundle(&reader) else { return }
  keep(bundle.mapCache.count)
}

func fuzzWorldMessage(_ bytes: UnsafeRawBufferPointer) {
  var reader = Reader(bytes)
  switch try? reader.u8() {
  case 0: keep((try? WorldMessage(&reader)) == nil ? 0 : 1)
  case 1:
    let batch = try? ObjectBatch(&reader, of: FuzzMaps.shared.bundle.document, asked: [0, 1, 2])
    keep(batch?.objects.count ?? 0)
  case 2: keep((try? WorldState(&reader))?.active?.version ?? 0)
  default: break
  }
}

/// A shard file and a list of maps that imports itself.
func fuzzWorldText(_ bytes: UnsafeRawBufferPointer) {
  let text = [UInt8](bytes)
  let known = Set(FuzzMaps.shared.bundle.document.world.maps.map(\.name))
  keep(ShardFile(text, known: known) { _, names in names.first }.problemCount)
  var reads = 0
  let list = try? MapList(file: "list") { _ in
    reads += 1
    return reads > 3 ? .missing : .found(text)
  }
  keep(list?.entries.count ?? 0)
}
