import Glibc
import MeshLab

/// Where a connection goes.
enum StatePlace: Hashable {
  case unix(String)
  case loopback(port: UInt16)

  /// A connected socket that does not block.
  func open() throws(LabError) -> Int32 {
    let descriptor: Int32
    let result: Int32
    switch self {
    case .unix(let path):
      descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      let bytes = Array(path.utf8)
      guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw LabError("\(path) is too long") }
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
      result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    case .loopback(let port):
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
    guard result == 0 else {
      let reason = String(cString: strerror(errno))
      close(descriptor)
      throw LabError("cannot connect to \(self): \(reason)")
    }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    var one: Int32 = 1
    if case .loopback = self {
      setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }
    return descriptor
  }
}

/// Clients with one write under way each, all on one thread that polls: the same generator for every system.
final class ClosedLoop<Dialect: StateDialect> {
  /// One client: where it writes to, and which keys it fills in the beginning.
  struct Client {
    var place: StatePlace
    /// Its shards.
    var shards: [Int]
    /// It is this one of so many with the same shards.
    var part = (index: 0, count: 1)
  }

  struct Result {
    var seconds: Double
    /// Of each acknowledged write, in ms, sorted.
    var latencies: [Double]
    var refused: Int
    /// The first refusal.
    var refusal: String?
  }

  private struct Connection {
    var descriptor: Int32
    var client: Client
    var dialect: Dialect
    var toFill: [(shard: Int, key: Int)]
    var request: [UInt8] = []
    var received: [UInt8] = []
    var began = 0.0
    var current = (shard: 0, key: 0)
  }

  /// Longer than any write may take while nobody dies.
  private static var patience: Double { 20 }

  private var connections: [Connection] = []
  private var chance = BenchChance(seed: 2)
  private var chunk = [UInt8](repeating: 0, count: 16 << 10)

  init(_ dialect: Dialect, _ clients: [Client]) throws(LabError) {
    for client in clients {
      let keys = client.shards.flatMap { shard in (0..<StateWorkload.keysPerShard).map { (shard: shard, key: $0) } }
      let own = keys.enumerated().filter { $0.offset % client.part.count == client.part.index }.map(\.element)
      connections.append(Connection(descriptor: try client.place.open(), client: client, dialect: dialect, toFill: own))
    }
  }

  deinit { for connection in connections { close(connection.descriptor) } }

  /// Writes every key once.
  func fill() throws(LabError) { _ = try run(until: .infinity, isFilling: true) }

  /// Writes keys at random for so long.
  func run(seconds: Double) throws(LabError) -> Result { try run(until: LabClock.now + seconds, isFilling: false) }

  private func run(until end: Double, isFilling: Bool) throws(LabError) -> Result {
    let start = LabClock.now
    var result = Result(seconds: 0, latencies: [], refused: 0, refusal: nil)
    var waiting = 0
    for index in connections.indices where try begin(index, isFilling: isFilling) { waiting += 1 }
    var entries = connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    var lastAnswer = start
    while waiting > 0 {
      if BenchInterrupt.came { throw LabError("interrupted") }
      let ready = poll(&entries, nfds_t(entries.count), 500)
      guard ready >= 0 || errno == EINTR else { throw LabError("poll: \(String(cString: strerror(errno)))") }
      let now = LabClock.now
      if ready > 0 { lastAnswer = now }
      if now > lastAnswer + ClosedLoop.patience { throw LabError("no answer for \(Int(ClosedLoop.patience)) s") }
      guard ready > 0 else { continue }
      for index in entries.indices where entries[index].revents != 0 {
        entries[index].revents = 0
        guard let outcome = try receive(index) else { continue }
        let moment = LabClock.now
        waiting -= 1
        switch outcome {
        case .acknowledged:
          // What is answered after the end counts neither as a write nor as time.
          if moment <= end { result.latencies.append((moment - connections[index].began) * 1_000) }
        case .refused(let text):
          result.refused += 1
          result.refusal = result.refusal ?? text
          if isFilling { connections[index].toFill.append(connections[index].current) }
          if result.refused > 10_000 { throw LabError("nothing but refusals, such as: \(text)") }
        }
        if moment < end, try begin(index, isFilling: isFilling) { waiting += 1 }
      }
    }
    result.seconds = min(end, LabClock.now) - start
    result.latencies.sort()
    return result
  }

  /// Sends the next write of a client; false when it has none.
  private func begin(_ index: Int, isFilling: Bool) throws(LabError) -> Bool {
    if isFilling {
      guard let next = connections[index].toFill.popLast() else { return false }
      connections[index].current = next
    } else {
      let shards = connections[index].client.shards
      connections[index].current = (
        shards[Int(chance.next() % UInt64(shards.count))], Int(chance.next() % UInt64(StateWorkload.keysPerShard))
      )
    }
    let (shard, key) = connections[index].current
    var request: [UInt8] = []
    // Taken out and put back: it keeps its memory.
    swap(&request, &connections[index].request)
    defer { connections[index].request = request }
    request.removeAll(keepingCapacity: true)
    connections[index].dialect.write(
      key: key, ofShard: shard, value: Int(chance.next() % UInt64(StateWorkload.values.count)), to: &request)
    connections[index].began = LabClock.now
    var sent = 0
    // A few hundred bytes, with nothing else under way: they fit into the socket's buffer.
    while sent < request.count {
      let count = request[sent...].withUnsafeBytes {
        send(connections[index].descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        sent += count
      } else if errno != EINTR {
        throw LabError("cannot send: \(String(cString: strerror(errno)))")
      }
    }
    return true
  }

  private func receive(_ index: Int) throws(LabError) -> StateOutcome? {
    let count = chunk.withUnsafeMutableBytes { recv(connections[index].descriptor, $0.baseAddress, $0.count, 0) }
    if count < 0, errno == EAGAIN || errno == EINTR { return nil }
    guard count > 0 else { throw LabError("\(connections[index].client.place) closed the connection") }
    connections[index].received += chunk[..<count]
    guard let (length, outcome) = connections[index].dialect.answer(connections[index].received[...]) else {
      return nil
    }
    connections[index].received.removeFirst(length)
    return outcome
  }
}
