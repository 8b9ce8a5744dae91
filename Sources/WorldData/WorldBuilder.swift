/// Makes a world: which maps, where their cells are, which shard each is in. Pure: files are read by whoever calls.
package struct WorldBuilder: Sendable {
  package enum Grouping: Sendable {
    case automatic(shards: Int)
    case perMap
    /// Without problems.
    case file(ShardFile)
  }

  package enum Failure: Error, Hashable, Sendable {
    case noMaps
    case tooManyMaps(Int)
    /// Listed, and in no cache: as many as there are, the first ones by name.
    case missing([MapList.Entry], total: Int)
    /// In no line of the shard file, which has no `auto` or `per-map`: the first ones by name.
    case ungrouped([MapName], total: Int)
    /// A shard of the file has no map left.
    case emptyShard(ShardName)
    /// A map's name cannot be a shard's (`per-map`).
    case shardName(MapName)
    case cache(index: Int, MapCacheError)
  }

  /// Messages show so many names.
  package static let shownLimit = 10

  /// Sorted by name, with the cache that each was found in.
  package private(set) var maps: [(name: MapName, found: MapCacheSearch.Found)] = []
  private let search: MapCacheSearch

  /// Finds every map of the list in the caches.
  package init(_ list: MapList, in search: MapCacheSearch) throws(Failure) {
    self.search = search
    guard !list.entries.isEmpty else { throw .noMaps }
    guard list.entries.count <= World.mapLimit else { throw .tooManyMaps(list.entries.count) }
    var missing: [MapList.Entry] = []
    for entry in list.entries.sorted(by: { $0.name < $1.name }) {
      if let found = search[entry.name] {
        maps.append((entry.name, found))
      } else {
        missing.append(entry)
      }
    }
    guard missing.isEmpty else {
      throw .missing(Array(missing.prefix(WorldBuilder.shownLimit)), total: missing.count)
    }
  }

  package var names: Set<MapName> { Set(maps.map(\.name)) }

  /// Inflates and addresses one map, by its index in `maps`.
  package func object(_ index: Int) throws(Failure) -> MapObject {
    let found = maps[index].found
    do throws(MapCacheError) {
      return try search.object(found)
    } catch {
      throw .cache(index: found.cache, error)
    }
  }

  /// Shards over `maps`, sorted by name.
  ///
  /// With a world that was before, `automatic` keeps its shards: state belongs to a shard's name, so a map must not
  /// wander to another shard only because a third one was added. New maps join the shard of the name most like theirs.
  package func shards(_ grouping: Grouping, previous: World? = nil) throws(Failure) -> [WorldShard] {
    var groups: [ShardName: [MapName]] = [:]
    var left = maps.map(\.name)
    switch grouping {
    case .perMap: try addEach(left, to: &groups)
    case .automatic(let count): addAutomatic(left, count, previous, to: &groups)
    case .file(let file):
      for group in file.groups {
        guard !group.maps.isEmpty else { throw .emptyShard(group.name) }
        groups[group.name, default: []] += group.maps
      }
      let grouped = Set(file.groups.flatMap(\.maps))
      left.removeAll { grouped.contains($0) }
      switch file.rest {
      case nil where !left.isEmpty:
        throw .ungrouped(Array(left.prefix(WorldBuilder.shownLimit)), total: left.count)
      case .perMap: try addEach(left, to: &groups)
      case .automatic(let count): addAutomatic(left, count, previous, to: &groups)
      case nil: break
      }
    }
    let index = Dictionary(maps.enumerated().map { ($1.name, $0) }) { first, _ in first }
    return groups.keys.sorted().map { name in
      WorldShard(name: name, maps: (groups[name] ?? []).compactMap { index[$0] }.sorted())
    }
  }

  private func addEach(_ names: [MapName], to groups: inout [ShardName: [MapName]]) throws(Failure) {
    for name in names {
      guard let shard = ShardName(name.text) else { throw .shardName(name) }
      groups[shard, default: []].append(name)
    }
  }

  private func addAutomatic(
    _ names: [MapName], _ count: Int, _ previous: World?, to groups: inout [ShardName: [MapName]]
  ) {
    var fresh = names
    if let previous {
      let kept = WorldBuilder.kept(names, from: previous, besides: groups)
      if !kept.isEmpty {
        let before = Set(kept.values.joined())
        fresh.removeAll { before.contains($0) }
        groups.merge(kept) { $0 + $1 }
        for name in fresh { join(name, &groups, among: Set(kept.keys)) }
        return
      }
    }
    let wanted = Set(fresh)
    let items = maps.filter { wanted.contains($0.name) }.map {
      Regions.Item(name: $0.name, cells: $0.found.entry.size.cells)
    }
    for group in Regions.groups(items, count: count) {
      groups[WorldBuilder.name(of: group, unlike: groups)] = group.map(\.name)
    }
  }

  /// The shards of another world with those of these maps that they had, except shards that a file describes.
  private static func kept(
    _ names: [MapName], from previous: World, besides groups: [ShardName: [MapName]]
  ) -> [ShardName: [MapName]] {
    let wanted = Set(names)
    var kept: [ShardName: [MapName]] = [:]
    for shard in previous.shards where groups[shard.name] == nil {
      let maps = shard.maps.map { previous.maps[$0].name }.filter { wanted.contains($0) }
      if !maps.isEmpty { kept[shard.name] = maps }
    }
    return kept
  }

  /// Puts a map into the shard that has the map whose name begins most like its own; of equal ones the first by name.
  private func join(_ name: MapName, _ groups: inout [ShardName: [MapName]], among shards: Set<ShardName>) {
    let key = Regions.key(name)
    var best: (shard: ShardName, likeness: Int)?
    for shard in shards.sorted() {
      let likeness = (groups[shard] ?? []).map { Regions.cost(key, Regions.key($0)) }.max() ?? 0
      if best == nil || likeness > best?.likeness ?? 0 { best = (shard, likeness) }
    }
    if let best { groups[best.shard, default: []].append(name) }
  }

  /// The region that most of its cells are in, with a number when another shard has that name.
  private static func name(of group: [Regions.Item], unlike groups: [ShardName: [MapName]]) -> ShardName {
    var cells: [String: Int] = [:]
    for item in group { cells[Regions.region(item.name), default: 0] += item.cells }
    let region = cells.min { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }?.key ?? ""
    // A name that cannot be a shard's begins with `@`.
    let stem = ShardName(region) == nil ? "maps" : region
    var number = 1
    while true {
      let text = number == 1 ? stem : "\(stem)-\(number)"
      if let name = ShardName(text), groups[name] == nil { return name }
      number += 1
    }
  }
}
