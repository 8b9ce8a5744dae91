import SecureChannel
import Wire

/// What happened in a world: a rolling hash over everything, and the last lines of each host.
///
/// Two runs of one seed must end with the same hash. Lines cost a few bytes each and become text only when a check has
/// failed.
package struct Trace {
  /// One thing that happened to one host.
  struct Line {
    enum Kind: UInt8 {
      case started, stopped, crashed, datagram, deadline, stall, woke, stream, persisted, persistFailed, sent, event,
        fault, command, request, reply, jobDone, jobFailed, storeFailed
    }

    var at: UInt64
    var kind: Kind
    var first: UInt64
    var second: UInt64
  }

  private static let linesPerHost = 40

  package private(set) var hash: UInt64 = 0x6d65_7368_2d74_7263
  /// Things that happened in all.
  package private(set) var steps: UInt64 = 0
  private var rings: ContiguousArray<ContiguousArray<Line>>
  private var next: ContiguousArray<Int32>
  /// What faults say of themselves.
  private var faults: [String] = []

  init(hosts: Int) {
    rings = ContiguousArray(repeating: [], count: hosts)
    next = ContiguousArray(repeating: 0, count: hosts)
  }

  mutating func note(_ kind: Line.Kind, host: Int, at: UInt64, _ first: UInt64 = 0, _ second: UInt64 = 0) {
    steps &+= 1
    absorb(at)
    absorb(UInt64(host) << 8 | UInt64(kind.rawValue))
    absorb(first)
    absorb(second)
    keep(Line(at: at, kind: kind, first: first, second: second), of: host)
  }

  /// What a node's gossip said.
  mutating func note(_ event: EventSummary, host: Int, at: UInt64) {
    note(.event, host: host, at: at, event.subject, UInt64(event.kind.rawValue) << 56 ^ event.detail)
  }

  mutating func note(fault: String, host: Int, at: UInt64) {
    faults.append(fault)
    note(.fault, host: host, at: at, UInt64(faults.count - 1))
  }

  mutating func absorb(_ value: UInt64) {
    hash = (hash ^ value) &* 0x9e37_79b9_7f4a_7c15
    hash ^= hash >> 31
  }

  private mutating func keep(_ line: Line, of host: Int) {
    if rings[host].count < Trace.linesPerHost {
      rings[host].append(line)
    } else {
      rings[host][Int(next[host])] = line
      next[host] = (next[host] + 1) % Int32(Trace.linesPerHost)
    }
  }

  /// The last lines of a host, oldest first.
  func lines(of host: Int) -> [String] {
    let ring = rings[host]
    let start = ring.count < Trace.linesPerHost ? 0 : Int(next[host])
    return (0..<ring.count).map { text(of: ring[(start + $0) % ring.count]) }
  }

  private func text(of line: Line) -> String {
    let what =
      switch line.kind {
      case .started: "started, life \(line.first)"
      case .stopped: "stopped"
      case .crashed: "crashed"
      case .datagram: "datagram of \(line.second) bytes from host \(line.first)"
      case .deadline:
        "deadline, room \(line.first >> 32) kind \(line.first & 0xffff), subject \(hexadecimal(line.second))"
      case .stall: "stall of \(seconds(line.first)) s"
      case .woke: "woke with \(line.first) arrivals and \(line.second) deadlines waiting"
      case .stream: "stream \(line.first)"
      case .persisted: "persisted \(line.first)"
      case .persistFailed: "persist \(line.first) failed"
      case .sent: "sent \(line.second) bytes to host \(line.first)"
      case .event: EventSummary.text(subject: line.first, packed: line.second)
      case .fault: "FAULT \(faults[Int(line.first)])"
      case .command: "command \(line.first)"
      case .request: "request \(line.first & 0xffff_ffff) of client \(line.first >> 32)"
      case .reply: "answers request \(line.first & 0xffff_ffff) of client \(line.first >> 32)"
      case .jobDone: "disk has done job \(line.first) of lane \(line.second)"
      case .jobFailed: "job \(line.first) of the disk fails with \(line.second)"
      case .storeFailed: "the store has failed with \(line.first)"
      }
    return "\(seconds(line.at)) s  \(what)"
  }
}

/// Seconds with three decimals, without Foundation.
func seconds(_ nanoseconds: UInt64) -> String {
  let milliseconds = nanoseconds / 1_000_000
  let fraction = String(milliseconds % 1_000)
  return "\(milliseconds / 1_000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
}

func hexadecimal(_ value: UInt64) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: 16 - digits.count) + digits
}
