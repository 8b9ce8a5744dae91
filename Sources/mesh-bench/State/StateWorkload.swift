import Glibc

/// The keys and values of the workload: `shards` × `keysPerShard` keys, values of 100 bytes that hardly compress.
struct StateWorkload {
  static let shards = 24
  static let keysPerShard = 1_000
  static let valueSize = 100
  static let clients = 32

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// What all clients draw from. The same for all systems.
  static let values: [[UInt8]] = {
    var chance = BenchChance(seed: 1)
    return (0..<256).map { _ in (0..<valueSize).map { _ in alphabet[Int(chance.next() % 64)] } }
  }()

  static func key(_ number: Int) -> String {
    let digits = String(number)
    return "k" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
  }
}

/// A small generator (SplitMix64), so that every run draws the same.
struct BenchChance {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}

/// What a system answers to a write.
enum StateOutcome {
  case acknowledged
  case refused(String)
}

/// How a system is spoken to; each connection has a copy of its own. Everything that can be prepared is, so that the load generator costs
/// little beside the system, and about as much with each of them.
protocol StateDialect {
  /// Appends the request that puts the value with this number under a key of a shard.
  mutating func write(key: Int, ofShard shard: Int, value: Int, to request: inout [UInt8])
  /// Reads one answer from the beginning: its length and its meaning; `nil` when it has not come whole.
  mutating func answer(_ bytes: ArraySlice<UInt8>) -> (length: Int, outcome: StateOutcome)?
}

/// The control socket of a node: JSON, one object on a line.
struct MeshDialect: StateDialect {
  private let heads: [[UInt8]]
  private let middle = Array("\"},\"value\":{\"text\":\"".utf8)
  private let tail = Array("\"}}\n".utf8)
  private let keys = (0..<StateWorkload.keysPerShard).map { Array(StateWorkload.key($0).utf8) }

  init(shards: [String], durability: String) {
    heads = shards.map { shard in
      Array(
        "{\"control\":1,\"request\":\"state.put\",\"durability\":\"\(durability)\",\"shard\":\"\(shard)\",\"key\":{\"text\":\""
          .utf8)
    }
  }

  func write(key: Int, ofShard shard: Int, value: Int, to request: inout [UInt8]) {
    request += heads[shard]
    request += keys[key]
    request += middle
    request += StateWorkload.values[value]
    request += tail
  }

  private static let written = Array("mesh.state.written/1".utf8)

  func answer(_ bytes: ArraySlice<UInt8>) -> (length: Int, outcome: StateOutcome)? {
    guard let end = bytes.firstIndex(of: 0x0a) else { return nil }
    let line = bytes[..<end]
    let outcome: StateOutcome =
      line.contains(MeshDialect.written) ? .acknowledged : .refused(String(decoding: line, as: UTF8.self))
    return (end + 1 - bytes.startIndex, outcome)
  }
}

/// SET and WAIT in one packet, as a client sends them that wants to know of its copies (RESP 2).
struct RedisDialect: StateDialect {
  private let copies: Int
  private let heads: [[UInt8]]
  private let middle = Array("\r\n$\(StateWorkload.valueSize)\r\n".utf8)
  private let tail: [UInt8]

  init(waitingFor copies: Int) {
    self.copies = copies
    heads = (0..<StateWorkload.shards * StateWorkload.keysPerShard).map { number in
      let (shard, key) = number.quotientAndRemainder(dividingBy: StateWorkload.keysPerShard)
      let name = StateKey.flat(shard: shard, key: key)
      return Array("*3\r\n$3\r\nSET\r\n$\(name.utf8.count)\r\n\(name)".utf8)
    }
    tail = Array("\r\n*3\r\n$4\r\nWAIT\r\n$1\r\n\(copies)\r\n$4\r\n1000\r\n".utf8)
  }

  func write(key: Int, ofShard shard: Int, value: Int, to request: inout [UInt8]) {
    request += heads[shard * StateWorkload.keysPerShard + key]
    request += middle
    request += StateWorkload.values[value]
    request += tail
  }

  func answer(_ bytes: ArraySlice<UInt8>) -> (length: Int, outcome: StateOutcome)? {
    guard let first = bytes.firstIndex(of: 0x0a), let second = bytes[(first + 1)...].firstIndex(of: 0x0a) else {
      return nil
    }
    let count = second + 1 - bytes.startIndex
    let set = String(decoding: bytes[..<first], as: UTF8.self).filter { $0 != "\r" }
    let wait = String(decoding: bytes[(first + 1)..<second], as: UTF8.self).filter { $0 != "\r" }
    guard set == "+OK", wait.first == ":", let reached = Int(wait.dropFirst()), reached >= copies else {
      return (count, .refused("SET \(set), WAIT \(copies) \(wait)"))
    }
    return (count, .acknowledged)
  }
}

enum StateKey {
  /// For systems without shards.
  static func flat(shard: Int, key: Int) -> String { "s\(shard < 10 ? "0" : "")\(shard)/\(StateWorkload.key(key))" }
}
