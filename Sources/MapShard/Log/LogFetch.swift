import Wire

/// Somebody wants to see a snapshot of the history.
struct Fetch {
  var snapshot: Snapshot
  var request: UInt64
  var content: ShardContent
  /// Blocks that are read, and that are being read.
  var done = 0
  var reading = 0
}

extension LogWriter {
  private static let fetchesLimit = 8
  /// Stored bytes that one job reads.
  private static let fetchSize = 1 << 20

  mutating func fetch(_ shard: ShardID, _ number: UInt64, _ request: UInt64, _ effects: inout LogEffects) {
    guard let snapshot = shards[shard]?.snapshots.first(where: { $0.number == number }) else {
      effects.fetched.append((request, .failure(.unknown)))
      return
    }
    guard fetches.count < LogWriter.fetchesLimit else {
      counters.refusedBusy &+= 1
      effects.fetched.append((request, .failure(.busy)))
      return
    }
    fetches.append(
      Fetch(snapshot: snapshot, request: request, content: ShardContent(shard: shard, position: snapshot.position)))
    fetchOn(&effects)
  }

  private mutating func fetchOn(_ effects: inout LogEffects) {
    while true {
      if fetching == nil { fetching = fetches.popFirst() }
      guard let fetch = fetching, fetch.reading == 0 else { return }
      guard shards[fetch.snapshot.shard]?.snapshots.contains(where: { $0.number == fetch.snapshot.number }) == true
      else {
        end(.failure(.unknown), &effects)
        continue
      }
      var steps: [DiskStep] = []
      var size = 0
      for block in fetch.snapshot.blocks.dropFirst(fetch.done) {
        size += block.storedSize
        guard steps.isEmpty || size <= LogWriter.fetchSize else { break }
        steps.append(.read(.snapshot(fetch.snapshot.shard, block.file), at: block.offset, count: block.storedSize))
      }
      guard steps.isEmpty else {
        fetching?.reading = steps.count
        sideQueue.append(.fetch(steps))
        return
      }
      end(fetch.content.isSorted ? .success(fetch.content) : .failure(.damaged(fault(of: fetch))), &effects)
    }
  }

  mutating func fetchRead(_ reads: [[UInt8]], _ effects: inout LogEffects) {
    guard var fetch = fetching else { return }
    for stored in reads.prefix(fetch.reading) {
      let block = fetch.snapshot.blocks[fetch.done]
      guard let raw = StateBlock.unpack(stored, as: block), (try? StateBlock.read(raw, into: &fetch.content)) != nil
      else {
        return fetchDamaged(fetch, &effects)
      }
      fetch.done += 1
    }
    guard reads.count >= fetch.reading else { return fetchDamaged(fetch, &effects) }
    fetch.reading = 0
    fetching = fetch
    fetchOn(&effects)
  }

  mutating func fetchFailed(_ effects: inout LogEffects) {
    guard let fetch = fetching else { return }
    fetchDamaged(fetch, &effects)
  }

  private mutating func fetchDamaged(_ fetch: Fetch, _ effects: inout LogEffects) {
    let fault = fault(of: fetch)
    found(fault, &effects)
    end(.failure(.damaged(fault)), &effects)
    fetchOn(&effects)
  }

  private mutating func end(_ result: Result<ShardContent, SnapshotRefusal>, _ effects: inout LogEffects) {
    guard let fetch = fetching else { return }
    fetching = nil
    effects.fetched.append((fetch.request, result))
  }

  private func fault(of fetch: Fetch) -> StoreFault {
    let block = fetch.snapshot.blocks.dropFirst(fetch.done).first
    return StoreFault(
      kind: .snapshotSegment, file: StoreFile.snapshot(fetch.snapshot.shard, block?.file ?? fetch.snapshot.number).name,
      offset: UInt64(block?.offset ?? 0), shards: [fetch.snapshot.shard])
  }
}

extension ShardContent {
  /// What `init(_:)` demands of a content that came in one piece.
  var isSorted: Bool {
    for index in items.indices.dropFirst() where !items[index - 1].key.lexicographicallyPrecedes(items[index].key) {
      return false
    }
    for index in clients.indices.dropFirst() where clients[index - 1].client >= clients[index].client { return false }
    return true
  }
}
