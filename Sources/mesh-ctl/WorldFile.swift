import Configuration
import Control
import Glibc
import KeyStore
import SecureChannel
import Wire
import WorldData

/// World files on the disk of whoever runs `mesh-ctl`.
struct WorldFile {
  let path: String
  let bundle: WorldBundle
  let size: Int

  /// Reads a world file and verifies the cells of every map.
  init(_ path: String) throws(Fault) {
    self.path = path
    let bytes = try WorldFile.content(path, limit: WorldBundle.sizeLimit)
    size = bytes.count
    do throws(WorldBundle.Failure) {
      bundle = try WorldBundle(bytes)
    } catch {
      throw Fault(.worldFile, ["file": path, "reason": error.cause], at: path)
    }
  }

  var world: World { bundle.document.world }

  static func write(_ bytes: [UInt8], to path: String) throws(Fault) {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(Fault) in try PrivateFile.write(path, bytes, replacing: .always, mode: 0o644) }
    }
    try result.get()
  }

  /// A file that is not secret.
  static func content(_ path: String, limit: Int) throws(Fault) -> [UInt8] {
    switch SystemFiles().read(path, limit: limit) {
    case .found(let facts, let bytes):
      guard facts.isRegular else {
        throw Fault(.cannotRead, ["file": path, "reason": "it is no regular file"], at: path)
      }
      guard bytes.count <= limit else {
        throw Fault(.cannotRead, ["file": path, "reason": "it is larger than \(limit >> 20) MiB"], at: path)
      }
      return bytes
    case .missing: throw Fault(.cannotRead, ["file": path, "reason": "there is no such file"], at: path)
    case .failed(let reason): throw Fault(.cannotRead, ["file": path, "reason": reason], at: path)
    }
  }

  /// What `--json` prints of a world file.
  func reply(isSigned: Bool) -> WorldFileReply {
    var reply = WorldFileReply(
      file: path, version: world.version, root: bundle.document.mark.root.hex, network: world.network.description,
      signed: isSigned, notBefore: Timestamp(seconds: world.notBefore), expiry: Timestamp(seconds: world.expiry),
      maps: world.maps.count, shards: world.shards.count, cells: world.maps.reduce(0) { $0 + $1.size.cells },
      sizeBytes: size, voters: world.voters.map(\.description))
    if let tree = world.tree {
      reply.tree = tree.listing.digest.hex
      reply.treeFiles = tree.listing.files.count
      reply.charStatusSize = tree.charStatusSize == 0 ? nil : tree.charStatusSize
    }
    return reply
  }

  init(_ bundle: WorldBundle, path: String, size: Int) {
    self.bundle = bundle
    self.path = path
    self.size = size
  }
}

extension Network {
  /// What accepts documents that an operator of this network has signed.
  var worldVerification: WorldVerification {
    let keys = operators
    return { id, signature, body in
      keys.contains { $0.id == id && $0.verify(signature, domain: SignedWorld.domain, body) }
    }
  }
}

extension OperatorSigner {
  func sign(_ world: World) throws(World.Flaw) -> SignedWorld {
    try SignedWorld(world, operatorKeyID: key.id) { body in sign(domain: SignedWorld.domain, body) }
  }
}

extension World.Flaw {
  /// For people; builders make none of the first ones.
  var cause: String {
    switch self {
    case .version: "its version is 0"
    case .term: "it would end before it begins"
    case .saltSize: "its salt has another size than 16 bytes"
    case .voters: "it needs 1, 3 or 5 voters on different hosts"
    case .settings: "a setting is out of its range"
    case .tooManyMaps(let count): "it has \(count) maps; a char-server can be told of \(World.mapLimit)"
    case .noMaps: "it has no maps"
    case .mapOrder(let name): "map `\(name)` is there twice or out of order"
    case .shardOrder(let name): "shard `\(name)` is there twice or out of order"
    case .emptyShard(let name): "shard `\(name)` has no map"
    case .shardMaps(let name): "shard `\(name)` has maps that are not there"
    case .mapInTwoShards(let name): "map `\(name)` is in two shards"
    case .mapInNoShard(let name): "map `\(name)` is in no shard"
    case .shardsCollide(let one, let other): "the names `\(one)` and `\(other)` give one shard id: rename one of them"
    case .tree: "the list of the rAthena tree is out of order"
    case .size(let size): "its document would have \(size) bytes; it may have \(World.sizeLimit)"
    }
  }
}
