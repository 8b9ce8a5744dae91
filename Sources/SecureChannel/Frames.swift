import Hashing
package import Wire

/// The kinds of datagrams (`security.md` 3.3, without relays). Each has one exact length, or one stated range.
enum MessageType: UInt8 {
  case hello = 1
  case response = 2
  case cookie = 3
  case data = 4

  static let version: UInt8 = 1

  /// The first four bytes of a datagram, read little-endian: type, version, network tag.
  func word(tag: UInt16) -> UInt32 { UInt32(rawValue) | UInt32(MessageType.version) << 8 | UInt32(tag) << 16 }
}

/// Sizes of datagrams and of their parts, in bytes.
package enum DatagramSize {
  package static let hello = 488
  package static let response = 108
  package static let cookie = 64
  /// Fits the minimum MTU of IPv6 (1,280) with its headers.
  package static let maximum = 1232
  /// A time frame alone.
  package static let emptyData = dataHeader + 16 + tag
  static let dataHeader = 16
  static let tag = 16
  static let mac = 16
  static let timeFrame = 8
  static let frameHeader = 4
  static let helloPayload = 352
  static let responsePayload = 16
  /// Header, time frame and frame header, which go before a message.
  static let beforeMessage = dataHeader + timeFrame + frameHeader
  /// Largest body of one frame (DESIGN 4.5).
  package static let frameBody = 1188

  static func padded(_ count: Int) -> Int { (count + 15) & ~15 }
}

/// What a kernel filter on the UDP socket compares: the first four bytes of a datagram and its length. Anything else
/// is dropped before it costs the process anything.
package struct SocketFilterRule: Hashable, Sendable {
  /// In the order of the wire, as a big-endian number: what a classic BPF load of a word gives.
  package let word: UInt32
  package let minimum: Int
  package let maximum: Int

  /// The rules of a network: exact lengths for the first three kinds.
  package static func rules(tag: UInt16) -> [SocketFilterRule] {
    func rule(_ type: MessageType, _ lengths: ClosedRange<Int>) -> SocketFilterRule {
      SocketFilterRule(word: type.word(tag: tag).byteSwapped, minimum: lengths.lowerBound, maximum: lengths.upperBound)
    }
    return [
      rule(.data, DatagramSize.emptyData...DatagramSize.maximum),
      rule(.hello, DatagramSize.hello...DatagramSize.hello),
      rule(.response, DatagramSize.response...DatagramSize.response),
      rule(.cookie, DatagramSize.cookie...DatagramSize.cookie),
    ]
  }
}

/// What a HELLO says under encryption, 352 bytes.
struct HelloPayload {
  var label: TimeLabel
  var bootID: UInt64
  /// Highest version that the sender knows; we speak 1.
  var highestVersion: UInt16
  /// The 320 bytes of a certificate, not yet judged.
  var certificate: UnsafeRawBufferPointer

  static func write(
    label: TimeLabel, bootID: UInt64, certificate: UnsafeRawBufferPointer, into writer: inout Writer
  ) {
    label.write(into: &writer)
    writer.u64(bootID)
    writer.u16(UInt16(MessageType.version))
    writer.u16(0)
    writer.zeros(8)
    writer.append(certificate)
  }

  init(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    var reader = Reader(bytes)
    label = try TimeLabel(&reader)
    bootID = try reader.u64()
    highestVersion = try reader.u16()
    guard highestVersion >= UInt16(MessageType.version), try reader.u16() == 0, try reader.u64() == 0 else {
      throw .invalid
    }
    certificate = try reader.take(Certificate.size)
    try reader.expectEnd()
  }
}

/// What a RESPONSE says under encryption, 16 bytes.
struct ResponsePayload {
  var bootID: UInt64
  /// Low half of the responder's certificate serial: an initiator sees whether the certificate it knows is current.
  var certificateSerial: UInt32

  func write(into writer: inout Writer) {
    writer.u64(bootID)
    writer.u32(0)
    writer.u32(certificateSerial)
  }

  init(bootID: UInt64, certificateSerial: UInt32) {
    self.bootID = bootID
    self.certificateSerial = certificateSerial
  }

  init(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    var reader = Reader(bytes)
    bootID = try reader.u64()
    guard try reader.u32() == 0 else { throw .invalid }
    certificateSerial = try reader.u32()
    try reader.expectEnd()
  }
}

/// The frames of an opened DATA datagram after its time frame: {kind 1, flags 1, length 2, body} each, then zeros.
package struct FrameReader {
  private var reader: Reader

  init(_ reader: Reader) { self.reader = reader }

  /// For bytes that begin with a frame.
  package init(_ bytes: UnsafeRawBufferPointer) { reader = Reader(bytes) }

  /// The next frame; `nil` at the end.
  package mutating func next() throws(WireError) -> (kind: FrameKind, body: UnsafeRawBufferPointer)? {
    guard !reader.isAtEnd else { return nil }
    let kind = try reader.u8()
    if kind == 0 {
      for byte in try reader.take(reader.remaining) where byte != 0 { throw .invalid }
      return nil
    }
    // A datagram has one time frame, which comes first.
    guard let kind = FrameKind(rawValue: kind), kind != .time, try reader.u8() == 0 else { throw .invalid }
    return (kind, try reader.take(Int(try reader.u16())))
  }
}

/// Body of a path frame: proves that a peer receives at an address.
struct PathFrame {
  enum Operation: UInt8 { case challenge = 1, answer = 2 }

  static let size = 9
  var operation: Operation
  var token: UInt64

  func write(into writer: inout Writer) {
    writer.u8(operation.rawValue)
    writer.u64(token)
  }

  init(operation: Operation, token: UInt64) {
    self.operation = operation
    self.token = token
  }

  init(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    var reader = Reader(bytes)
    guard let operation = Operation(rawValue: try reader.u8()) else { throw .invalid }
    self.operation = operation
    token = try reader.u64()
    try reader.expectEnd()
  }
}

/// Names a stream between two hosts. `sequence` rises with each stream that a session announces, so that a receiver
/// knows in constant memory which ids it has accepted already; `random` makes ids of different sessions differ.
struct StreamID: Hashable {
  var sequence: UInt64
  var random: UInt64

  static let size = 16

  func write(into writer: inout Writer) {
    writer.u64(sequence)
    writer.u64(random)
  }

  init(sequence: UInt64, random: UInt64) {
    self.sequence = sequence
    self.random = random
  }

  init(_ reader: inout Reader) throws(WireError) {
    sequence = try reader.u64()
    random = try reader.u64()
  }
}

/// Body of a stream control frame: how streams are announced, 60 or 20 bytes.
enum StreamControlFrame {
  /// `purpose` is `nil` for a link; then size and hash are zero.
  case open(StreamID, TransferPurpose?, size: UInt64, hash: Digest)
  /// The announced stream may be connected.
  case accept(StreamID)
  case refuse(StreamID, StreamRefusal)

  private static let openOperation: UInt8 = 1
  private static let acceptOperation: UInt8 = 2
  private static let refuseOperation: UInt8 = 3

  static let openSize = 60
  static let answerSize = 20

  func write(into writer: inout Writer) {
    switch self {
    case .open(let id, let purpose, let size, let hash):
      writer.u8(StreamControlFrame.openOperation)
      writer.u8(purpose?.rawValue ?? 0)
      writer.u16(0)
      id.write(into: &writer)
      writer.u64(size)
      hash.withBytes { writer.append($0) }
    case .accept(let id):
      writer.u8(StreamControlFrame.acceptOperation)
      writer.zeros(3)
      id.write(into: &writer)
    case .refuse(let id, let reason):
      writer.u8(StreamControlFrame.refuseOperation)
      writer.u8(reason.rawValue)
      writer.zeros(2)
      id.write(into: &writer)
    }
  }

  init(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    var reader = Reader(bytes)
    let operation = try reader.u8()
    let detail = try reader.u8()
    guard try reader.u16() == 0 else { throw .invalid }
    let id = try StreamID(&reader)
    switch operation {
    case StreamControlFrame.openOperation:
      let size = try reader.u64()
      guard let hash = Digest(bytes: try reader.take(Digest.size)) else { throw .invalid }
      let purpose = TransferPurpose(rawValue: detail)
      guard detail == 0 || purpose != nil, purpose != nil || size == 0 else { throw .invalid }
      self = .open(id, purpose, size: size, hash: hash)
    case StreamControlFrame.acceptOperation where detail == 0:
      self = .accept(id)
    case StreamControlFrame.refuseOperation:
      guard let reason = StreamRefusal(rawValue: detail) else { throw .invalid }
      self = .refuse(id, reason)
    default:
      throw .invalid
    }
    try reader.expectEnd()
  }
}

enum StreamRefusal: UInt8 {
  /// As many streams as allowed are under way.
  case limit = 1
  case tooLarge = 2
  /// The sender's conduct or certificate does not allow it.
  case unwanted = 3
  /// Both sides announced a link at once: the one of the lower host id stays.
  case crossed = 4
}

extension [UInt8] {
  /// The bytes, for decoders: they throw nothing but `WireError`, and `withUnsafeBytes` would forget that.
  func withReadable<R>(_ body: (UnsafeRawBufferPointer) throws(WireError) -> R) throws(WireError) -> R {
    try withUnsafeBytes { bytes in Result { () throws(WireError) -> R in try body(bytes) } }.get()
  }
}
