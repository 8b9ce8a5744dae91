import Control
import EventLoop
import Glibc
import KeyStore
import Logging
import SecureChannel

/// What a process that holds keys gives up, and what it refuses to run under (`security.md` 3.10).
enum Hardened {
  static func process(_ log: Logger) throws(Fault) {
    let variable = "SWIFT_DETERMINISTIC_HASHING"
    if getenv(variable) != nil { throw Fault(.unsafeEnvironment, ["variable": variable]) }
    do throws(UVError) {
      try Hardening.forbidCoreDumps()
      try Hardening.forbidNewPrivileges()
    } catch {
      throw Fault(.cannotRead, ["file": "process limits", "reason": error.message])
    }
    umask(0o077)
    // Whoever started us may have blocked signals; the way to stop a node must not depend on that.
    var all = sigset_t()
    sigfillset(&all)
    sigprocmask(SIG_UNBLOCK, &all, nil)
    raise(__RLIMIT_MEMLOCK)
    raise(RLIMIT_NOFILE)
    let failures = SelfTest.failures()
    guard failures.isEmpty else {
      throw Fault(.selfTestFailed, ["parts": failures.map(\.rawValue).joined(separator: ", ")])
    }
    if geteuid() == 0 {
      log.warning(
        "running as root: nothing here needs it; a user of its own would limit what a mistake can do",
        metadata: ["event": "node.root"])
    }
  }

  /// As far as it may go without privileges.
  private static func raise(_ resource: __rlimit_resource) {
    var limit = rlimit()
    let number = __rlimit_resource_t(resource.rawValue)
    guard getrlimit(number, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(number, &limit)
  }
}

/// One process lives in a data folder: a lock that the kernel gives back however the process ends.
struct DataLock {
  private let file: File

  init(folder: String) throws(Fault) {
    try PrivateFile.makeFolder(folder)
    let path = folder + "/lock"
    do throws(UVError) {
      file = try File.open(path, [.read, .write, .create, .noFollow])
    } catch {
      throw Fault(.cannotWrite, ["file": path, "reason": error.message], at: path)
    }
    let isOurs: Bool
    do throws(UVError) {
      isOurs = try file.lock()
      if isOurs {
        try file.truncate(to: 0)
        try file.write(Array("\(getpid())\n".utf8), at: 0)
      }
    } catch {
      file.close()
      throw Fault(.cannotWrite, ["file": path, "reason": error.message], at: path)
    }
    guard isOurs else {
      let owner = DataLock.owner(file)
      file.close()
      throw DataLock.taken(folder, by: owner)
    }
  }

  func release() { file.close() }

  private static func owner(_ file: File) -> String {
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = bytes.withUnsafeMutableBytes { (try? file.read(into: $0, at: 0)) ?? 0 }
    let digits = bytes.prefix(count).prefix { $0 >= 0x30 && $0 <= 0x39 }
    return digits.isEmpty ? "an unknown process" : "process " + String(decoding: digits, as: UTF8.self)
  }

  private static func taken(_ folder: String, by owner: String) -> Fault {
    Fault(
      .identityConflict, ["host": folder], at: folder, evidence: ["\(owner) holds \(folder)/lock"],
      notes: ["to talk to it: mesh-ctl status; to end it: mesh-ctl leave"])
  }
}
