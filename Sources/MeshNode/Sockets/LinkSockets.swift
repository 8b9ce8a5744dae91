import EventLoop
import SecureChannel
import Wire

/// What the channel hears of its TCP connections.
protocol LinkSocketsClient: AnyObject {
  func accepted(_ connection: ConnectionID, from: Endpoint)
  func connected(_ connection: ConnectionID)
  func received(_ connection: ConnectionID, _ bytes: UnsafeRawBufferPointer)
  func drained(_ connection: ConnectionID)
  /// Also for a connection that could not be opened or that the channel closed itself; the last call for this number.
  func closed(_ connection: ConnectionID)
}

/// The TCP connections of the mesh port, by the numbers under which the channel knows them.
final class LinkSockets {
  struct Counters {
    /// Connections that came in, and those of them that were refused because too many are open.
    var accepted: UInt64 = 0
    var acceptErrors: UInt64 = 0
    var connectErrors: UInt64 = 0
    var bytesReceived: UInt64 = 0
    var bytesSent: UInt64 = 0
    /// Connections ended because the channel wrote more than may wait.
    var overfull: UInt64 = 0
  }

  /// Bytes of one connection that may wait for the kernel: the channel has a credit of 1 MiB per link channel (4 MiB for
  /// the char-link) under way, and stops writing until `drained`.
  static let writeLimit = 16 << 20

  private(set) var counters = Counters()
  weak var client: (any LinkSocketsClient)?
  private let loop: Loop
  private var streams: [ConnectionID: Stream] = [:]
  private var lastAccepted = ConnectionID.acceptedBit
  private var isClosing = false
  /// What this turn writes, by connection; at most what the links' credit allows.
  private var gathered: [(connection: ConnectionID, bytes: [UInt8])] = []
  /// Written at once, so `drained` is due. Told in the next turn: one connection to a quick reader must not fill this one.
  private var drainedAtOnce: [ConnectionID] = []

  init(_ loop: Loop) { self.loop = loop }

  var count: Int { streams.count }

  func perform(_ action: ChannelEffects.ConnectionAction, _ buffer: MessageBuffer) {
    switch action {
    case .connect(let connection, let endpoint): connect(connection, to: endpoint)
    case .write(let connection, let message): gather(buffer.bytes(of: message), for: connection)
    case .read(let connection, let isWanted):
      if isWanted { streams[connection]?.resumeReading() } else { streams[connection]?.pauseReading() }
    case .close(let connection, let reset):
      writeGathered()
      if reset { streams[connection]?.reset() } else { streams[connection]?.finish() }
    }
  }

  /// Small writes of a turn to one connection are one call of the kernel, and often one segment.
  private func gather(_ bytes: UnsafeMutableRawBufferPointer, for connection: ConnectionID) {
    guard let place = gathered.firstIndex(where: { $0.connection == connection }) else {
      return gathered.append((connection, Array(bytes)))
    }
    gathered[place].bytes.append(contentsOf: bytes)
  }

  func writeGathered() {
    guard !gathered.isEmpty else { return }
    for (connection, bytes) in gathered {
      guard let stream = streams[connection] else { continue }
      switch stream.write(bytes) {
      case .sent: if !drainedAtOnce.contains(connection) { drainedAtOnce.append(connection) }
      case .queued: break
      case .refused:
        counters.overfull &+= 1
        stream.reset()
      }
    }
    gathered.removeAll(keepingCapacity: true)
  }

  private func connect(_ connection: ConnectionID, to endpoint: Endpoint) {
    guard !isClosing else {
      client?.closed(connection)
      return
    }
    do throws(UVError) {
      let stream = try loop.connect(to: endpoint, client: self)
      stream.tag = connection.rawValue
      stream.writeLimit = LinkSockets.writeLimit
      streams[connection] = stream
    } catch {
      counters.connectErrors &+= 1
      client?.closed(connection)
    }
  }

  /// Whether `tellDrained` has something to tell.
  var hasDrained: Bool { !drainedAtOnce.isEmpty }

  func tellDrained() {
    let drained = drainedAtOnce
    drainedAtOnce.removeAll(keepingCapacity: true)
    for connection in drained where streams[connection]?.queuedBytes == 0 { client?.drained(connection) }
  }

  func closeAll() {
    isClosing = true
    for stream in streams.values { stream.reset() }
  }
}

extension LinkSockets: ListenerClient {
  func accepted(_ stream: Stream, by listener: Listener) -> (any StreamClient)? {
    guard !isClosing, let peer = stream.peer else { return nil }
    counters.accepted &+= 1
    lastAccepted &+= 1
    let connection = ConnectionID(rawValue: lastAccepted | ConnectionID.acceptedBit)
    stream.tag = connection.rawValue
    stream.writeLimit = LinkSockets.writeLimit
    streams[connection] = stream
    client?.accepted(connection, from: peer)
    return self
  }

  func acceptFailed(_ error: UVError, by listener: Listener) { counters.acceptErrors &+= 1 }
}

extension LinkSockets: StreamClient {
  private func connection(of stream: Stream) -> ConnectionID { ConnectionID(rawValue: stream.tag) }

  func connected(_ stream: Stream) { client?.connected(connection(of: stream)) }

  func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream) {
    client?.received(connection(of: stream), bytes)
  }

  func drained(_ stream: Stream) { client?.drained(connection(of: stream)) }

  // No stream of ours goes on in one direction only: the far side has closed, or is about to.
  func ended(_ stream: Stream) { stream.finish() }

  func closed(_ stream: Stream, _ error: UVError?) {
    let connection = connection(of: stream)
    guard streams.removeValue(forKey: connection) != nil else { return }
    if error != nil, !stream.isConnected { counters.connectErrors &+= 1 }
    counters.bytesReceived &+= stream.bytesReceived
    counters.bytesSent &+= stream.bytesSent
    client?.closed(connection)
  }
}
