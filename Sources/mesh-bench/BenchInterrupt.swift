import Glibc

/// Ctrl-C and SIGTERM: what is under way is ended in order, and everything that was started is taken down.
enum BenchInterrupt {
  nonisolated(unsafe) private static var flag: sig_atomic_t = 0

  static func watch() {
    for number in [SIGINT, SIGTERM, SIGHUP] { signal(number) { _ in BenchInterrupt.flag = 1 } }
  }

  static var came: Bool { flag != 0 }
}
