import MapShard
import Wire

/// The link of a pair of machines: one connection, three carriers, each with an order of its own.
///
/// While a path is cut the frames wait in it, as in TCP, and arrive late when it opens in time; a link that breaks loses
/// what is in it. Either side notices that by itself.
struct Link: Sendable {
  /// Frames of one carrier in one direction, oldest first.
  struct Lane: Sendable {
    var frames: ContiguousArray<(dueAt: UInt64, bytes: [UInt8])> = []
    var lastDue: UInt64 = 0
    var bytes = 0
  }

  /// Rises with each connection: what was meant for an earlier one is void.
  var generation: UInt32 = 0
  var isUp = false
  /// The processes that it connects.
  var lives = (Life(rawValue: 0), Life(rawValue: 0))
  /// Whether each side (0: the lower machine) wants it, and believes that it stands.
  var wanted = (false, false)
  var believed = (false, false)
  var isDialing = false
  /// Lanes by direction (0: from the lower machine) and carrier.
  var lanes: ContiguousArray<Lane> = ContiguousArray(repeating: Lane(), count: 6)

  var isWanted: Bool { wanted.0 || wanted.1 }

  static func lane(_ direction: Int, _ carrier: ShardCarrier) -> Int {
    let place =
      switch carrier {
      case .register: 0
      case .replication: 1
      case .catchUp: 2
      }
    return direction * 3 + place
  }

  static let carriers: [ShardCarrier] = [.register, .replication, .catchUp]

  mutating func clear() {
    for index in lanes.indices { lanes[index] = Lane() }
  }

  func believes(_ side: Int) -> Bool { side == 0 ? believed.0 : believed.1 }

  mutating func setBelieved(_ side: Int, _ value: Bool) {
    if side == 0 { believed.0 = value } else { believed.1 = value }
  }

  mutating func setWanted(_ side: Int, _ value: Bool) {
    if side == 0 { wanted.0 = value } else { wanted.1 = value }
  }
}

/// The links of all pairs.
struct Links: Sendable {
  private let count: Int
  private var links: ContiguousArray<Link>

  init(machines: Int) {
    count = machines
    links = ContiguousArray(repeating: Link(), count: machines * machines)
  }

  subscript(_ first: Int, _ second: Int) -> Link {
    get { links[min(first, second) * count + max(first, second)] }
    _modify { yield &links[min(first, second) * count + max(first, second)] }
  }
}
