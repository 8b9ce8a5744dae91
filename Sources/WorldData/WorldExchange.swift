import Hashing
import Wire

/// Asking peers, and answering them.
extension WorldSync {
  /// Whether it is news.
  mutating func hear(_ mark: WorldMark?, from host: HostID) -> Bool {
    if let source = sources[host] {
      guard source.mark != mark else { return false }
      sources[host]?.mark = mark
      return true
    }
    guard let mark else { return false }
    guard sources.count < settings.tellers else {
      counters.tellersRefused &+= 1
      return false
    }
    sources[host] = Source(mark: mark)
    return true
  }

  mutating func endLate(now: Now) {
    for ask in asks where ask.until <= now.monotonic {
      counters.timeouts &+= 1
      rest(ask.host, now: now)
    }
    asks.removeAll { $0.until <= now.monotonic }
    serves = serves.filter { $0.value > now.monotonic }
  }

  private mutating func rest(_ host: HostID, now: Now) {
    guard let failures = sources[host]?.failures else { return }
    let span = min(settings.rest << UInt64(min(failures, 10)), settings.restLimit)
    sources[host]?.failures = failures + 1
    sources[host]?.restsUntil = now.monotonic &+ chance.jittered(span, by: 0.25)
  }

  private mutating func distrust(_ host: HostID, now: Now, into effects: inout WorldEffects) {
    sources[host]?.restsUntil = now.monotonic &+ settings.distrust
    effects.reports.append(host)
  }

  /// Worlds whose objects are to be fetched: the active one first, it is the one that is needed.
  private var incomplete: [SignedWorld] {
    let active = store.active.map { [$0] } ?? []
    return (active + store.worlds.filter { $0.mark != store.state.active }).filter { !store.isWhole($0) }
  }

  /// The newest version that somebody has and we have not, by host.
  private var isBehind: Bool {
    let floor = store.newest?.mark.version ?? 0
    return sources.values.contains { $0.mark?.version ?? 0 > floor }
  }

  var isWanting: Bool { isBehind || !incomplete.isEmpty }

  // MARK: Asking

  mutating func ask(now: Now, into effects: inout WorldEffects) {
    guard now.monotonic >= storeRestsUntil else { return }
    if isBehind { askForDocuments(now: now, into: &effects) }
    for world in incomplete { askForObjects(of: world, now: now, into: &effects) }
  }

  /// Two at once at most, so that one host with a made-up version cannot keep us from a true one.
  private mutating func askForDocuments(now: Now, into effects: inout WorldEffects) {
    let floor = store.newest?.mark.version ?? 0
    var wishes = Set(sources.values.compactMap(\.mark)).filter { $0.version > floor && !isWriting($0) }.sorted(by: >)[
      ...]
    var underWay = asks.count {
      if case .document = $0.wish { return true }
      return false
    }
    while underWay < 2, asks.count < settings.asks, let mark = wishes.popFirst() {
      if asks.contains(where: { $0.wish == .document(mark) }) { continue }
      guard let host = source(now: now, where: { $0 == mark }) else { continue }
      send(.wantDocument(mark), to: host, into: &effects)
      asks.append(Ask(host: host, wish: .document(mark), until: now.monotonic &+ settings.documentTimeout))
      underWay += 1
    }
  }

  private mutating func askForObjects(of world: SignedWorld, now: Now, into effects: inout WorldEffects) {
    // By address: many maps of a stock world have the same cells.
    var taken: Set<Digest> = []
    let entries = world.world.maps
    for case .objects(world.mark, let maps) in asks.map(\.wish) { taken.formUnion(maps.map { entries[$0].address }) }
    for case .objects(_, let objects) in writing.values { taken.formUnion(objects.map(\.address)) }
    var missing = store.missing(of: world).filter { taken.insert(entries[$0].address).inserted }[...]
    // What waits for a slow disk counts too.
    while asks.count + batchesWriting < settings.asks, !missing.isEmpty {
      // Whoever has a later version has kept this one; whether it has is answered.
      guard let host = source(now: now, where: { $0 == world.mark || $0.version > world.mark.version }) else { return }
      var maps: [Int] = []
      var cells = 0
      while maps.count < WorldMessage.objectLimit, let map = missing.first {
        cells += entries[map].size.cells
        guard maps.isEmpty || cells <= settings.cellsPerAsk else { break }
        maps.append(map)
        missing.removeFirst()
      }
      send(.wantObjects(world.mark, maps: maps), to: host, into: &effects)
      asks.append(
        Ask(host: host, wish: .objects(world.mark, maps), until: now.monotonic &+ settings.objectsTimeout))
    }
  }

  /// One of those who have it, are not asked now and do not rest.
  private mutating func source(now: Now, where isRight: (WorldMark) -> Bool) -> HostID? {
    let busy = Set(asks.map(\.host))
    let hosts = sources.filter { host, source in
      source.restsUntil <= now.monotonic && !busy.contains(host) && source.mark.map(isRight) ?? false
    }.keys.sorted()
    return hosts.isEmpty ? nil : hosts[chance.below(hosts.count)]
  }

  private func send(_ message: WorldMessage, to host: HostID, into effects: inout WorldEffects) {
    guard let range = effects.buffer.append(maximum: WorldMessage.sizeLimit, { message.write(to: &$0) }) else { return }
    effects.sends.append(WorldEffects.Send(to: host, message: range))
  }

  // MARK: What comes

  mutating func receive(
    _ bytes: UnsafeRawBufferPointer, from host: HostID, now: Now, into effects: inout WorldEffects
  ) {
    var reader = Reader(bytes)
    let message: WorldMessage
    do throws(WireError) {
      message = try WorldMessage(&reader)
    } catch {
      counters.badMessages &+= 1
      effects.reports.append(host)
      return
    }
    switch message {
    case .wantDocument(let mark): serve(mark, maps: nil, to: host, now: now, into: &effects)
    case .wantObjects(let mark, let maps): serve(mark, maps: maps, to: host, now: now, into: &effects)
    case .cannot(let mark, let reason): told(reason, of: mark, by: host, now: now)
    }
  }

  private mutating func told(_ reason: WorldMessage.Reason, of mark: WorldMark, by host: HostID, now: Now) {
    let index = asks.firstIndex { ask in
      guard ask.host == host else { return false }
      switch ask.wish {
      case .document(mark), .objects(mark, _): return true
      default: return false
      }
    }
    guard let index else {
      counters.unasked &+= 1
      return
    }
    asks.remove(at: index)
    // A busy host is no worse than others: it is asked again soon.
    if reason == .busy { sources[host]?.failures = 0 }
    rest(host, now: now)
  }

  private mutating func serve(
    _ mark: WorldMark, maps: [Int]?, to host: HostID, now: Now, into effects: inout WorldEffects
  ) {
    guard let world = store[mark] else { return send(.cannot(mark, .unknown), to: host, into: &effects) }
    let wanted = maps?.filter { world.world.maps.indices.contains($0) && holds(world, $0) }
    if let wanted, wanted.isEmpty { return send(.cannot(mark, .unknown), to: host, into: &effects) }
    guard serves[host] == nil, serves.count < settings.serves else {
      counters.servedBusy &+= 1
      return send(.cannot(mark, .busy), to: host, into: &effects)
    }
    serves[host] = now.monotonic &+ settings.serveTimeout
    counters.served &+= 1
    if let wanted {
      effects.serves.append(WorldEffects.Serve(to: host, mark: mark, maps: wanted))
    } else {
      effects.documents.append((host, world.bytes))
    }
  }

  private func holds(_ world: SignedWorld, _ map: Int) -> Bool {
    store.objects.contains(world.world.maps[map].address)
  }

  mutating func receiveDocument(
    _ bytes: [UInt8], from host: HostID, now: Now, into effects: inout WorldEffects
  ) {
    let index = asks.firstIndex { ask in
      if case .document = ask.wish { return ask.host == host }
      return false
    }
    let wish = index.map { asks.remove(at: $0).wish }
    do throws(WorldRefusal) {
      let world = try store.examine(bytes)
      // It may come after its time; that is no reason to fetch it again. What nobody asked for is not taken.
      guard wish == .document(world.mark) || sources[host]?.mark == world.mark else { throw WorldRefusal.unasked }
      guard !isWriting(world.mark) else { return }
      sources[host]?.failures = 0
      persist(.document(world), .document(world, from: host, request: nil), into: &effects)
    } catch {
      switch error {
      case .known: break
      case .unasked: counters.unasked &+= 1
      default:
        counters.badDocuments &+= 1
        effects.events.append(.refused(error, from: host))
        distrust(host, now: now, into: &effects)
      }
    }
  }

  mutating func receiveObjects(
    _ bytes: [UInt8], from host: HostID, now: Now, into effects: inout WorldEffects
  ) {
    let index = asks.firstIndex { ask in
      if case .objects = ask.wish { return ask.host == host }
      return false
    }
    guard let index, case .objects(let mark, let maps) = asks.remove(at: index).wish, let world = store[mark] else {
      counters.unasked &+= 1
      return
    }
    let batch = bytes.withUnsafeBytes { buffer in
      Result { () throws(WireError) in
        var reader = Reader(buffer)
        return try ObjectBatch(&reader, of: world, asked: maps)
      }
    }
    switch batch {
    case .success(let batch):
      sources[host]?.failures = 0
      persist(.objects(batch.objects), .objects(mark, batch.objects), into: &effects)
    case .failure:
      counters.badBatches &+= 1
      effects.events.append(.refused(.malformed, from: host))
      distrust(host, now: now, into: &effects)
    }
  }
}

/// How far it is, how fast, and how long it takes.
struct Download {
  private(set) var progress: WorldProgress?
  private var began: UInt64 = 0
  private var objectsAtBegin = 0
  private var lastTold = 0

  mutating func begin(_ world: SignedWorld, missing: Int, now: Now) {
    let total = world.world.maps.count
    progress = WorldProgress(mark: world.mark, objects: total - missing, total: total, bytes: 0, bytesPerSecond: 0)
    began = now.monotonic
    objectsAtBegin = total - missing
    lastTold = 0
  }

  /// The progress, when it is worth telling.
  mutating func add(_ mark: WorldMark, missing: Int, bytes: UInt64, now: Now) -> WorldProgress? {
    guard var next = progress, next.mark == mark else { return nil }
    next.objects = next.total - missing
    next.bytes &+= bytes
    let milliseconds = (now.monotonic &- began) / 1_000_000
    next.bytesPerSecond = milliseconds == 0 ? 0 : next.bytes &* 1_000 / milliseconds
    let came = UInt64(max(0, next.objects - objectsAtBegin))
    next.secondsLeft =
      milliseconds < 3_000 || came == 0 ? nil : (UInt64(missing) &* milliseconds / came + 999) / 1_000
    progress = next
    let tenths = next.objects * 10 / next.total
    guard tenths > lastTold else { return nil }
    lastTold = tenths
    return next
  }
}
