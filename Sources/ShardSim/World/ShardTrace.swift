/// What happened in a world: a rolling hash over everything and, when asked for, one line of text per event.
///
/// Two runs of one seed end with the same hash, so a seed that failed is run again with text.
package struct ShardTrace: Sendable {
  enum Kind: UInt8 {
    case started, ended, datagram, frame, deadline, durable, storeFailed, met, linkUp, linkDown, advice, request, reply,
      event, fault, paused, resumed, snapshot, command
  }

  package private(set) var hash: UInt64 = 0x7368_6172_642d_7472
  package private(set) var steps: UInt64 = 0
  /// Empty unless the world is narrated.
  package private(set) var lines: [String] = []
  let isNarrated: Bool
  /// A narrated world keeps its last lines only.
  private static let linesKept = 200_000

  init(isNarrated: Bool) { self.isNarrated = isNarrated }

  mutating func note(
    _ kind: Kind, host: Int, at: UInt64, _ first: UInt64 = 0, _ second: UInt64 = 0, _ text: @autoclosure () -> String
  ) {
    steps &+= 1
    absorb(at)
    absorb(UInt64(truncatingIfNeeded: host) << 8 | UInt64(kind.rawValue))
    absorb(first)
    absorb(second)
    guard isNarrated else { return }
    if lines.count >= ShardTrace.linesKept { lines.removeFirst(ShardTrace.linesKept / 2) }
    lines.append("\(seconds(at)) s  \(host < 0 ? "-" : "host \(host)")  \(kind)  \(text())")
  }

  mutating func absorb(_ value: UInt64) {
    hash = (hash ^ value) &* 0x9e37_79b9_7f4a_7c15
    hash ^= hash >> 31
  }
}

/// A quick hash of bytes, for the trace; not keyed, not cryptographic.
func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
  return hash
}

/// Seconds with four decimals, without Foundation.
func seconds(_ nanoseconds: UInt64) -> String {
  let parts = nanoseconds / 100_000
  let fraction = String(parts % 10_000)
  return "\(parts / 10_000).\(String(repeating: "0", count: 4 - fraction.count))\(fraction)"
}

func hexadecimal(_ value: UInt64) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
