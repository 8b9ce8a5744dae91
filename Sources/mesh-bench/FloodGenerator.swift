import CFlood
import Glibc

/// Sends garbage at a steady rate from its own thread, in batches of sendmmsg, to one port of this machine.
///
/// Loopback only: the destination is 127.0.0.1, whatever the caller says of the port. Ends by itself after `seconds`.
final class FloodGenerator: @unchecked Sendable {
  struct Outcome: Encodable {
    var seconds: Double
    var sent: UInt64
    /// Answers that came back to the sending sockets.
    var bytesBack: UInt64
  }

  /// Writes one datagram into the buffer and returns its length. Called for each datagram, on the generator's thread.
  typealias Fill = @Sendable (UnsafeMutableRawBufferPointer, UInt64) -> Int

  private static let batch = CFLOOD_BATCH
  private static let slot = 1_500
  /// Sources: as many addresses of 127.0.0.0/8 in as many /24, so that limits per source and per neighbourhood are met
  /// as a botnet would meet them.
  private static let sockets = 64

  private let port: UInt16
  private let perSecond: Double
  private let seconds: Double
  private let fill: Fill
  private var thread = pthread_t()
  private var outcome = Outcome(seconds: 0, sent: 0, bytesBack: 0)

  init(port: UInt16, perSecond: Double, seconds: Double, fill: @escaping Fill) {
    self.port = port
    self.perSecond = perSecond
    self.seconds = seconds
    self.fill = fill
  }

  func start() {
    let me = Unmanaged.passRetained(self)
    let result = pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<FloodGenerator>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, me.toOpaque())
    precondition(result == 0, "no thread for the generator")
  }

  /// Waits for its end.
  func join() -> Outcome {
    pthread_join(thread, nil)
    return outcome
  }

  private func run() {
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = port.bigEndian
    target.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let handles = (0..<FloodGenerator.sockets).map { index in
      let handle = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
      var source = sockaddr_in()
      source.sin_family = sa_family_t(AF_INET)
      source.sin_addr.s_addr = UInt32(0x7f01_0101 + index << 16 + index << 8).bigEndian
      withUnsafePointer(to: &source) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          _ = bind(handle, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      withUnsafePointer(to: &target) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          _ = connect(handle, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      return handle
    }
    defer { for handle in handles { close(handle) } }

    let bytes = UnsafeMutableRawPointer.allocate(byteCount: FloodGenerator.batch * FloodGenerator.slot, alignment: 16)
    defer { bytes.deallocate() }
    var lengths = [UInt32](repeating: 0, count: FloodGenerator.batch)
    var number: UInt64 = 0
    var sent: UInt64 = 0
    var turn = 0
    let start = monotonicSeconds()
    while true {
      let elapsed = monotonicSeconds() - start
      if elapsed >= seconds { break }
      guard Double(sent) < elapsed * perSecond else {
        usleep(100)
        continue
      }
      for index in 0..<FloodGenerator.batch {
        let slot = UnsafeMutableRawBufferPointer(
          start: bytes + index * FloodGenerator.slot, count: FloodGenerator.slot)
        number &+= 1
        lengths[index] = UInt32(fill(slot, number))
      }
      let handle = handles[turn % handles.count]
      turn += 1
      let count = cflood_send(
        handle, bytes.assumingMemoryBound(to: UInt8.self), lengths, UInt32(FloodGenerator.batch),
        UInt32(FloodGenerator.slot))
      // A refused batch (nobody listens, buffers full) counts as time spent, not as load.
      if count > 0 { sent &+= UInt64(count) }
    }
    var back: UInt64 = 0
    var chunk = [UInt8](repeating: 0, count: 2_048)
    for handle in handles {
      while case let count = recv(handle, &chunk, chunk.count, 0), count > 0 { back &+= UInt64(count) }
    }
    outcome = Outcome(seconds: monotonicSeconds() - start, sent: sent, bytesBack: back)
  }
}

func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
