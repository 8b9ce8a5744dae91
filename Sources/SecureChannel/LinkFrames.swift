import Wire

/// The one long-lived stream of a host pair.
///
/// Chunks are {channel 1, piece}: the pieces of one channel make frames {channel 1, flags 1, length 4, body}. Flag 1:
/// the body is {raw size 4, lz4 block}. Channel 0 is the link's own: keepalives and credit.
struct LinkState {
  /// Largest body of a frame.
  static let frameLimit = 1 << 20
  static let frameHeader = 6
  static let compressedFlag: UInt8 = 1
  static let keepaliveInterval = Nanoseconds.seconds(10)
  static let deadAfter = Nanoseconds.seconds(30)
  /// A link that neither side needs is closed then.
  static let needlessFor = Nanoseconds.seconds(30)
  static let retry = Nanoseconds.seconds(1)
  static let longestRetry = Nanoseconds.seconds(30)
  /// Frames that may wait in one channel, beside its credit.
  static let queuedFrames = 4096
  /// Consumed bytes are told to the sender when so many have come together, or with the next beat.
  static let creditStep = 64 << 10

  var isUp = false
  var isNeededByPeer = true
  var neededAt: UInt64
  var heardAt: UInt64
  var saidAt: UInt64
  var outlets: [LinkOutlet] = LinkChannel.allCases.map { LinkOutlet(channel: $0) }
  var inlets: [LinkInlet] = LinkChannel.allCases.map { LinkInlet(channel: $0) }

  init(now: UInt64) {
    neededAt = now
    heardAt = now
    saidAt = now
  }
}

/// What waits to be sent in one channel.
struct LinkOutlet {
  let channel: LinkChannel
  private var frames: [[UInt8]] = []
  private var first = 0
  private var offset = 0
  /// Bytes of bodies that the peer would still take.
  private(set) var credit: Int
  /// A frame of this size was refused; the caller is told when it fits.
  private var wanted: Int?

  init(channel: LinkChannel) {
    self.channel = channel
    credit = channel.credit
  }

  var isEmpty: Bool { first == frames.count }
  /// Largest body that may be handed over now.
  var room: Int { frames.count - first < LinkState.queuedFrames ? min(credit, LinkState.frameLimit) : 0 }

  mutating func append(_ frame: [UInt8], cost: Int) {
    credit -= cost
    frames.append(frame)
  }

  mutating func refuse(_ size: Int) { wanted = max(wanted ?? 0, size) }

  /// True when a refused frame fits now.
  mutating func isReady() -> Bool {
    guard let size = wanted, size <= room else { return false }
    wanted = nil
    return true
  }

  /// False when the peer returns more than was ever taken.
  mutating func restore(_ count: Int) -> Bool {
    guard count <= channel.credit - credit else { return false }
    credit += count
    return true
  }

  /// Copies up to `writer.room` bytes, of as many frames as fit; `advance` takes them away.
  func peek(into writer: inout Writer) {
    var index = first
    var start = offset
    while writer.room > 0, index < frames.count {
      let count = min(writer.room, frames[index].count - start)
      frames[index].withUnsafeBytes { writer.append(UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
      index += 1
      start = 0
    }
  }

  mutating func advance(by count: Int) {
    var left = count
    while left > 0, first < frames.count {
      let step = min(left, frames[first].count - offset)
      left -= step
      offset += step
      guard offset == frames[first].count else { break }
      frames[first] = []
      first += 1
      offset = 0
    }
    if first > 64, first * 2 > frames.count {
      frames.removeFirst(first)
      first = 0
    }
  }
}

/// What has come in one channel.
struct LinkInlet {
  let channel: LinkChannel
  private var pending: [UInt8] = []
  /// Bytes of bodies that were delivered and not yet consumed.
  private(set) var outstanding = 0
  /// Consumed, and not yet told to the sender.
  var owed = 0

  init(channel: LinkChannel) { self.channel = channel }

  mutating func append(_ piece: UnsafeRawBufferPointer) { pending.append(contentsOf: piece) }

  /// The next whole frame; `nil` when more bytes are needed.
  ///
  /// - Throws: when the sender breaks the rules or goes beyond its credit.
  mutating func nextFrame() throws(WireError) -> [UInt8]? {
    let frame: (size: Int, body: [UInt8])? = try pending.withReadable { bytes throws(WireError) in
      try LinkInlet.frame(in: bytes, channel, room: channel.credit - outstanding)
    }
    guard let frame else { return nil }
    pending.removeFirst(frame.size)
    if channel != .keepalive { outstanding += frame.body.count }
    return frame.body
  }

  private static func frame(
    in bytes: UnsafeRawBufferPointer, _ channel: LinkChannel, room: Int
  ) throws(WireError) -> (Int, [UInt8])? {
    guard bytes.count >= LinkState.frameHeader else { return nil }
    var reader = Reader(bytes)
    guard try reader.u8() == channel.rawValue else { throw .invalid }
    let flags = try reader.u8()
    guard let count = Int(exactly: try reader.u32()), flags & ~LinkState.compressedFlag == 0, count > 0,
      count <= min(LinkState.frameLimit, max(room, 0)) || channel == .keepalive && count <= 64
    else { throw .tooLarge }
    let isCompressed = flags & LinkState.compressedFlag != 0
    var rawSize = count
    if isCompressed {
      guard channel != .keepalive else { throw .invalid }
      guard reader.remaining >= 4 else { return nil }
      // Refused before its bytes are waited for.
      guard count > 4, let size = Int(exactly: try reader.u32()), size > 0, size <= min(room, LinkState.frameLimit)
      else { throw .tooLarge }
      rawSize = size
    }
    let rest = isCompressed ? count - 4 : count
    guard reader.remaining >= rest else { return nil }
    let body = try reader.take(rest)
    let size = LinkState.frameHeader + count
    guard isCompressed else { return (size, [UInt8](body)) }
    guard let raw = Compression.decompress(body, size: rawSize, limit: LinkState.frameLimit) else { throw .invalid }
    return (size, raw)
  }

  /// The receiver has consumed so many bytes.
  mutating func consume(_ count: Int) {
    let taken = min(max(count, 0), outstanding)
    outstanding -= taken
    owed += taken
  }
}

/// What the link itself says, on channel 0.
enum LinkControl {
  /// {1, needed}: sent when nothing else is; tells whether the sender still needs the link.
  case keepalive(isNeeded: Bool)
  /// {2, channel, bytes 4}: so many bytes were consumed.
  case credit(LinkChannel, Int)

  private static let keepaliveKind: UInt8 = 1
  private static let creditKind: UInt8 = 2

  var frame: [UInt8] {
    var body: [UInt8]
    switch self {
    case .keepalive(let isNeeded): body = [LinkControl.keepaliveKind, isNeeded ? 1 : 0]
    case .credit(let channel, let count):
      body = [LinkControl.creditKind, channel.rawValue]
      withUnsafeBytes(of: UInt32(truncatingIfNeeded: count).littleEndian) { body.append(contentsOf: $0) }
    }
    return LinkControl.header(channel: .keepalive, flags: 0, count: body.count) + body
  }

  static func header(channel: LinkChannel, flags: UInt8, count: Int) -> [UInt8] {
    [channel.rawValue, flags] + withUnsafeBytes(of: UInt32(truncatingIfNeeded: count).littleEndian) { [UInt8]($0) }
  }

  init(_ body: [UInt8]) throws(WireError) {
    self = try body.withReadable { bytes throws(WireError) in
      var reader = Reader(bytes)
      let control: LinkControl
      switch try reader.u8() {
      case LinkControl.keepaliveKind:
        let isNeeded = try reader.u8()
        guard isNeeded <= 1 else { throw .invalid }
        control = .keepalive(isNeeded: isNeeded == 1)
      case LinkControl.creditKind:
        guard let channel = LinkChannel(rawValue: try reader.u8()), channel != .keepalive,
          let count = Int(exactly: try reader.u32()), count > 0
        else { throw .invalid }
        control = .credit(channel, count)
      default: throw .invalid
      }
      try reader.expectEnd()
      return control
    }
  }
}
