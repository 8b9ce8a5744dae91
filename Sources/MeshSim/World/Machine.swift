import NodeCore
import SecureChannel
import Wire

/// A machine: an address, clocks, a disk, and at most one process.
final class Machine<Channel: PeerChannel> {
  let number: Int
  /// Whose keys are on its disk. Differs from `number` only for a clone.
  var identity: Int
  var endpoint: Endpoint
  var clock: HostClock
  var disk = Disk()
  /// How often a process was started here; names its lives.
  var lives: UInt32 = 0
  var process: Process<Channel>?

  init(number: Int, endpoint: Endpoint, clock: HostClock) {
    self.number = number
    self.identity = number
    self.endpoint = endpoint
    self.clock = clock
  }
}

/// One life of a node, with what its shell holds: the state of its loop, its socket's buffer, its connections.
final class Process<Channel: PeerChannel> {
  /// Something that came in while the loop could not take it.
  enum Arrival {
    case datagram(Int32)
    case stream(ConnectionID, Streams.Input)
    case persisted(token: UInt64, durable: Bool)
    case whole(WholeInput)
  }

  /// The receive buffer that the shell asks for, less what the kernel takes for itself (it counts about 500 bytes per
  /// datagram beside its content).
  private static var receiveBuffer: Int { 4 << 20 }
  private static var kernelOverhead: Int { 512 }
  /// Bytes that a blocked socket takes from the node before the kernel refuses more.
  static var sendBuffer: Int { 4 << 20 }

  let life: UInt32
  var node: Node<Channel>
  /// The same node a second time: it gets the same inputs and must have the same effects (check 10).
  var twin: Node<Channel>?

  // The loop
  /// The loop stands until this world time.
  var standsUntil: UInt64 = 0
  /// While starved: how long the loop stands after each turn, and until when.
  var pause: UInt64 = 0
  var starvedUntil: UInt64 = 0
  var blockedUntil: UInt64 = 0
  var blockKind = Fault.BlockKind.queue
  var hasBlockedSend = false
  var arrivals: [Arrival] = []
  var buffered = 0
  /// Deadlines that passed while the loop stood, in order, with the world time at which they were due.
  var late: [(at: UInt64, timer: Timer)] = []
  var held: [(to: Int, bytes: [UInt8])] = []
  var heldBytes = 0

  var isLeaving = false
  /// The node has been told to leave: it judges nobody any more.
  var saysGoodbye = false
  var streams: [ConnectionID: Int] = [:]
  var persists: [UInt64: NodeEffects.Persist.Content] = [:]
  var whole = WholeProcess()

  init(life: UInt32, node: Node<Channel>, twin: Node<Channel>?) {
    self.life = life
    self.node = node
    self.twin = twin
  }

  /// False when the socket's buffer is full: the kernel drops the datagram.
  func buffer(datagram slot: Int32, count: Int) -> Bool {
    let size = count + Process.kernelOverhead
    guard buffered + size <= Process.receiveBuffer else { return false }
    buffered += size
    arrivals.append(.datagram(slot))
    return true
  }

  func unbuffer(datagramOf count: Int) { buffered -= count + Process.kernelOverhead }
}
