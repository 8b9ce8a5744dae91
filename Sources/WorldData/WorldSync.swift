import Hashing
package import Wire

/// Keeps the worlds of a host in step with those of its peers.
///
/// Gossip tells which newest world each peer has whole. A newer one is asked for: first its document, from one of those
/// who have it, then its objects in batches, from several of them at once. Everything is verified before it is kept, and
/// told to others only when all of it is durable here. Nothing is believed of a peer but what the operator has signed.
package struct WorldSync {
  package struct Settings: Sendable {
    /// Questions under way at once, to different hosts.
    package var asks = 4
    /// Cells of one batch: bounds the time that its verification takes within a turn (about 10 ms).
    package var cellsPerAsk = 4 << 20
    /// A transfer runs at no less than 16 KiB/s: 4 s for a batch, and time to begin.
    package var objectsTimeout = Nanoseconds.seconds(8)
    /// 61 KB in a stock world; up to 1 MiB comes slowly and is taken when it comes late.
    package var documentTimeout = Nanoseconds.seconds(20)
    /// How long a peer that did not answer is left alone: doubled each time, up to the second.
    package var rest = Nanoseconds.seconds(1)
    package var restLimit = Nanoseconds.seconds(60)
    /// A peer that sent what is not right.
    package var distrust = Nanoseconds.seconds(600)
    /// Transfers for others at once, one for each host.
    package var serves = 8
    package var serveTimeout = Nanoseconds.seconds(30)
    /// More members than a mesh may have.
    package var tellers = 4_096
    /// Times of worlds are looked at so often at least: the wall clock may step.
    package var look = Nanoseconds.seconds(600)
    package var storeRetry = Nanoseconds.seconds(30)

    package init() {}
  }

  /// What is known of a host as a source.
  struct Source {
    /// `nil`: it has none now. What it did before is not forgotten by that.
    var mark: WorldMark?
    var restsUntil: UInt64 = 0
    var failures = 0
  }

  /// A question under way.
  struct Ask {
    enum Wish: Equatable { case document(WorldMark), objects(WorldMark, [Int]) }
    var host: HostID
    var wish: Wish
    var until: UInt64
  }

  /// What is being written.
  enum Writing {
    case document(SignedWorld, from: HostID?, request: UInt64?)
    case objects(WorldMark, [MapObject])
    case state(WorldState, request: UInt64?)
    case forget
  }

  let settings: Settings
  package internal(set) var store: WorldStore
  package internal(set) var counters = WorldCounters()
  var chance: Chance
  var sources: [HostID: Source] = [:]
  var asks: [Ask] = []
  var serves: [HostID: UInt64] = [:]
  var writing: [UInt64: Writing] = [:]
  /// The world that is being made the active one.
  private var entering: WorldMark?
  /// Objects that an operator's document brings with it: not removed while they are being written.
  private var prepared: Set<Digest> = []
  private var lastToken: UInt64 = 0
  private var timerToken: UInt32 = 0
  private var timerAt: UInt64?
  /// Nothing is asked for until then: the disk has failed.
  var storeRestsUntil: UInt64 = 0
  var download = Download()
  /// The last reason told why the newest whole world is not active.
  private var told: Told = Told()

  private struct Told {
    var waiting: WorldRefusal?
    /// Days before the end that were told of the active world.
    var daysLeft: UInt64?
    var ended: WorldMark?
    var whole: WorldMark?
  }

  package init(store: WorldStore, settings: Settings = Settings(), seed: UInt64) {
    self.store = store
    self.settings = settings
    chance = Chance(seed: seed)
  }

  /// What gossip says of this host.
  package var announced: WorldMark? { store.newestWhole?.mark }

  /// The document that is wanted or downloaded, if any.
  package var progress: WorldProgress? { download.progress }

  package mutating func handle(_ input: WorldInput, now: Now, into effects: inout WorldEffects) {
    switch input {
    case .told(let mark, let host):
      // Gossip says the same again and again.
      guard hear(mark, from: host) else { return }
    case .gone(let host):
      sources[host] = nil
      serves[host] = nil
      asks.removeAll { $0.host == host }
    case .message(let bytes, let host): receive(bytes, from: host, now: now, into: &effects)
    case .document(let bytes, let host): receiveDocument(bytes, from: host, now: now, into: &effects)
    case .objects(let bytes, let host): receiveObjects(bytes, from: host, now: now, into: &effects)
    case .served(let host): serves[host] = nil
    case .stored(let token): stored(token, now: now, into: &effects)
    case .storeFailed(let token): storeFailed(token, now: now, into: &effects)
    case .damaged(let addresses): damaged(addresses, into: &effects)
    case .tree(let tree): store.tree = tree
    case .command(let command, let request): run(command, request, now: now, into: &effects)
    case .deadline(let timer):
      guard timer.token == timerToken else { return }
      timerAt = nil
    }
    goOn(now: now, into: &effects)
  }

  /// Everything that follows from what is known: questions, activation, warnings, and when to look again.
  private mutating func goOn(now: Now, into effects: inout WorldEffects) {
    endLate(now: now)
    tellWhole(into: &effects)
    ask(now: now, into: &effects)
    activateIfDue(now: now, into: &effects)
    warn(now: now, into: &effects)
    schedule(now: now, into: &effects)
  }

  mutating func persist(_ content: WorldEffects.Persist.Content, _ what: Writing, into effects: inout WorldEffects) {
    lastToken &+= 1
    writing[lastToken] = what
    effects.persists.append(WorldEffects.Persist(token: lastToken, content: content))
  }

  // MARK: Activation

  private mutating func run(
    _ command: WorldCommand, _ request: UInt64, now: Now, into effects: inout WorldEffects
  ) {
    func refuse(_ reason: WorldRefusal, _ effects: inout WorldEffects) {
      effects.replies.append((request, .refused(reason)))
    }
    do throws(WorldRefusal) {
      switch command {
      case .prepare(let document):
        let world = try publishable(document, now: now)
        prepared = Set(world.world.maps.map(\.address))
        effects.replies.append((request, .prepared(world.mark)))
      case .publish(let document, let objects):
        // They are on the disk, whatever comes of the document; if it is refused they go again.
        store.hold(objects)
        prepared = []
        let world = try publishable(document, now: now)
        persist(.document(world), .document(world, from: nil, request: request), into: &effects)
      case .activate(let version):
        let world = try store.checkActivation(version, now: now)
        enter(world, request: request, into: &effects)
      }
    } catch {
      refuse(error, &effects)
      forget(into: &effects)
    }
  }

  private func publishable(_ document: [UInt8], now: Now) throws(WorldRefusal) -> SignedWorld {
    let world = try store.examine(document)
    guard world.world.expiry > now.wallSeconds else { throw .expired(at: world.world.expiry) }
    guard !isWriting(world.mark) else { throw .known }
    return world
  }

  private mutating func enter(_ world: SignedWorld, request: UInt64?, into effects: inout WorldEffects) {
    entering = world.mark
    persistState(request: request, into: &effects)
  }

  /// Writes are carried out in order and the newest content wins: it must have all that is on its way.
  private mutating func persistState(request: UInt64?, into effects: inout WorldEffects) {
    let state = WorldState(active: entering ?? store.state.active, newest: store.state.newest)
    persist(.state(state), .state(state, request: request), into: &effects)
  }

  func isWriting(_ mark: WorldMark) -> Bool {
    writing.values.contains {
      if case .document(let world, _, _) = $0 { return world.mark.version == mark.version }
      return false
    }
  }

  /// Batches that came and are not durable yet.
  var batchesWriting: Int {
    writing.values.count {
      if case .objects = $0 { return true }
      return false
    }
  }

  /// The newest whole world becomes the active one when its time has come.
  private mutating func activateIfDue(now: Now, into effects: inout WorldEffects) {
    guard entering == nil, now.monotonic >= storeRestsUntil, let world = store.newestWhole,
      world.mark.version > store.state.active?.version ?? 0
    else { return }
    do throws(WorldRefusal) {
      enter(try store.checkActivation(world.mark.version, now: now), request: nil, into: &effects)
      told.waiting = nil
    } catch {
      if told.waiting != error {
        told.waiting = error
        effects.events.append(.waits(world.mark, error))
      }
    }
  }

  private mutating func tellWhole(into effects: inout WorldEffects) {
    let mark = announced
    guard mark != told.whole else { return }
    told.whole = mark
    if let mark { effects.events.append(.whole(mark)) }
  }

  private mutating func warn(now: Now, into effects: inout WorldEffects) {
    guard let active = store.active else { return }
    switch active.world.term(at: now.wallSeconds) {
    case .ending(let seconds):
      let days = seconds / 86_400
      guard told.daysLeft != days else { return }
      told.daysLeft = days
      effects.events.append(.ending(active.mark, inSeconds: seconds))
    case .expired:
      guard told.ended != active.mark else { return }
      told.ended = active.mark
      effects.events.append(.ended(active.mark))
    case .valid, .notYet: told.daysLeft = nil
    }
  }

  // MARK: Writing

  private mutating func stored(_ token: UInt64, now: Now, into effects: inout WorldEffects) {
    guard let what = writing.removeValue(forKey: token) else { return }
    switch what {
    case .document(let world, let host, let request):
      store.adopt(world)
      counters.documents &+= 1
      download.begin(world, missing: store.missing(of: world).count, now: now)
      effects.events.append(.learned(world.mark, from: host))
      if let request {
        effects.replies.append((request, .published(world.mark, missing: store.missing(of: world).count)))
      }
      persistState(request: nil, into: &effects)
      forget(into: &effects)
    case .objects(let mark, let objects):
      store.hold(objects.map(\.address))
      let bytes = objects.reduce(0) { $0 + UInt64($1.encodedSize) }
      counters.objects &+= UInt64(objects.count)
      counters.objectBytes &+= bytes
      if let world = store[mark],
        let progress = download.add(mark, missing: store.missing(of: world).count, bytes: bytes, now: now)
      {
        effects.events.append(.progress(progress))
      }
      // The last ones, or those of a world that was given up meanwhile.
      if store[mark].map(store.isWhole) ?? true { forget(into: &effects) }
    case .state(let state, let request):
      if let mark = state.active, mark != store.state.active {
        store.enter(mark)
        entering = nil
        told = Told(whole: told.whole)
        effects.events.append(.activated(mark))
        forget(into: &effects)
      }
      if let request, let mark = state.active { effects.replies.append((request, .activated(mark))) }
    case .forget: break
    }
  }

  private mutating func forget(into effects: inout WorldEffects) {
    let (worlds, objects) = store.forgetSuperfluous(besides: prepared)
    guard !worlds.isEmpty || !objects.isEmpty else { return }
    persist(.forget(worlds, objects), .forget, into: &effects)
  }

  private mutating func storeFailed(_ token: UInt64, now: Now, into effects: inout WorldEffects) {
    guard let what = writing.removeValue(forKey: token) else { return }
    counters.storeFailures &+= 1
    storeRestsUntil = now.monotonic &+ settings.storeRetry
    effects.events.append(.storeFailed)
    switch what {
    case .document(_, _, let request): if let request { effects.replies.append((request, .storeFailed)) }
    case .state(_, let request):
      entering = nil
      if let request { effects.replies.append((request, .storeFailed)) }
    case .objects, .forget: break
    }
  }

  private mutating func damaged(_ addresses: [Digest], into effects: inout WorldEffects) {
    let lost = addresses.filter { store.objects.contains($0) }
    guard !lost.isEmpty else { return }
    store.lose(lost)
    let names = (store.active ?? store.newest)?.world.maps.filter { lost.contains($0.address) }.map(\.name) ?? []
    effects.events.append(.healing(maps: names))
  }

  // MARK: Time

  private mutating func schedule(now: Now, into effects: inout WorldEffects) {
    var next = now.monotonic &+ settings.look
    for ask in asks { next = min(next, ask.until) }
    for until in serves.values { next = min(next, until) }
    if isWanting {
      if storeRestsUntil > now.monotonic { next = min(next, storeRestsUntil) }
      for source in sources.values where source.restsUntil > now.monotonic { next = min(next, source.restsUntil) }
    }
    if let world = store.newestWhole?.world, world.notBefore > now.wallSeconds {
      let seconds = min(world.notBefore - now.wallSeconds, settings.look / 1_000_000_000)
      next = min(next, now.monotonic &+ Nanoseconds.seconds(seconds))
    }
    guard timerAt == nil || next < timerAt ?? 0 else { return }
    timerAt = next
    timerToken &+= 1
    effects.deadlines.append(Deadline(at: next, timer: Timer(kind: 1, token: timerToken)))
  }
}
