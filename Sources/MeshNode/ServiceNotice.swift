import Glibc

/// Tells the service manager how we are (sd_notify(3)): a datagram to `$NOTIFY_SOCKET`. Without one it does nothing.
package struct ServiceNotice {
  private let path: [UInt8]
  /// How often the manager wants to hear of us, in nanoseconds; `nil` when it does not watch.
  package let watchdogInterval: UInt64?

  package init(environment: (String) -> String? = ServiceNotice.environmentValue) {
    path = environment("NOTIFY_SOCKET").map { Array($0.utf8) } ?? []
    let isForUs = environment("WATCHDOG_PID").map { $0 == "\(getpid())" } ?? true
    let microseconds = environment("WATCHDOG_USEC").flatMap { UInt64($0) }
    watchdogInterval = isForUs ? microseconds.flatMap { $0 > 0 ? min($0, 1 << 40) * 1_000 : nil } : nil
  }

  package func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }
  package func status(_ status: String) { send("STATUS=\(status)") }
  package func stopping(_ status: String) { send("STOPPING=1\nSTATUS=\(status)") }
  package func isAlive() { send("WATCHDOG=1") }

  /// Both in one datagram, as the manager wants them (sd_notify(3)).
  package func reloading(at monotonic: UInt64) { send("RELOADING=1\nMONOTONIC_USEC=\(monotonic / 1_000)") }

  package static func environmentValue(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  private func send(_ text: String) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    // `@` stands for the zero byte of an abstract socket.
    guard let first = path.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"), path.count < room else {
      return
    }
    withUnsafeMutableBytes(of: &address.sun_path) { bytes in
      bytes.copyBytes(from: path)
      if first == UInt8(ascii: "@") { bytes[0] = 0 }
    }
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let size = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
    let bytes = Array(text.utf8)
    // The manager that does not read loses the notice; it must not stop the loop.
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), $0, size)
      }
    }
  }
}
