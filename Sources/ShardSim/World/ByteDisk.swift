package import MapShard
package import Wire

/// A disk of bytes: what is written lies in a cache until it is synced; a crash keeps any subset of the unsynced sectors
/// and any first part of the unsynced changes of the folder.
package final class ByteDisk: StoreReading {
  package static let sectorSize = 512

  private final class Node {
    var durable: [UInt8] = []
    var current: [UInt8] = []
    var dirty: Set<Int> = []
    var reserved = 0
  }

  private enum Change {
    case link(String, Node)
    case rename(String, String)
    case remove(String)
  }

  private var folder: [String: Node] = [:]
  private var durableFolder: [String: Node] = [:]
  private var changes: [Change] = []

  /// Bytes that files may take.
  package var space = Int.max
  /// Syncs fail from now on.
  package var refusesSync = false
  package var refusesReads: Set<String> = []
  package private(set) var syncs = 0

  package init() {}

  package var taken: Int { folder.values.reduce(0) { $0 + max($1.current.count, $1.reserved) } }

  // MARK: What recovery sees

  package func files() -> [(name: String, size: Int)] { folder.map { ($0.key, $0.value.current.count) } }

  package func read(_ file: StoreFile, at offset: Int, count: Int) -> [UInt8]? {
    guard let node = folder[file.name], !refusesReads.contains(file.name) else { return nil }
    guard offset < node.current.count else { return [] }
    return Array(node.current[offset..<min(offset + count, node.current.count)])
  }

  // MARK: What the log asks for

  /// Does the steps; stops before step `limit` as if the machine had died there.
  package func perform(_ job: DiskJob, limit: Int = .max) -> Result<[[UInt8]], DiskFailure> {
    var reads: [[UInt8]] = []
    for (index, step) in job.steps.enumerated() {
      if index >= limit { return .failure(DiskFailure(step: index, code: 5)) }
      if let code = perform(step, &reads) { return .failure(DiskFailure(step: index, code: code)) }
    }
    return .success(reads)
  }

  private func perform(_ step: DiskStep, _ reads: inout [[UInt8]]) -> Int32? {
    let noSpace: Int32 = 28
    let missing: Int32 = 2
    switch step {
    case .create(let file, let reserve):
      guard folder[file.name] == nil else { return 17 }
      let node = Node()
      folder[file.name] = node
      changes.append(.link(file.name, node))
      guard taken + reserve <= space else { return noSpace }
      node.reserved = reserve
      extend(node, to: reserve)
    case .write(let file, let offset, let bytes):
      guard let node = folder[file.name] else { return missing }
      guard taken + max(0, offset + bytes.count - max(node.reserved, node.current.count)) <= space else {
        return noSpace
      }
      put(bytes, node, offset)
    case .zero(let file, let offset, let count):
      guard let node = folder[file.name] else { return missing }
      put([UInt8](repeating: 0, count: count), node, offset)
    case .sync(let file):
      guard let node = folder[file.name] else { return missing }
      syncs += 1
      if refusesSync {
        // The kernel forgets what it could not write.
        node.current = node.durable
        node.dirty.removeAll()
        return 5
      }
      node.durable = node.current
      node.dirty.removeAll()
    case .rename(let file, let target):
      guard let node = folder.removeValue(forKey: file.name) else { return missing }
      folder[target.name] = node
      changes.append(.rename(file.name, target.name))
    case .syncFolder:
      if refusesSync { return 5 }
      changes.forEach(apply)
      changes.removeAll()
    case .truncate(let file, let size):
      guard let node = folder[file.name] else { return missing }
      node.current.removeLast(max(0, node.current.count - size))
      node.durable.removeLast(max(0, node.durable.count - size))
      node.reserved = 0
    case .delete(let file):
      guard folder.removeValue(forKey: file.name) != nil else { return missing }
      changes.append(.remove(file.name))
    case .read(let file, let offset, let count):
      guard let bytes = read(file, at: offset, count: count) else { return 5 }
      reads.append(bytes)
    }
    return nil
  }

  private func extend(_ node: Node, to size: Int) {
    if node.current.count < size { node.current += [UInt8](repeating: 0, count: size - node.current.count) }
  }

  private func put(_ bytes: [UInt8], _ node: Node, _ offset: Int) {
    guard !bytes.isEmpty else { return }
    extend(node, to: offset + bytes.count)
    node.current.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    for sector in offset / ByteDisk.sectorSize...(offset + bytes.count - 1) / ByteDisk.sectorSize {
      node.dirty.insert(sector)
    }
  }

  private func apply(_ change: Change) {
    switch change {
    case .link(let name, let node): durableFolder[name] = node
    case .rename(let from, let to): durableFolder[to] = durableFolder.removeValue(forKey: from)
    case .remove(let name): durableFolder[name] = nil
    }
  }

  /// All that is written is there also after a crash.
  package func synchronize() {
    for node in folder.values {
      node.durable = node.current
      node.dirty.removeAll()
    }
    changes.forEach(apply)
    changes.removeAll()
  }

  // MARK: Faults

  /// The machine dies: of what was not synced, any part is there afterwards.
  package func crash(_ chance: inout Chance) {
    let kept = chance.below(changes.count + 1)
    changes.prefix(kept).forEach(apply)
    changes.removeAll()
    folder = durableFolder
    for name in folder.keys.sorted() {
      guard let node = folder[name] else { continue }
      // All, none, or each with one half.
      let mode = chance.below(4)
      for sector in node.dirty.sorted() where mode == 0 || (mode > 1 && chance.happens(0.5)) {
        let start = sector * ByteDisk.sectorSize
        let end = min(start + ByteDisk.sectorSize, node.current.count)
        if node.durable.count < end { node.durable += [UInt8](repeating: 0, count: end - node.durable.count) }
        if start < end { node.durable.replaceSubrange(start..<end, with: node.current[start..<end]) }
      }
      // The reserved size belongs to the file as soon as it was made.
      if node.durable.count < node.reserved {
        node.durable += [UInt8](repeating: 0, count: node.reserved - node.durable.count)
      }
      node.current = node.durable
      node.dirty.removeAll()
    }
  }

  package func flip(_ name: String, bit: Int) {
    guard let node = folder[name], bit / 8 < node.current.count else { return }
    node.current[bit / 8] ^= 1 << UInt8(bit % 8)
    node.durable = node.current
  }

  package func remove(_ name: String) {
    folder[name] = nil
    durableFolder[name] = nil
  }

  /// What is there now, as another disk.
  package func copy() -> ByteDisk {
    let copy = ByteDisk()
    for name in names { copy.replace(name, bytes(name)) }
    return copy
  }

  package func bytes(_ name: String) -> [UInt8] { folder[name]?.current ?? [] }
  package func replace(_ name: String, _ bytes: [UInt8]) {
    let node = Node()
    node.current = bytes
    node.durable = bytes
    folder[name] = node
    durableFolder[name] = node
  }
  package var names: [String] { folder.keys.sorted() }
}
