package import Control
import Glibc

/// Reading and writing of files that nobody else may read or replace (`security.md` 3.10).
package enum PrivateFile {
  /// Lends the content of a file; `nil` when there is none. The bytes are wiped after the call.
  ///
  /// Refused: symbolic links, whatever is no regular file, another owner than this user or root, any access for group
  /// and others, a folder that others can write to, more than `limit` bytes.
  package static func read<Value>(
    _ path: String, limit: Int, _ body: (UnsafeRawBufferPointer) throws(Fault) -> Value
  ) throws(Fault) -> Value? {
    // O_NONBLOCK: opening a pipe must not wait for somebody at its other end.
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      switch errno {
      case ENOENT, ENOTDIR: return nil
      case ELOOP: throw Fault(.fileKind, ["file": path, "kind": "a symbolic link"], at: path)
      // What open(2) says about a socket.
      case ENXIO: throw Fault(.fileKind, ["file": path, "kind": "a socket"], at: path)
      default: throw unreadable(path)
      }
    }
    defer { close(descriptor) }
    let size = try checkedSize(descriptor, path, limit: limit)
    try checkFolder(of: path)

    // One byte more than the size: a file that grows meanwhile is noticed.
    let room = size + 1
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: 16)
    defer {
      explicit_bzero(bytes, room)
      bytes.deallocate()
    }
    var count = 0
    while count < room {
      let result = Glibc.read(descriptor, bytes + count, room - count)
      if result == 0 { break }
      if result < 0, errno == EINTR { continue }
      guard result > 0 else { throw unreadable(path) }
      count += result
    }
    guard count == size else {
      throw Fault(.fileDamaged, ["file": path, "reason": "it changed while it was read"], at: path)
    }
    return try body(UnsafeRawBufferPointer(start: bytes, count: count))
  }

  private static func checkedSize(_ descriptor: Int32, _ path: String, limit: Int) throws(Fault) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw unreadable(path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw Fault(.fileKind, ["file": path, "kind": kind(status.st_mode)], at: path)
    }
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      throw Fault(
        .fileMode,
        [
          "file": path, "reason": "belongs to user \(status.st_uid), not to this user (\(geteuid())) or root",
          "fix": "chown \(geteuid()) \(path)",
        ], at: path)
    }
    guard status.st_mode & 0o077 == 0 else {
      throw Fault(
        .fileMode,
        [
          "file": path, "reason": "may be used by others (mode \(octal(status.st_mode & 0o7777)))",
          "fix": "chmod 600 \(path)",
        ], at: path)
    }
    guard status.st_size <= limit else {
      throw Fault(
        .fileDamaged, ["file": path, "reason": "\(status.st_size) bytes; such a file has at most \(limit)"], at: path)
    }
    return Int(status.st_size)
  }

  /// Who can write to the folder can put another file in this one's place.
  private static func checkFolder(of path: String) throws(Fault) {
    let folder = folder(of: path)
    var status = stat()
    guard stat(folder, &status) == 0 else { throw unreadable(folder) }
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      throw Fault(
        .fileMode,
        [
          "file": folder, "reason": "belongs to user \(status.st_uid), not to this user (\(geteuid())) or root",
          "fix": "chown \(geteuid()) \(folder)",
        ], at: folder)
    }
    guard status.st_mode & 0o022 == 0 || status.st_mode & S_ISVTX != 0 else {
      throw Fault(
        .fileMode,
        [
          "file": folder, "reason": "may be changed by others (mode \(octal(status.st_mode & 0o7777)))",
          "fix": "chmod 700 \(folder)",
        ], at: folder)
    }
  }

  package enum Replacing {
    /// A file that is there stays, and the write fails with `networkExists`.
    case never
    case always
  }

  /// Writes a file with mode 0600, whole or not at all, and durable when this returns.
  ///
  /// - Parameters:
  ///   - mode: another one for files that are not secret.
  ///   - isDurable: false for one of many that the caller makes durable together.
  package static func write(
    _ path: String, _ bytes: UnsafeRawBufferPointer, replacing: Replacing, mode: UInt32 = 0o600, isDurable: Bool = true
  ) throws(Fault) {
    let folder = folder(of: path)
    let temporary = "\(folder)/.\(name(of: path)).\(getpid())"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw unwritable(path) }
    defer {
      close(descriptor)
      unlink(temporary)
    }
    // The mode of `open` is cut by the umask, which may also leave too little.
    guard fchmod(descriptor, mode) == 0 else { throw unwritable(path) }
    var count = 0
    while count < bytes.count {
      let result = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: count), bytes.count - count)
      if result < 0, errno == EINTR { continue }
      guard result > 0 else { throw unwritable(path) }
      count += result
    }
    guard !isDurable || fsync(descriptor) == 0 else { throw unwritable(path) }
    switch replacing {
    case .always:
      guard rename(temporary, path) == 0 else { throw unwritable(path) }
    case .never:
      // link(2) refuses a name that is taken, also when two of us come at the same time.
      guard link(temporary, path) == 0 else {
        if errno == EEXIST {
          throw Fault(.networkExists, ["directory": folder, "what": "`\(name(of: path))`"], at: path)
        }
        throw unwritable(path)
      }
    }
    if isDurable { try makeDurable(folder) }
  }

  /// Makes a folder with mode 0700, and the folders above it with 0755. One that is there stays as it is.
  package static func makeFolder(_ path: String) throws(Fault) {
    guard mkdir(path, 0o700) != 0 else { return }
    switch errno {
    case EEXIST:
      var status = stat()
      guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        throw Fault(.fileKind, ["file": path, "kind": "no folder"], at: path)
      }
    case ENOENT:
      let above = folder(of: path)
      guard above != path else { throw unwritable(path) }
      try makePath(above)
      guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw unwritable(path) }
    default: throw unwritable(path)
    }
  }

  private static func makePath(_ path: String) throws(Fault) {
    if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    let above = folder(of: path)
    guard errno == ENOENT, above != path else { throw unwritable(path) }
    try makePath(above)
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw unwritable(path) }
  }

  package static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  private static func makeDurable(_ folder: String) throws(Fault) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unwritable(folder) }
    defer { close(descriptor) }
    // EINVAL: a file system that has nothing to make durable here.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw unwritable(folder) }
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func name(of path: String) -> Substring {
    path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
  }

  private static func kind(_ mode: mode_t) -> String {
    switch mode & S_IFMT {
    case S_IFDIR: "a folder"
    case S_IFIFO: "a pipe"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }

  private static func octal(_ mode: mode_t) -> String {
    let digits = String(mode, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  private static func unreadable(_ path: String) -> Fault {
    let reason = String(cString: strerror(errno))
    return errno == EACCES || errno == EPERM
      ? Fault(.fileMode, ["file": path, "reason": "may not be read by this user", "fix": "ls -l \(path)"], at: path)
      : Fault(.cannotRead, ["file": path, "reason": reason], at: path)
  }

  private static func unwritable(_ path: String) -> Fault {
    Fault(.cannotWrite, ["file": path, "reason": String(cString: strerror(errno))], at: path)
  }
}
