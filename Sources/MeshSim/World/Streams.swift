import SecureChannel
import Wire

/// TCP between hosts: ordered, reliable, slowed by the bandwidth and by lost segments, ended by a cut that lasts.
///
/// Written bytes are kept as they were written; one write is one arrival.
struct Streams {
  /// What a stream does to one of its ends.
  enum Input {
    case accepted(from: Endpoint)
    case connected
    case received([UInt8])
    case drained
    case closed
  }

  struct End {
    let host: Int
    let life: UInt32
    var id: ConnectionID
    var isOpen = false
    /// When what was written so far has arrived at the other end.
    var arrived: UInt64 = 0
    /// A segment is being sent again; what is written meanwhile waits behind it.
    var isResending = false
    var backlog: [[UInt8]] = []
    /// The machine lost its power: nobody answers for this end.
    var isGone = false
  }

  private struct Stream {
    var ends: (End, End)

    subscript(side: Int) -> End {
      get { side == 0 ? ends.0 : ends.1 }
      set { if side == 0 { ends.0 = newValue } else { ends.1 = newValue } }
    }
  }

  enum Step {
    /// The opener's SYN goes out.
    case open(attempt: Int)
    /// Bytes of `side` go out (again).
    case transmit(side: Int, [UInt8], attempt: Int)
    case deliver(side: Int, Input)
  }

  /// Something that the world's queue holds for a stream.
  struct Event {
    let stream: Int
    let step: Step
  }

  /// A segment that is lost is sent again after 200 ms, doubling (RFC 6298); TCP gives up after so many times here.
  private static let attempts = 7
  private static let firstRetry = Nanoseconds.milliseconds(200)

  private var streams: [Int: Stream] = [:]
  private var lastStream = 0
  private var lastAccepted: UInt64 = 0

  /// What the world must put into its queue; emptied by it.
  var scheduled: [(at: UInt64, event: Event)] = []

  mutating func connect(from opener: End, to target: Int, now: UInt64) -> Int {
    lastStream += 1
    streams[lastStream] = Stream(
      ends: (opener, End(host: target, life: 0, id: ConnectionID(rawValue: 0))))
    schedule(lastStream, .open(attempt: 0), at: now)
    return lastStream
  }

  /// A connection to an address where nobody is.
  mutating func refuse(_ opener: End, now: UInt64) -> Int {
    lastStream += 1
    var opener = opener
    opener.isOpen = true
    streams[lastStream] = Stream(ends: (opener, End(host: opener.host, life: 0, id: ConnectionID(rawValue: 0))))
    schedule(lastStream, .deliver(side: 0, .closed), at: now + Nanoseconds.seconds(3))
    return lastStream
  }

  /// Carries out a step. The result is what happens to an end now; `life` of a listening host is 0 when it is down.
  mutating func step(
    _ event: Event, network: inout Wires, now: UInt64, life: (Int) -> UInt32
  ) -> (host: Int, life: UInt32, id: ConnectionID, input: Input, stream: Int)? {
    guard let stream = streams[event.stream] else { return nil }
    switch event.step {
    case .open(let attempt):
      open(event.stream, attempt: attempt, network: &network, now: now, life: life)
      return nil
    case .transmit(let side, let bytes, let attempt):
      transmit(bytes, of: event.stream, side: side, attempt: attempt, network: &network, now: now)
      if streams[event.stream]?[side].isResending == false {
        resume(event.stream, side: side, network: &network, now: now)
      }
      return nil
    case .deliver(let side, let input):
      let end = stream[side]
      if case .closed = input {
        streams[event.stream]?[side].isOpen = false
        if !stream[1 - side].isOpen { streams[event.stream] = nil }
        // An end that closed by itself hears nothing more.
        guard end.isOpen else { return nil }
      } else if !end.isOpen {
        return nil
      }
      return (end.host, end.life, end.id, input, event.stream)
    }
  }

  private mutating func open(
    _ id: Int, attempt: Int, network: inout Wires, now: UInt64, life: (Int) -> UInt32
  ) {
    guard let stream = streams[id] else { return }
    let (opener, target) = (stream[0], stream[1])
    streams[id]?[0].isOpen = true
    guard let out = network.segmentDelay(from: opener.host, to: target.host),
      let back = network.segmentDelay(from: target.host, to: opener.host)
    else {
      if attempt >= 3 {
        schedule(id, .deliver(side: 0, .closed), at: now)
      } else {
        schedule(id, .open(attempt: attempt + 1), at: now + Nanoseconds.seconds(1) << UInt64(attempt))
      }
      return
    }
    let targetLife = life(target.host)
    guard targetLife != 0 else {
      schedule(id, .deliver(side: 0, .closed), at: now + out + back)
      return
    }
    lastAccepted += 1
    streams[id]?[1] = End(
      host: target.host, life: targetLife, id: ConnectionID(rawValue: ConnectionID.acceptedBit | lastAccepted),
      isOpen: true)
    schedule(id, .deliver(side: 1, .accepted(from: Endpoint(ipv4: 0x7f00_0001, port: 0))), at: now + out)
    schedule(id, .deliver(side: 0, .connected), at: now + out + back)
  }

  mutating func write(_ bytes: [UInt8], on id: Int, side: Int, network: inout Wires, now: UInt64) {
    if streams[id]?[side].isResending == true {
      streams[id]?[side].backlog.append(bytes)
    } else {
      transmit(bytes, of: id, side: side, attempt: 0, network: &network, now: now)
    }
  }

  private mutating func resume(_ id: Int, side: Int, network: inout Wires, now: UInt64) {
    guard let backlog = streams[id]?[side].backlog, !backlog.isEmpty else { return }
    streams[id]?[side].backlog = []
    for bytes in backlog { write(bytes, on: id, side: side, network: &network, now: now) }
  }

  private mutating func transmit(
    _ bytes: [UInt8], of id: Int, side: Int, attempt: Int, network: inout Wires, now: UInt64
  ) {
    guard let stream = streams[id], stream[side].isOpen || attempt > 0 else { return }
    let (from, to) = (stream[side].host, stream[1 - side].host)
    // Nobody acknowledges what is sent to a machine without power.
    guard !stream[1 - side].isGone, let delay = network.segmentDelay(from: from, to: to) else {
      if attempt >= Streams.attempts {
        schedule(id, .deliver(side: 0, .closed), at: now)
        schedule(id, .deliver(side: 1, .closed), at: now)
      } else {
        streams[id]?[side].isResending = true
        schedule(
          id, .transmit(side: side, bytes, attempt: attempt + 1), at: now + Streams.firstRetry << UInt64(attempt))
      }
      return
    }
    let sending = UInt64(bytes.count) * 1_000_000_000 / network.settings.bandwidth
    let arrival = max(now + delay, stream[side].arrived) + sending
    streams[id]?[side].arrived = arrival
    streams[id]?[side].isResending = false
    schedule(id, .deliver(side: 1 - side, .received(bytes)), at: arrival)
    schedule(id, .deliver(side: side, .drained), at: arrival + delay)
  }

  /// One end closes: the other hears of it after what was written has arrived, or at once after a reset.
  mutating func close(_ id: Int, side: Int, reset: Bool, now: UInt64) {
    guard let stream = streams[id] else { return }
    streams[id]?[side].isOpen = false
    let at = reset ? now : max(now, stream[side].arrived)
    schedule(id, .deliver(side: 1 - side, .closed), at: at + Nanoseconds.milliseconds(1))
  }

  /// Everything that a host held ends with its process.
  mutating func closeAll(of host: Int, life: UInt32, now: UInt64) {
    for id in streams.keys.sorted() {
      guard let stream = streams[id] else { continue }
      for side in 0...1 where stream[side].host == host && stream[side].life == life {
        close(id, side: side, reset: true, now: now)
      }
    }
  }

  /// A machine has lost its power: its ends answer nothing any more, and the others are not told.
  mutating func vanish(_ host: Int, life: UInt32) {
    for id in streams.keys.sorted() {
      for side in 0...1 where streams[id]?[side].host == host && streams[id]?[side].life == life {
        streams[id]?[side].isOpen = false
        streams[id]?[side].isGone = true
        streams[id]?[side].backlog = []
        if streams[id]?[1 - side].isOpen != true { streams[id] = nil }
      }
    }
  }

  /// Resets all streams between two machines.
  mutating func breakAll(between first: Int, and second: Int, now: UInt64) {
    for id in streams.keys.sorted() {
      guard let stream = streams[id], [stream[0].host, stream[1].host].sorted() == [first, second].sorted() else {
        continue
      }
      for side in 0...1 { schedule(id, .deliver(side: side, .closed), at: now) }
    }
  }

  /// Which side of a stream a host's connection is.
  func side(of host: Int, id connection: ConnectionID, in stream: Int) -> Int? {
    guard let stream = streams[stream] else { return nil }
    if stream[0].host == host, stream[0].id == connection { return 0 }
    if stream[1].host == host, stream[1].id == connection { return 1 }
    return nil
  }

  private mutating func schedule(_ stream: Int, _ step: Step, at: UInt64) {
    scheduled.append((at, Event(stream: stream, step: step)))
  }
}
