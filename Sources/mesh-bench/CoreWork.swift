import AllocationCounter
import Gossip
import SecureChannel
import Wire

/// The cost of something that is done again and again.
struct Repeated {
  /// Median over the batches.
  var nanoseconds: Double
  /// Over all of them, after a first batch.
  var allocations: Double

  static func measure(_ count: Int, batches: Int = 9, _ body: (Int) -> Void) -> Repeated {
    for index in 0..<count { body(index) }
    var spans: [Double] = []
    spans.reserveCapacity(batches)
    allocation_counter_start()
    for _ in 0..<batches {
      let start = threadNanoseconds()
      for index in 0..<count { body(index) }
      spans.append(Double(threadNanoseconds() - start) / Double(count))
    }
    let allocations = allocation_counter_stop()
    spans.sort()
    return Repeated(nanoseconds: spans[batches / 2], allocations: Double(allocations) / Double(count * batches))
  }
}

/// A full gossip packet: a ping and twelve self-records.
enum CodecWork {
  /// {1, sequence 4, generation, refutation, root 8, live 2, settled, health}.
  private static func ping() -> Message? {
    let bytes: [UInt8] = [1, 7, 0, 0, 0, 0x80, 0x80, 1, 0] + [UInt8](repeating: 9, count: 8) + [50, 0, 255, 0]
    return bytes.withUnsafeBytes {
      var reader = Reader($0)
      return try? Message(reading: &reader)
    }
  }

  static func rows() -> [BenchRow] {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: DatagramSize.frameBody, alignment: 16)
    defer { bytes.deallocate() }
    let records = (0..<12).map { index in
      SelfRecord(
        host: HostID(rawValue: mix64(UInt64(index))), incarnation: Incarnation(generation: 40_000_000, refutation: 1),
        endpoint: Endpoint(ipv4: 0x0a00_0001 + UInt32(index), port: 7_000), metadataVersion: 1 << 40, roles: .host)
    }
    let signature = Signature { $0.initializeMemory(as: UInt8.self, repeating: 7) }
    guard let ping = ping() else { preconditionFailure("a good ping is refused") }
    var size = 0
    let written = Repeated.measure(20_000) { _ in
      var writer = Writer(bytes)
      ping.write(into: &writer)
      for record in records { Item.alive(record, signature).write(into: &writer) }
      size = writer.count
    }
    precondition(size > 900, "the packet is not full")
    var items = 0
    let read = Repeated.measure(20_000) { _ in
      var reader = Reader(UnsafeRawBufferPointer(rebasing: bytes[..<size]))
      guard (try? Message(reading: &reader)) != nil else { return }
      while !reader.isAtEnd, (try? Item(reading: &reader)) != nil { items += 1 }
    }
    precondition(items == 10 * 20_000 * records.count, "the packet does not read as it was written")
    let things = 13.0
    return [
      BenchRow(what: "codec: writing, per message or item", measured: written.nanoseconds / things, unit: "ns"),
      BenchRow(what: "codec: reading, per message or item", measured: read.nanoseconds / things, unit: "ns"),
      BenchRow(
        what: "codec: allocations per packet read and written", measured: written.allocations + read.allocations,
        unit: "allocations"),
    ]
  }
}

/// A frame through one channel and out of another, beside the bare cipher over as many bytes.
enum SealWork {
  static func rows() throws -> [BenchRow] {
    let pair = try ChannelPair(seed: 3)
    var rows: [BenchRow] = []
    for size in [64, 1_188] {
      var delivered = 0
      let whole = Repeated.measure(2_000) { _ in delivered += pair.carry(size) }
      precondition(delivered == 10 * 2_000, "frames were lost: \(delivered)")
      let bare = try cipher(size)
      rows += [
        BenchRow(
          what: "seal and open, frame of \(size) bytes", measured: whole.nanoseconds / 1e3, unit: "µs",
          reference: "bare ChaCha20-Poly1305", referenceMeasured: bare.nanoseconds / 1e3),
        BenchRow(
          what: "seal and open, frame of \(size) bytes: allocations per datagram", measured: whole.allocations,
          unit: "allocations", budget: 0),
      ]
    }
    return rows
  }

  private static func cipher(_ size: Int) throws -> Repeated {
    let padded = (size + 12 + 15) & ~15
    guard let arena = SecretArena(), let key = arena.allocate(ChaChaPoly.keySize) else {
      throw FloodError.noSecretMemory
    }
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: padded + ChaChaPoly.tagSize, alignment: 16)
    defer { bytes.deallocate() }
    bytes.initializeMemory(as: UInt8.self, repeating: 1)
    let header = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 16)
    defer { header.deallocate() }
    header.initializeMemory(as: UInt8.self, repeating: 2)
    return Repeated.measure(2_000) { index in
      let counter = UInt64(index)
      ChaChaPoly.seal(inPlace: bytes, key: key, counter: counter, authenticating: UnsafeRawBufferPointer(header))
      let opened = ChaChaPoly.open(
        inPlace: bytes, key: key, counter: counter, authenticating: UnsafeRawBufferPointer(header))
      precondition(opened != nil)
    }
  }
}

/// A whole handshake, both sides, beside its Diffie-Hellman operations alone.
enum HandshakeWork {
  /// Two new keys, and es, ee, se on each side (ss is remembered per pair of hosts).
  private static let operations = 8

  static func rows() throws -> [BenchRow] {
    let network = try FloodNetwork(seed: 5)
    let handshake = Repeated.measure(20) { index in
      guard let pair = try? ChannelPair(network, seed: UInt64(index)) else { preconditionFailure("no session") }
      precondition(pair.sessions == 2)
    }
    guard let arena = SecretArena(),
      let one = ExchangeKeyPair(arena: arena, entropy: SeededEntropy(seed: 1)),
      let other = ExchangeKeyPair(arena: arena, entropy: SeededEntropy(seed: 2))
    else { throw FloodError.noSecretMemory }
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 32, alignment: 16)
    defer { output.deallocate() }
    let exchange = Repeated.measure(200) { _ in
      let isGood = other.publicKey.withUnsafeBytes { one.shared(with: $0, into: output) }
      precondition(isGood)
    }
    return [
      BenchRow(
        what: "handshake of two new channels, both sides, certificates checked", measured: handshake.nanoseconds / 1e3,
        unit: "µs", reference: "\(operations) × X25519",
        referenceMeasured: exchange.nanoseconds * Double(operations) / 1e3)
    ]
  }
}

/// Two channels that hand datagrams to each other.
final class ChannelPair {
  private final class Side {
    var channel: Channel
    var effects = ChannelEffects(buffer: MessageBuffer())
    let host: HostID
    let endpoint: Endpoint

    init(_ channel: Channel, _ host: HostID, _ endpoint: Endpoint) {
      self.channel = channel
      self.host = host
      self.endpoint = endpoint
    }
  }

  private let sides: [Side]
  private var now: Now
  private var turn = 0

  convenience init(seed: UInt64) throws { try self.init(FloodNetwork(seed: seed), seed: seed) }

  /// With a session between them.
  init(_ network: FloodNetwork, seed: UInt64) throws {
    now = Now(monotonic: 1_000_000_000, wall: network.wall)
    sides = try (0..<2).map { index in
      let roster = Roster(network: network.network, identity: network.identities[index])
      let entropy = SeededEntropy(seed: seed &+ UInt64(index) &+ 7)
      guard
        let channel = Channel(
          roster: roster, certificate: network.certificates[index], arena: network.arena, entropy: entropy, seed: seed,
          bootID: entropy.u64(), labelFloor: 0, settings: ChannelSettings(port: 7_000, reaches: .loopback))
      else { throw FloodError.noChannel }
      return Side(
        channel, network.identities[index].hostID, Endpoint(ipv4: 0x7f00_0001, port: 7_000 + UInt16(index)))
    }
    sides[0].channel.handle(
      .command(.introduce(network.identities[1].key, at: sides[1].endpoint)), now: now, into: &sides[0].effects)
    _ = carry(64)
    for _ in 0..<3 { for index in 0..<2 { _ = hand(from: index) } }
    guard sessions == 2 else { throw FloodError.noSession }
  }

  var sessions: Int { sides.count { side in sides.contains { side.channel.hasSession(with: $0.host) } } }

  /// One frame over, by turns in both directions; how many arrived.
  func carry(_ size: Int) -> Int {
    turn ^= 1
    let from = 1 - turn
    now.monotonic += 2_000_000
    now.wall += 2_000_000
    guard let message = sides[from].effects.buffer.append(maximum: size, { $0.zeros(size) }) else { return 0 }
    sides[from].channel.send(
      .gossip, message, to: sides[1 - from].host, at: sides[1 - from].endpoint, now: now, into: &sides[from].effects)
    return hand(from: from)
  }

  private func hand(from index: Int) -> Int {
    let (from, to) = (sides[index], sides[1 - index])
    for send in 0..<from.effects.sends.count {
      let datagram = from.effects.buffer.bytes(of: from.effects.sends[send].message)
      to.channel.handle(.datagram(datagram, from: from.endpoint), now: now, into: &to.effects)
    }
    let delivered = to.effects.deliveries.count
    to.effects.deliveries.removeAll(keepingCapacity: true)
    to.effects.deadlines.removeAll(keepingCapacity: true)
    to.effects.events.removeAll(keepingCapacity: true)
    from.effects.removeAll()
    from.effects.buffer.removeAll()
    // What the other wants to say goes over with its own next turn, unless it is a plain frame's answer: there is none.
    return delivered
  }
}
