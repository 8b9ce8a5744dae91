import Wire

/// Writes the state of a shard out in slices, as `ShardContent.encoded` does in one go: the owner of a large shard must not
/// stand still for it. Each segment is sorted by itself; then they are merged.
struct SnapshotBuilder: Hashable, Sendable {
  /// Who gets it when it is whole.
  var receivers: [Member] = []
  /// Of the reign in which it was begun.
  let epoch: Epoch

  private let shard: ShardID
  private let state: ShardState
  private var runs: [[ShardContent.Item]] = []
  /// The next item of each run; runs that are through are out of the heap.
  private var places: [Int] = []
  private var heap: [Int] = []
  private var written: [UInt8] = []
  private var isMerging = false

  var position: Position { state.position }

  init(_ state: ShardState, shard: ShardID, epoch: Epoch) {
    self.state = state
    self.shard = shard
    self.epoch = epoch
    runs.reserveCapacity(ShardState.segmentCount)
  }

  /// Goes on with about `bytes` of it. The whole content when it is ready.
  mutating func goOn(bytes: Int) -> [UInt8]? {
    var room = bytes
    while runs.count < ShardState.segmentCount {
      guard room > 0 else { return nil }
      var run = state.segments[runs.count].map { key, item in
        ShardContent.Item(key: key, value: item.value, entryClass: item.entryClass, sequence: item.sequence)
      }
      run.sort { $0.key.lexicographicallyPrecedes($1.key) }
      room -= run.reduce(256) { $0 + $1.key.count }
      runs.append(run)
    }
    if !isMerging { beginMerging() }
    while let first = heap.first {
      guard room > 0 else { return nil }
      let item = runs[first][places[first]]
      room -= item.encodedSize + 64
      append(item.encodedSize) { item.encode(into: &$0) }
      places[first] += 1
      if places[first] == runs[first].count {
        heap[0] = heap[heap.count - 1]
        heap.removeLast()
      }
      sink(0)
    }
    let marks = state.clients.marks
    append(10 + 32 * marks.count) { writer in
      writer.varint(UInt64(marks.count))
      for mark in marks { mark.encode(into: &writer) }
    }
    return written
  }

  private mutating func beginMerging() {
    isMerging = true
    written.reserveCapacity(state.bytes + state.count * 16 + 64)
    let (shard, position, count) = (shard, state.position, state.count)
    append(64) { writer in
      writer.shardID(shard)
      writer.position(position)
      writer.varint(UInt64(count))
    }
    places = Array(repeating: 0, count: runs.count)
    heap = runs.indices.filter { !runs[$0].isEmpty }
    for place in stride(from: heap.count / 2, through: 0, by: -1) { sink(place) }
  }

  private func isBefore(_ left: Int, _ right: Int) -> Bool {
    runs[left][places[left]].key.lexicographicallyPrecedes(runs[right][places[right]].key)
  }

  private mutating func sink(_ start: Int) {
    var place = start
    while true {
      var least = 2 * place + 1
      guard least < heap.count else { return }
      if least + 1 < heap.count, isBefore(heap[least + 1], heap[least]) { least += 1 }
      guard isBefore(heap[least], heap[place]) else { return }
      heap.swapAt(least, place)
      place = least
    }
  }

  private mutating func append(_ room: Int, _ body: (inout Writer) -> Void) {
    withUnsafeTemporaryAllocation(byteCount: room, alignment: 8) { memory in
      var writer = Writer(memory)
      body(&writer)
      written.append(contentsOf: writer.written)
    }
  }
}

extension ShardHost {
  /// A follower needs the state as a whole: it is written out for all that need it.
  mutating func sendSnapshot(_ index: Int, _ place: Int, _ effects: inout ShardEffects) {
    let progress = replicas[index].others[place]
    guard progress.snapshotUntil.map({ now >= $0 }) ?? true else { return }
    if replicas[index].snapshot?.epoch != replicas[index].epoch {
      replicas[index].snapshot = SnapshotBuilder(
        replicas[index].state, shard: replicas[index].shard, epoch: replicas[index].epoch)
    }
    if !(replicas[index].snapshot?.receivers.contains(progress.member) ?? true) {
      replicas[index].snapshot?.receivers.append(progress.member)
    }
    replicas[index].others[place].isStreaming = false
    buildSnapshot(index, &effects)
  }

  /// One slice; when it is whole it goes out.
  mutating func buildSnapshot(_ index: Int, _ effects: inout ShardEffects) {
    let slice = settings.sliceBytes
    guard let epoch = replicas[index].snapshot?.epoch else { return }
    guard epoch == replicas[index].epoch, isOwner(index) else {
      replicas[index].snapshot = nil
      return
    }
    guard replicas[index].snapshotSliceAt <= now else {
      return replicas[index].wake(at: replicas[index].snapshotSliceAt)
    }
    guard let content = replicas[index].snapshot?.goOn(bytes: slice) else {
      replicas[index].snapshotSliceAt = now &+ ShardHost.sliceGap
      return replicas[index].wake(at: replicas[index].snapshotSliceAt)
    }
    guard let builder = replicas[index].snapshot else { return }
    replicas[index].snapshot = nil
    for member in builder.receivers {
      guard let place = replicas[index].others.firstIndex(where: { $0.member == member }) else { continue }
      counters.snapshotsSent += 1
      var bytes: [UInt8] = []
      bytes.reserveCapacity(content.count + 9)
      withUnsafeBytes(of: epoch.rawValue.littleEndian) { bytes.append(contentsOf: $0) }
      bytes.append(replicas[index].others[place].isRepair ? 1 : 0)
      bytes.append(contentsOf: content)
      effects.snapshots.append(
        ShardEffects.SnapshotSend(shard: replicas[index].shard, to: member.host, content: bytes))
      replicas[index].others[place].isRepair = false
      replicas[index].others[place].snapshotUntil = now &+ ShardHost.snapshotPatience(content.count)
      replicas[index].others[place].snapshotPosition = builder.position.sequence
      // Entries that come meanwhile follow the snapshot.
      replicas[index].others[place].sent = builder.position.sequence
      replicas[index].others[place].isStreaming = false
    }
  }

  /// How long a snapshot may be on its way: links are far faster than this 1 MB/s.
  static func snapshotPatience(_ bytes: Int) -> UInt64 {
    Nanoseconds.seconds(5) &+ UInt64(bytes) &* 1_000
  }
}
