/// etcd's own interface, gRPC over HTTP/2 (RFC 9113, RFC 7541) without TLS: as much of it as one call at a time needs.
/// Header fields of answers are not decoded: a call that failed has no message.
struct EtcdDialect: StateDialect {
  private enum Kind {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let reset: UInt8 = 3
    static let settings: UInt8 = 4
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let windowUpdate: UInt8 = 8
  }
  private static let acknowledgement: UInt8 = 1
  private static let endOfStream: UInt8 = 1
  private static let endOfHeaders: UInt8 = 4
  private static let frameHeader = 9
  /// Of a message in gRPC: whether it is compressed, and its length.
  private static let messageHeader = 5

  private let path: [UInt8]
  /// Of the call that is under way.
  private var stream: UInt32 = 0
  /// What the server has to be told before the next call.
  private var owed: [UInt8] = []

  init() {
    // Static table: `:method POST` is 3, `:scheme http` 6, `:path` 4, `:authority` 1, `content-type` 31.
    var headers: [UInt8] = [0x83, 0x86]
    headers += [0x04] + EtcdDialect.literal("/etcdserverpb.KV/Put")
    headers += [0x01] + EtcdDialect.literal("127.0.0.1")
    headers += [0x0f, 31 - 15] + EtcdDialect.literal("application/grpc")
    headers += [0x00] + EtcdDialect.literal("te") + EtcdDialect.literal("trailers")
    path = headers
    owed = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    EtcdDialect.frame(Kind.settings, on: 0, [], to: &owed)
    // The largest window for the whole connection: answers of some 40 bytes never use it up.
    EtcdDialect.frame(Kind.windowUpdate, on: 0, EtcdDialect.bytes(0x7fff_ffff - 65_535), to: &owed)
  }

  mutating func write(key: Int, ofShard shard: Int, value: Int, to request: inout [UInt8]) {
    request += owed
    owed.removeAll(keepingCapacity: true)
    stream = stream == 0 ? 1 : stream + 2
    EtcdDialect.frame(Kind.headers, flags: EtcdDialect.endOfHeaders, on: stream, path, to: &request)
    let name = Array(StateKey.flat(shard: shard, key: key).utf8)
    let body = EtcdDialect.field(1, name) + EtcdDialect.field(2, StateWorkload.values[value])
    EtcdDialect.frame(
      Kind.data, flags: EtcdDialect.endOfStream, on: stream, [0] + EtcdDialect.bytes(UInt32(body.count)) + body,
      to: &request)
  }

  /// Everything up to the end of the call; what comes between is taken along.
  mutating func answer(_ bytes: ArraySlice<UInt8>) -> (length: Int, outcome: StateOutcome)? {
    var start = bytes.startIndex
    var message = 0
    var told: [UInt8] = []
    while bytes.endIndex - start >= EtcdDialect.frameHeader {
      let length = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
      let (kind, flags) = (bytes[start + 3], bytes[start + 4])
      let on = bytes[(start + 5)..<(start + 9)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
      let end = start + EtcdDialect.frameHeader + length
      guard end <= bytes.endIndex else { return nil }
      var outcome: StateOutcome?
      switch kind {
      case Kind.data where on == stream: message += length
      case Kind.headers where on == stream && flags & EtcdDialect.endOfStream != 0:
        outcome = message > EtcdDialect.messageHeader ? .acknowledged : .refused("the call failed")
      case Kind.reset where on == stream: outcome = .refused("the call was broken off")
      case Kind.goAway: outcome = .refused("the server goes away")
      case Kind.settings where flags & EtcdDialect.acknowledgement == 0:
        EtcdDialect.frame(Kind.settings, flags: EtcdDialect.acknowledgement, on: 0, [], to: &told)
      case Kind.ping where flags & EtcdDialect.acknowledgement == 0:
        let payload = Array(bytes[(start + EtcdDialect.frameHeader)..<end])
        EtcdDialect.frame(Kind.ping, flags: EtcdDialect.acknowledgement, on: 0, payload, to: &told)
      default: break
      }
      start = end
      if let outcome {
        // Frames that were looked at in vain before are looked at again: they are answered once.
        owed += told
        return (start - bytes.startIndex, outcome)
      }
    }
    return nil
  }

  private static func frame(
    _ kind: UInt8, flags: UInt8 = 0, on stream: UInt32, _ payload: [UInt8], to output: inout [UInt8]
  ) {
    output += bytes(UInt32(payload.count)).dropFirst()
    output += [kind, flags]
    output += bytes(stream)
    output += payload
  }

  /// A field of a protobuf message with fewer than 128 bytes in it.
  private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    precondition(content.count < 128, "lengths of more than one byte are not written here")
    return [number << 3 | 2, UInt8(content.count)] + content
  }

  /// A literal of HPACK without Huffman coding, shorter than 127 bytes.
  private static func literal(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }

  private static func bytes(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }
}
