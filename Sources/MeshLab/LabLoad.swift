package import Control
import Glibc
import Synchronization

/// Clients that write `critical` state to shards without a pause, through the control sockets of a lab, until they are
/// told to stop. Each has one shard, an id of its own and one write under way; a write that is not acknowledged is
/// repeated with the same sequence, at whatever node owns the shard by then, until it is.
///
/// Of four writes three put a key that is written once; the fourth replaces the client's chain, on the condition that
/// the chain's last entry is the one that was acknowledged last. See `LabLedger` for what that shows.
package final class LabLoad {
  package struct Options: Sendable {
    package var writersPerShard = 1
    /// Between an acknowledgement and the next write of the same client, in seconds.
    package var pause = 0.02
    /// Bytes of each value.
    package var valueSize = 100

    package init() {}
  }

  private let signals = Signals()
  private var threads: [pthread_t] = []
  private var writers: [LabWriter] = []

  /// What all writers look at.
  final class Signals: Sendable {
    let isStopping = Atomic<Bool>(false)
  }

  package init(_ lab: Lab, shards: [MapsReply.Shard], _ options: Options = Options()) throws(LabError) {
    let places = lab.members.map { LabWriter.Place(name: $0.name, socket: $0.socket) }
    for shard in shards {
      for _ in 0..<options.writersPerShard {
        let first = places.firstIndex { $0.name == shard.owner?.name } ?? 0
        writers.append(
          LabWriter(
            number: UInt64(writers.count) + 1, shard: shard.name, places: places, first: first, options: options,
            signals: signals))
      }
    }
    for writer in writers { threads.append(try LabLoad.thread(writer)) }
  }

  deinit { _ = try? stop() }

  /// How many writes of each writer have been acknowledged so far.
  private var counts: [Int] { writers.map { $0.progress.acknowledged.load(ordering: .relaxed) } }

  package var acknowledged: Int { counts.reduce(0, +) }

  /// Waits until each writer (of these shards) has got `count` acknowledgements more than now. Names the shards of those
  /// that have not in time.
  package func wait(for count: Int, of shards: Set<String>? = nil, within seconds: Double) -> [String] {
    let before = counts
    var late: [String] = []
    _ = LabClock.wait(upTo: seconds, every: 0.02) {
      late = zip(writers, zip(before, counts)).compactMap { writer, counts in
        guard shards?.contains(writer.shard) ?? true else { return nil }
        return counts.1 < counts.0 + count ? writer.shard : nil
      }
      return late.isEmpty
    }
    return late
  }

  /// Ends all writers, each after the acknowledgement that it waits for (at most `LabWriter.patience`).
  package func stop() throws(LabError) -> LabLedger {
    signals.isStopping.store(true, ordering: .relaxed)
    for thread in threads { pthread_join(thread, nil) }
    threads = []
    var ledger = LabLedger()
    for writer in writers { ledger.add(writer) }
    writers = []
    return ledger
  }

  private static func thread(_ writer: LabWriter) throws(LabError) -> pthread_t {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, 512 << 10)
    var thread = pthread_t()
    let work = Unmanaged.passRetained(writer)
    let result = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<LabWriter>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, work.toOpaque())
    guard result == 0 else {
      work.release()
      throw LabError("no thread: \(String(cString: strerror(result)))")
    }
    return thread
  }
}

/// One client of a load. Used by its thread alone until that has ended.
final class LabWriter {
  struct Place {
    let name: String
    let socket: String
  }

  /// The longest wait for one answer: longer than a write takes, also while a dead copy is being left out.
  private static let answerTime = Duration.milliseconds(900)
  /// Between two tries.
  private static let retryPause = 0.01
  /// How long a write is repeated after the load was told to stop.
  static let patience = 20.0

  /// What others look at while it runs.
  final class Progress: Sendable {
    let acknowledged = Atomic<Int>(0)
  }

  let client: UInt64
  let shard: String
  let progress = Progress()
  private let places: [Place]
  private let options: LabLoad.Options
  private let signals: LabLoad.Signals
  private var place: Int
  /// Where the round over all nodes is, and whether this try is beside it.
  private var tour: Int
  private var isHint = false
  /// The node that answered nothing when it was last asked.
  private var failed: Int?
  private var connection: ControlClient?

  private(set) var writes: [LabWrite] = []
  /// What must never be answered.
  private(set) var faults: [String] = []
  /// What each node has last said to a write that nobody has acknowledged.
  private(set) var refusals: [String: String] = [:]

  init(
    number: UInt64, shard: String, places: [Place], first: Int, options: LabLoad.Options, signals: LabLoad.Signals
  ) {
    // Loads follow each other on one mesh: a client that comes again with sequence 1 would be taken for the first one.
    client = UInt64.random(in: 1 << 32..<1 << 62) << 8 | number & 0xff
    self.shard = shard
    self.places = places
    self.options = options
    self.signals = signals
    place = first
    tour = first
  }

  func run() {
    var chain: UInt64 = 0
    var sequence: UInt64 = 0
    while !signals.isStopping.load(ordering: .relaxed) {
      sequence += 1
      let isChain = sequence % 4 == 0
      var write = LabWrite(
        key: isChain ? "chain/\(client)" : "once/\(client)/\(sequence)", value: value(sequence), isChain: isChain,
        sent: LabClock.now)
      let request = StateWrite(
        shard: shard, key: Array(write.key.utf8), value: Array(write.value.utf8), durability: .critical,
        expected: isChain ? chain : nil, client: client, clientSequence: sequence)
      if let reply = repeated(request, &write) {
        write.acknowledgement = LabWrite.Acknowledgement(
          at: LabClock.now, epoch: reply.epoch, sequence: reply.sequence)
        if isChain { chain = reply.sequence }
        progress.acknowledged.wrappingAdd(1, ordering: .relaxed)
      }
      writes.append(write)
      // An open write has to stay the client's last one.
      guard write.acknowledgement != nil else { return }
      LabClock.pause(options.pause)
    }
  }

  private func value(_ sequence: UInt64) -> String {
    let text = "\(sequence) of \(client) "
    return text + String(repeating: "x", count: max(0, options.valueSize - text.utf8.count))
  }

  private func repeated(_ request: StateWrite, _ write: inout LabWrite) -> StateWriteReply? {
    var stopSeen: Double?
    refusals = [:]
    while true {
      write.tries += 1
      do throws(Fault) {
        let reply: StateWriteReply = try open().ask(.shards(.write(request)))
        if failed == place { failed = nil }
        isHint = false
        return reply
      } catch {
        refusals[places[place].name] = "\(error.code) \(error.sentence)"
        if write.refusals.count < LabWrite.refusalsLimit {
          write.refusals.append((at: LabClock.now, text: "\(places[place].name) \(error.code) \(error.sentence)"))
        }
        switch ErrorCode(rawValue: error.code) {
        case .shardElsewhere:
          // The owner's name, when it is told; otherwise the next one.
          turn(to: places.firstIndex { error.sentence.contains(" is owned by \($0.name),") })
        case .shardHeld, .shardBusy, .belowMinimum: break
        case .stateConflict, .badRequest, .stateTooLarge:
          // Nobody else writes this key, and every write comes once only.
          faults.append("try \(write.tries) of \(write.key): \(error.sentence)")
          return nil
        default:
          failed = place
          turn(to: nil)
        }
      }
      if signals.isStopping.load(ordering: .relaxed) {
        let since = stopSeen ?? LabClock.now
        stopSeen = since
        if LabClock.now > since + LabWriter.patience { return nil }
      }
      LabClock.pause(LabWriter.retryPause)
    }
  }

  private func open() throws(Fault) -> ControlClient {
    if let connection { return connection }
    let opened = try ControlClient(socket: places[place].socket, timeout: LabWriter.answerTime)
    connection = opened
    return opened
  }

  /// After a failure nothing more may be read from a connection: an old answer could come. A name that was told is
  /// followed once; when it leads nowhere the round over all nodes goes on, because nodes that know nothing new could
  /// send a client back and forth between them.
  private func turn(to next: Int?) {
    connection = nil
    if let next, next != place, next != failed, !isHint {
      isHint = true
      place = next
    } else {
      isHint = false
      tour = (tour + 1) % places.count
      place = tour
    }
  }
}

/// One write of a load and what became of it.
package struct LabWrite: Sendable {
  package struct Acknowledgement: Sendable {
    package var at: Double
    package var epoch: UInt64
    package var sequence: UInt64
  }

  package var key: String
  package var value: String
  package var isChain: Bool
  /// When it was sent for the first time.
  package var sent: Double
  package var tries = 0
  /// The first refusals, to find out afterwards what a long pause was made of.
  package var refusals: [(at: Double, text: String)] = []
  package static let refusalsLimit = 400
  package var acknowledgement: Acknowledgement?
}
