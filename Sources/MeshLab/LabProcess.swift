package import Glibc

/// A child process of the lab: its output goes to a file, and it dies with its owner's `stop`, never later.
package final class LabProcess {
  package let name: String
  package let identifier: pid_t
  package let logPath: String
  /// How it ended, once that was collected.
  package private(set) var ending: Ending?
  /// It was stopped by `freeze`.
  package private(set) var isFrozen = false

  package enum Ending: Equatable, Sendable {
    case exited(Int32)
    case signalled(Int32)
  }

  /// Starts `executable` with `arguments`; standard output and error are appended to `logPath`, or errors to a file of
  /// their own.
  package init(
    name: String, executable: String, arguments: [String], logPath: String, errorPath: String? = nil
  ) throws(LabError) {
    self.name = name
    self.logPath = logPath
    let log = try LabFiles.openLog(logPath)
    defer { close(log) }
    let errors = try errorPath.map { path throws(LabError) in try LabFiles.openLog(path) } ?? log
    defer { if errors != log { close(errors) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, log, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
    // Threads of a test runner block signals; children must not inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var pointers: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var child: pid_t = 0
    let result = posix_spawn(&child, executable, &actions, &attributes, &pointers, environ)
    guard result == 0 else { throw LabError("cannot start \(executable): \(String(cString: strerror(result)))") }
    identifier = child
  }

  deinit { kill() }

  package var isRunning: Bool {
    collect(WNOHANG)
    return ending == nil
  }

  /// SIGKILL, and waits until it is gone.
  package func kill() {
    guard isRunning else { return }
    Glibc.kill(identifier, SIGCONT)
    Glibc.kill(identifier, SIGKILL)
    collect(0)
  }

  package func freeze() {
    guard isRunning else { return }
    Glibc.kill(identifier, SIGSTOP)
    isFrozen = true
  }

  package func thaw() {
    guard isRunning else { return }
    Glibc.kill(identifier, SIGCONT)
    isFrozen = false
  }

  /// SIGTERM, then its ending; `nil` when it did not end in time (it still runs then).
  package func terminate(within seconds: Double) -> Ending? {
    guard isRunning else { return ending }
    Glibc.kill(identifier, SIGTERM)
    return waitForEnding(within: seconds)
  }

  package func waitForEnding(within seconds: Double) -> Ending? {
    let limit = LabClock.now + seconds
    while isRunning {
      if LabClock.now >= limit { return nil }
      LabClock.pause(0.02)
    }
    return ending
  }

  private func collect(_ options: Int32) {
    guard ending == nil else { return }
    var status: Int32 = 0
    var result: pid_t
    repeat { result = waitpid(identifier, &status, options) } while result < 0 && errno == EINTR
    guard result == identifier else { return }
    let signal = status & 0x7f
    ending = signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
  }

  /// The last lines of its log, for people and failing tests.
  package func logTail(lines count: Int = 30) -> String {
    LabFiles.text(logPath).split(separator: "\n").suffix(count).joined(separator: "\n")
  }
}

/// Something in the lab did not come about.
package struct LabError: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

package enum LabClock {
  /// Seconds of CLOCK_MONOTONIC.
  package static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  package static func pause(_ seconds: Double) { usleep(UInt32(seconds * 1e6)) }

  /// Asks `condition` until it holds; false when it did not in time.
  package static func wait(upTo seconds: Double, every interval: Double = 0.05, for condition: () -> Bool) -> Bool {
    let limit = now + seconds
    while true {
      if condition() { return true }
      if now >= limit { return false }
      pause(interval)
    }
  }
}

enum LabFiles {
  static func openLog(_ path: String) throws(LabError) -> Int32 {
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw LabError("cannot write \(path): \(String(cString: strerror(errno)))") }
    return file
  }

  static func write(_ text: String, to path: String) throws(LabError) { try write(Array(text.utf8), to: path) }

  static func write(_ bytes: [UInt8], to path: String) throws(LabError) {
    let file = try openLog(path)
    defer { close(file) }
    guard bytes.withUnsafeBytes({ Glibc.write(file, $0.baseAddress, $0.count) }) == bytes.count else {
      throw LabError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
  }

  static func text(_ path: String) -> String { read(path).map { String(decoding: $0, as: UTF8.self) } ?? "" }

  static func read(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count <= 0 { return content }
      content.append(contentsOf: chunk[..<count])
    }
  }

  /// A new folder below the system's temporary folder, only for us.
  static func temporaryFolder() throws(LabError) -> String {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((base + "/mesh-lab-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else {
      throw LabError("cannot make a folder below \(base): \(String(cString: strerror(errno)))")
    }
    return template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  /// Removes a folder that `temporaryFolder` made, with all that is in it.
  static func remove(_ path: String) {
    guard let folder = opendir(path) else {
      unlink(path)
      return
    }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      let child = path + "/" + name
      var status = stat()
      if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { remove(child) } else { unlink(child) }
    }
    closedir(folder)
    rmdir(path)
  }

  /// A port on 127.0.0.1 that is free for UDP and TCP now. Ports are looked for below the range that the kernel gives
  /// to outgoing connections, so that nobody takes one between this look and the node's start.
  static func freePort(after last: inout UInt16) throws(LabError) -> UInt16 {
    for _ in 0..<4_000 {
      last = last >= 29_000 ? 17_000 : last + 1
      if isFree(last, SOCK_DGRAM), isFree(last, SOCK_STREAM) { return last }
    }
    throw LabError("no free port between 17000 and 29000 on 127.0.0.1")
  }

  private static func isFree(_ port: UInt16, _ type: __socket_type) -> Bool {
    let handle = socket(AF_INET, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard handle >= 0 else { return false }
    defer { close(handle) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(handle, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
