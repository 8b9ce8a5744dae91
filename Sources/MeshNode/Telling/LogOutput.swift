package import Control
import Glibc
package import Logging
import Synchronization

/// Where log lines go: standard error, written so that a reader who does not read can never stop the node.
///
/// A pipe or terminal that is full drops the line and counts it; the next line that fits says how many were lost.
package final class LogOutput: Sendable {
  private struct State {
    var lost = 0
    var limiter = EventLimiter()
  }

  private let descriptor: Int32
  private let form: LogLine.Form
  private let state = Mutex(State())

  package init(descriptor: Int32, form: LogLine.Form) {
    self.descriptor = descriptor
    self.form = form
  }

  package func write(
    level: Logger.Level, message: String, metadata: LogLine.Metadata, at moment: Timestamp, monotonic: UInt64
  ) {
    let event = metadata.first { $0.key == "event" }?.value ?? message
    state.withLock { state in
      guard let leftOut = state.limiter.admit(event, at: monotonic) else { return }
      var fields = metadata
      if leftOut > 0 { fields.append(("left_out", "\(leftOut)")) }
      if state.lost > 0 { fields.append(("lost_lines", "\(state.lost)")) }
      let line = LogLine.render(form, level: level, message: message, metadata: fields, at: moment)
      if put(line) { state.lost = 0 } else { state.lost += 1 }
    }
  }

  /// A line is at most PIPE_BUF bytes, and a pipe that polls writable takes so many at once: this does not block.
  private func put(_ line: String) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    guard poll(&entry, 1, 0) == 1, entry.revents & Int16(POLLOUT) != 0 else { return false }
    var line = line
    return line.withUTF8 { Glibc.write(descriptor, $0.baseAddress, $0.count) } == line.utf8.count
  }
}

/// At most so many lines of one event a time: a bucket of 20 that refills by 2 a second. What is left out is counted and
/// said with the event's next line.
package struct EventLimiter {
  package static let burst = 20.0
  package static let perSecond = 2.0
  /// Events have fixed names, so this is not reached; a table has a limit anyway. What is beyond it shares one bucket.
  package static let eventLimit = 256

  private struct Bucket {
    var tokens = EventLimiter.burst
    var at: UInt64 = 0
    var leftOut = 0
  }

  private var buckets: [String: Bucket] = [:]

  package init() {}

  /// How many were left out before this one; `nil` when this one is left out too.
  package mutating func admit(_ event: String, at monotonic: UInt64) -> Int? {
    let key = buckets[event] != nil || buckets.count < EventLimiter.eventLimit ? event : ""
    var bucket = buckets[key] ?? Bucket(at: monotonic)
    let elapsed = Double(monotonic - min(monotonic, bucket.at)) / 1e9
    bucket.tokens = min(EventLimiter.burst, bucket.tokens + elapsed * EventLimiter.perSecond)
    bucket.at = max(bucket.at, monotonic)
    defer { buckets[key] = bucket }
    guard bucket.tokens >= 1 else {
      bucket.leftOut += 1
      return nil
    }
    bucket.tokens -= 1
    defer { bucket.leftOut = 0 }
    return bucket.leftOut
  }
}
