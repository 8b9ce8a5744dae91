import SecureChannel
import Wire

/// A certified host's half of the handshake, and noise from one that only knows the network's secret.
///
/// The first byte chooses: the payload of a HELLO, that of a RESPONSE, or what stands in their place under a right mac1.
func fuzzHandshake(_ bytes: UnsafeRawBufferPointer) {
  var reader = Reader(bytes)
  guard let choice = try? reader.u8(), let rest = try? reader.take(reader.remaining) else { return }
  let content = [UInt8](rest)
  let host = HostileHost()
  switch choice % 4 {
  case 0: host.greet(payload: [UInt8](content.prefix(352)) + [UInt8](repeating: 0, count: max(0, 352 - content.count)))
  case 1: host.greet(noise: content)
  default:
    host.command(.introduce(host.world.other.key, at: FuzzWorld.peerEndpoint))
    host.command(.wantLink(host.world.other.hostID, true))
    if choice % 4 == 2 {
      host.answerHello(payload: [UInt8](content.prefix(16)) + [UInt8](repeating: 0, count: max(0, 16 - content.count)))
    } else {
      host.answerHello(noise: content)
    }
  }
  host.pass(seconds: 2)
  keep(host.channel.sessionCount)
}

/// Plaintexts of DATA, each led by its length (0 lets a second pass), from a host that holds a session.
func fuzzSession(_ bytes: UnsafeRawBufferPointer) {
  let host = HostileHost.met()
  var reader = Reader(bytes)
  while let length = try? reader.u16() {
    if length == 0 {
      host.pass(seconds: 1)
      continue
    }
    guard let plain = try? reader.take(min(Int(length % 1_201), reader.remaining)) else { break }
    host.say([UInt8](plain))
  }
  host.pass(seconds: 1)
  keep(host.channel.counters[.malformedFrames])
}

/// The frames of one datagram.
func fuzzFrames(_ bytes: UnsafeRawBufferPointer) {
  var frames = FrameReader(bytes)
  var size = 0
  while let (kind, body) = try? frames.next() {
    keep(kind.rawValue)
    size += 4 + body.count
    precondition(size <= bytes.count, "more than there is")
  }
}
