import RathenaLink
import Testing
import Wire

/// An outbox with the log that its host keeps, and what it has sent.
struct OutboxRig {
  var outbox: SaveOutbox
  /// The shard's entries, as every member of its in-sync set has them.
  var log: [[UInt8]: [UInt8]] = [:]
  var toBridge: [Sent] = []
  var fullCount = 0
  private var effects = SaveOutboxEffects(buffer: MessageBuffer())

  enum Sent: Equatable {
    case left(Reign, UInt64, [UInt8])
    case caughtUp(Reign)
    case kept(Reign, UInt64, [UInt8])
    case resent(Reign)
  }

  init(_ outbox: SaveOutbox = SaveOutbox()) { self.outbox = outbox }

  mutating func handle(_ input: SaveOutboxInput) {
    outbox.handle(input, into: &effects)
    collect()
    while effects.hasMore {
      effects.removeAll()
      outbox.handle(.more, into: &effects)
      collect()
    }
    effects.removeAll()
  }

  private mutating func collect() {
    func bytes(_ message: MessageRange) -> [UInt8] { [UInt8](effects.buffer.bytes(of: message)) }
    for change in effects.log {
      switch change {
      case .put(_, let key, let value): log[bytes(key)] = bytes(value)
      case .erase(_, let key):
        #expect(log.removeValue(forKey: bytes(key)) != nil)
      }
    }
    for sent in effects.toBridge {
      switch sent {
      case .left(let reign, let sequence, let message): toBridge.append(.left(reign, sequence, bytes(message)))
      case .caughtUp(let reign): toBridge.append(.caughtUp(reign))
      case .kept(let reign, let sequence, let message): toBridge.append(.kept(reign, sequence, bytes(message)))
      case .resent(let reign): toBridge.append(.resent(reign))
      }
    }
    if effects.isFull { fullCount += 1 }
  }

  mutating func frame(_ bytes: [UInt8], _ reign: Reign, _ sequence: UInt64, isSent: Bool = false) {
    bytes.withUnsafeBytes { handle(.frame($0, reign, sequence: sequence, isSent: isSent)) }
  }

  /// A successor reads the shard's log in the order of its keys.
  mutating func adopt(_ shard: ShardID, from other: OutboxRig) {
    log = other.log
    for key in log.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      key.withUnsafeBytes { key in
        (log[[UInt8](key)] ?? []).withUnsafeBytes { handle(.logged(shard, key: key, value: $0)) }
      }
    }
  }

  mutating func takeToBridge() -> [Sent] {
    defer { toBridge = [] }
    return toBridge
  }
}

@Suite("The outbox of a host")
struct SaveOutboxTests {
  private let reign = Rig.reign(1)
  private let player = Made.player(1)
  private let registry = [UInt8](hex: "0430 1400 81841e00 f1490200 0000 00000000 0000")

  private func storage(_ part: UInt8, _ value: UInt8) -> [UInt8] {
    [UInt8](hex: "8b30 0f00") + [part] + [UInt8](hex: "81841e00 f1490200") + [0, value]
  }

  @Test("saves are logged under sortable keys until they are taken; other frames are not")
  func logs() throws {
    var rig = OutboxRig()
    rig.handle(.owner(reign))
    rig.handle(.bridgeOpened)
    let saves = [Made.save(player, value: 1), storage(1, 1), registry, Made.save(player, value: 2)]
    for (place, save) in saves.enumerated() { rig.frame(save, reign, [3, 9, 255, 256][place], isSent: true) }
    rig.frame(Made.offline(player), reign, 257, isSent: true)
    #expect(rig.log.count == 4)
    let keys = rig.log.keys.sorted { $0.lexicographicallyPrecedes($1) }
    #expect(keys.map { rig.log[$0] } == saves)
    #expect(keys.allSatisfy { $0.count == 30 && $0.starts(with: Array("@save/".utf8)) })
    let sequences = try keys.map { try $0.withUnsafeBytes { try SaveKey($0, shard: reign.shard) } }
    #expect(sequences.map(\.sequence) == [3, 9, 255, 256] && sequences.allSatisfy { $0.reign == reign })
    rig.handle(.taken(reign, sequence: 255))
    #expect(Array(rig.log.values) == [saves[3]])
    rig.handle(.taken(Rig.reign(1, epoch: 2), sequence: 999))
    #expect(rig.log.count == 1)
    rig.handle(.taken(reign, sequence: 300))
    #expect(rig.log.isEmpty && rig.outbox.bytes == 0 && rig.outbox.count == 0)
    #expect(rig.outbox.counters.kept == 4 && rig.outbox.counters.taken == 4 && rig.outbox.counters.replaced == 0)
  }

  @Test("while the bridge is away only the newest of a kind is kept, finals and registry all, and they go out in order")
  func away() {
    var rig = OutboxRig()
    rig.handle(.owner(reign))
    rig.handle(.bridgeOpened)
    #expect(rig.takeToBridge() == [.caughtUp(reign)])
    // These two have gone, and may have arrived.
    rig.frame(Made.save(player, value: 1), reign, 1, isSent: true)
    rig.frame(Made.save(player, value: 2), reign, 2, isSent: true)
    #expect(rig.log.count == 2)
    rig.handle(.bridgeClosed)
    #expect(rig.log.count == 1)
    let frames = [
      storage(1, 3), registry, Made.save(player, final: true, value: 4), storage(2, 5), storage(1, 6), registry,
      Made.save(player, value: 7), Made.save(Made.player(2), value: 8), Made.save(player, final: true, value: 9),
      Made.save(player, value: 10),
    ]
    for (place, frame) in frames.enumerated() { rig.frame(frame, reign, UInt64(3 + place)) }
    #expect(rig.takeToBridge().isEmpty)
    rig.handle(.bridgeOpened)
    #expect(rig.takeToBridge() == [.caughtUp(reign)])
    rig.handle(.resend(reign))
    let left = [4, 5, 6, 7, 8, 10, 11, 12].map { OutboxRig.Sent.kept(reign, UInt64($0), frames[$0 - 3]) }
    #expect(rig.takeToBridge() == left + [.resent(reign)])
    #expect(rig.log.count == 8 && rig.outbox.counters.replaced == 4)
    // Now it is there: nothing is replaced, nothing goes twice.
    rig.frame(Made.save(player, value: 11), reign, 20, isSent: true)
    #expect(rig.log.count == 9)
    rig.handle(.resend(reign))
    #expect(rig.takeToBridge() == [.resent(reign)])
  }

  @Test("it is bounded: what has no room is counted; a newer save of the same kind still takes the place of the older")
  func bounded() {
    var rig = OutboxRig(SaveOutbox(bytesLimit: 500))
    rig.handle(.owner(reign))
    for number: UInt32 in 1...3 { rig.frame(Made.save(Made.player(number), value: 1), reign, UInt64(number)) }
    #expect(rig.fullCount == 1 && rig.outbox.counters.full == 1 && rig.outbox.count == 2)
    for value: UInt32 in 4...5_000 { rig.frame(Made.save(player, value: value), reign, UInt64(value)) }
    #expect(rig.fullCount == 1 && rig.log.count == 2 && rig.outbox.bytes == 426)
    #expect(rig.log.values.contains(Made.save(player, value: 5_000)))
  }

  @Test("it goes out in slices, all of it and in order")
  func slices() {
    var rig = OutboxRig(SaveOutbox(slice: 1_000))
    rig.handle(.owner(reign))
    for number: UInt32 in 1...40 { rig.frame(Made.save(Made.player(number)), reign, UInt64(number)) }
    rig.handle(.bridgeOpened)
    rig.handle(.resend(reign))
    let all = (1...40).map { OutboxRig.Sent.kept(reign, UInt64($0), Made.save(Made.player(UInt32($0)))) }
    #expect(rig.takeToBridge() == [.caughtUp(reign)] + all + [.resent(reign)])
  }

  @Test("what is no save, of no reign of this host or out of order is not kept; noise in the log is passed over")
  func outOfPlace() {
    var rig = OutboxRig()
    rig.frame(Made.save(player), reign, 1)
    rig.handle(.owner(reign))
    rig.frame(Made.save(player), reign, 5)
    rig.frame(Made.save(Made.player(2)), reign, 5)
    rig.frame(Made.save(player), Rig.reign(2), 6)
    rig.frame([UInt8](hex: "992b"), reign, 7)
    #expect(rig.log.count == 1 && rig.outbox.counters.outOfPlace == 3)
    for key in [[UInt8](), Array("@save/1234".utf8), Array("@sale/".utf8) + [UInt8](repeating: 0, count: 24)] {
      key.withUnsafeBytes { key in
        Made.save(player).withUnsafeBytes { rig.handle(.logged(reign.shard, key: key, value: $0)) }
      }
    }
    #expect(rig.outbox.counters.malformed == 3 && rig.outbox.count == 1)
    rig.handle(.lost(reign.shard))
    #expect(rig.outbox.count == 0 && rig.log.count == 1)
  }
}
