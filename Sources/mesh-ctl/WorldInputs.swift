import Configuration
import Control
import Hashing
import KeyStore
import WorldData

/// What a world is built from: map caches, the list of maps and, with an rAthena tree, the files that all hosts share.
struct WorldInputs {
  let caches: [(path: String, cache: MapCache)]
  let list: MapList
  let tree: TreeListing?

  var search: MapCacheSearch { MapCacheSearch(caches.map(\.cache)) }

  /// - Parameters:
  ///   - caches: in rAthena's order; empty with a tree: those of the tree.
  ///   - maps: the list; `nil`: that of the tree, or else every map of the caches.
  init(
    caches: [String], rathena: String?, isRenewal: Bool, maps: String?
  ) throws(Fault) {
    let paths = caches.isEmpty ? rathena.map { WorldInputs.cachePaths($0, isRenewal) } ?? [] : caches
    self.caches = try paths.map { path throws(Fault) in (path, try WorldInputs.cache(path)) }
    let first = maps ?? rathena.map { _ in "conf/map_athena.conf" }
    if let first {
      // What the list imports counts from rAthena's root, also when the list is somewhere else.
      list = try WorldInputs.list(first, root: maps == nil ? rathena : nil, imports: rathena)
    } else {
      list = MapList(names: MapCacheSearch(self.caches.map(\.cache)).names)
    }
    tree = try rathena.map { root throws(Fault) in try WorldInputs.tree(root) }
  }

  /// `db/import` is there in every checkout that was set up; it may be missing. The others must be there.
  private static func cachePaths(_ root: String, _ isRenewal: Bool) -> [String] {
    let imported = "\(root)/db/import/map_cache.dat"
    return (PrivateFile.exists(imported) ? [imported] : [])
      + ["\(root)/db/\(isRenewal ? "re" : "pre-re")/map_cache.dat", "\(root)/db/map_cache.dat"]
  }

  private static func cache(_ path: String) throws(Fault) -> MapCache {
    let bytes = try WorldFile.content(path, limit: MapCache.sizeLimit)
    do throws(MapCacheError) {
      return try MapCache(bytes)
    } catch {
      throw Fault(.worldInput, ["reason": "\(path) is no map cache: \(error.cause)"], at: path)
    }
  }

  private static func list(_ file: String, root: String?, imports: String?) throws(Fault) -> MapList {
    do throws(MapList.Failure) {
      var isFirst = true
      return try MapList(file: file) { path in
        let folder = isFirst ? root : imports
        isFirst = false
        let place = path.hasPrefix("/") ? path : folder.map { "\($0)/\(path)" } ?? path
        switch SystemFiles().read(place, limit: MapList.sizeLimit) {
        case .found(let facts, let bytes): return facts.isRegular ? .found(bytes) : .failed("it is no regular file")
        case .missing: return .missing
        case .failed(let reason): return .failed(reason)
        }
      }
    } catch {
      throw error.fault
    }
  }

  /// The files of a tree that all hosts must have alike.
  static func tree(_ root: String) throws(Fault) -> TreeListing {
    var files: [TreeListing.File] = []
    try FolderWalk.read(
      TreeListing.roots, of: root, wants: { TreeListing.counts($0.hasSuffix("/") ? $0 + "x" : $0) }
    ) { path, content throws(Fault) in
      files.append(TreeListing.File(path: path, check: content.withUnsafeBytes { TreeListing.check($0) }))
    }
    guard !files.isEmpty, let listing = TreeListing(files) else {
      throw Fault(
        .worldInput,
        ["reason": files.isEmpty ? "\(root) has no conf, db and npc folders" : "a path below \(root) is too long"],
        at: root)
    }
    return listing
  }
}

extension MapList.Place {
  var shown: String { "\(file):\(line)" }
}

extension MapList.Failure {
  var fault: Fault {
    switch self {
    case .unreadable(let file, let reason, let place):
      Fault(.worldInput, ["reason": "\(file) cannot be read: \(reason)"], at: place?.shown ?? file)
    case .tooDeep(let place):
      Fault(.worldInput, ["reason": "imports are nested more than \(MapList.depthLimit) deep"], at: place.shown)
    case .tooManyFiles(let place):
      Fault(.worldInput, ["reason": "more than \(MapList.fileLimit) files are imported"], at: place.shown)
    case .tooManyMaps(let place):
      Fault(.worldInput, ["reason": "more than \(MapList.entryLimit) maps are listed"], at: place.shown)
    case .tooLarge(let file): Fault(.worldInput, ["reason": "\(file) is too large for a list of maps"], at: file)
    }
  }
}

extension WorldBuilder.Failure {
  func fault(_ inputs: WorldInputs) -> Fault {
    switch self {
    case .noMaps: Fault(.worldInput, ["reason": "no maps are listed"])
    case .tooManyMaps(let count):
      Fault(.worldInput, ["reason": "\(count) maps are listed; a char-server can be told of \(World.mapLimit)"])
    case .missing(let entries, let total):
      Fault(
        .worldMapsMissing, ["count": "\(total)"],
        evidence: entries.map { "\($0.name)  (\($0.place.shown))" } + (total > entries.count ? ["…"] : []),
        notes: ["looked into: " + inputs.caches.map(\.path).joined(separator: ", ")])
    case .ungrouped(let names, let total):
      Fault(
        .worldInput, ["reason": "\(Plural.of(total, "map")) in no line of the shard file"],
        evidence: [names.map(\.text).joined(separator: " ") + (total > names.count ? " …" : "")],
        notes: ["A last line `auto 64` or `per-map` takes all maps that stand in no other line."])
    case .emptyShard(let name): Fault(.worldInput, ["reason": "shard `\(name)` has no map"])
    case .shardName(let name):
      Fault(.worldInput, ["reason": "map `\(name)` cannot be a shard of its own: its name begins with `@`"])
    case .cache(let index, let error):
      Fault(
        .worldInput, ["reason": "\(inputs.caches[index].path): \(error.cause)"], at: inputs.caches[index].path)
    }
  }
}
