import Gossip
import SecureChannel
import Wire

/// Check 7: no datagram is larger than the mesh allows; a gossip message decodes and encodes to the same bytes; and a
/// damaged one never traps, nor decodes to something that encodes differently.
struct Messages {
  static let number = 7
  static let name = "messages"

  /// `security.md` 3.3 and DESIGN 4.5.
  private static let datagramLimit = 1_232
  private static let messageLimit = 1_188
  private static let sampledEvery: UInt64 = 8

  /// Datagrams can be read: the channel model does not encrypt.
  private let isPlain: Bool
  private var chance: Chance
  private var seen: UInt64 = 0
  private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 2_048, alignment: 16)
  private let written = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 16)

  init(isPlain: Bool, seed: UInt64) {
    self.isPlain = isPlain
    chance = Chance(seed: seed)
  }

  func release() {
    scratch.deallocate()
    written.deallocate()
  }

  mutating func look(at datagram: UnsafeRawBufferPointer) -> String? {
    if datagram.count > Messages.datagramLimit {
      return "a datagram of \(datagram.count) bytes; the limit is \(Messages.datagramLimit)"
    }
    seen &+= 1
    guard isPlain, seen % Messages.sampledEvery == 0, let message = gossip(in: datagram) else { return nil }
    if message.count > Messages.messageLimit { return "a gossip message of \(message.count) bytes" }
    guard let same = recoded(message), same else {
      return "a message of type \(message.first ?? 0) and \(message.count) bytes is not what it decodes to"
    }
    return damage(message)
  }

  /// The gossip message behind header, time frame and frame header of a DATA datagram.
  private func gossip(in datagram: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var reader = Reader(datagram)
    guard (try? reader.u8()) == ChannelModel.dataType, (try? reader.take(23)) != nil,
      (try? reader.u8()) == FrameKind.gossip.rawValue, (try? reader.u8()) != nil, let count = try? reader.u16()
    else { return nil }
    return try? reader.take(Int(count))
  }

  /// Whether the bytes come out again; `nil` when they are no message.
  private func recoded(_ message: UnsafeRawBufferPointer) -> Bool? {
    var writer = Writer(written)
    guard (try? Recoding.recode(message, into: &writer)) != nil else { return nil }
    return !writer.overflowed && writer.written.elementsEqual(message)
  }

  private mutating func damage(_ message: UnsafeRawBufferPointer) -> String? {
    for _ in 0..<2 {
      scratch.copyMemory(from: message)
      for _ in 0...chance.below(3) {
        let bit = chance.below(message.count * 8)
        scratch[bit / 8] ^= 1 << UInt8(bit % 8)
      }
      let count = chance.below(4) == 0 ? chance.below(message.count + 1) : message.count
      let damaged = UnsafeRawBufferPointer(rebasing: scratch[..<count])
      if recoded(damaged) == false { return "a damaged message decodes to something else than it says" }
    }
    return nil
  }
}
