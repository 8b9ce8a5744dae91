import UVShim

/// An open file. Every call blocks: use them in a `Lane`, or before the loop runs. Owns nothing: `close` it.
package struct File: Hashable, Sendable {
  package struct Options: OptionSet, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let read = Options(rawValue: 1)
    package static let write = Options(rawValue: 2)
    package static let create = Options(rawValue: 4)
    /// With `create`: the file must not exist.
    package static let exclusive = Options(rawValue: 8)
    package static let truncate = Options(rawValue: 16)
    /// A symbolic link is refused (`ELOOP`): for files that hold secrets.
    package static let noFollow = Options(rawValue: 32)

    fileprivate var flags: Int32 {
      var flags = contains(.write) ? (contains(.read) ? O_RDWR : O_WRONLY) : O_RDONLY
      if contains(.create) { flags |= O_CREAT }
      if contains(.exclusive) { flags |= O_EXCL }
      if contains(.truncate) { flags |= O_TRUNC }
      if contains(.noFollow) { flags |= O_NOFOLLOW }
      return flags
    }
  }

  package struct Information: Hashable, Sendable {
    package let size: UInt64
    /// Permission bits only.
    package let mode: UInt32
    package let owner: UInt32
    package let isRegular: Bool
    package let isDirectory: Bool
    /// Tells one file from another on this machine.
    package let device: UInt64
    package let inode: UInt64
    /// Nanoseconds since 1970.
    package let modified: UInt64

    fileprivate init(_ raw: uv_stat_t) {
      size = raw.st_size
      mode = UInt32(truncatingIfNeeded: raw.st_mode & 0o7777)
      owner = UInt32(truncatingIfNeeded: raw.st_uid)
      isRegular = raw.st_mode & 0o170000 == 0o100000
      isDirectory = raw.st_mode & 0o170000 == 0o040000
      device = raw.st_dev
      inode = raw.st_ino
      modified =
        UInt64(clamping: raw.st_mtim.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: raw.st_mtim.tv_nsec)
    }
  }

  package let descriptor: Int32

  /// Always close-on-exec.
  package static func open(_ path: String, _ options: Options, mode: UInt32 = 0o600) throws(UVError) -> File {
    File(descriptor: try perform { uv_fs_open(nil, &$0, path, options.flags, Int32(mode), nil) })
  }

  package func close() { _ = try? perform { uv_fs_close(nil, &$0, descriptor, nil) } }

  /// Reads until the buffer is full or the file ends; returns the number of bytes.
  package func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(UVError) -> Int {
    var done = 0
    while done < bytes.count {
      let count = try transfer(UnsafeMutableRawBufferPointer(rebasing: bytes[done...]), offset, done) {
        uv_fs_read(nil, &$0, descriptor, &$1, 1, $2, nil)
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// Writes all of it at an offset.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(UVError) {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeMutableRawBufferPointer(mutating: UnsafeRawBufferPointer(rebasing: bytes[done...]))
      let count = try transfer(rest, offset, done) { uv_fs_write(nil, &$0, descriptor, &$1, 1, $2, nil) }
      // A regular file takes something or says why not.
      if count == 0 { throw .noSpace }
      done += count
    }
  }

  package func write(_ bytes: [UInt8], at offset: UInt64) throws(UVError) {
    let result: Result<Void, UVError> = bytes.withUnsafeBytes { buffer in
      Result { () throws(UVError) in try write(buffer, at: offset) }
    }
    try result.get()
  }

  private func transfer(
    _ bytes: UnsafeMutableRawBufferPointer, _ offset: UInt64, _ done: Int,
    _ call: (inout uv_fs_t, inout uv_buf_t, Int64) -> Int32
  ) throws(UVError) -> Int {
    // One call moves at most 2 GiB.
    let length = UInt32(min(bytes.count, 1 << 30))
    var buffer = uv_buf_init(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), length)
    let position = Int64(clamping: offset &+ UInt64(done))
    return Int(try perform { call(&$0, &buffer, position) })
  }

  /// Data and what is needed to read it again are on the disk when it returns.
  package func synchronizeData() throws(UVError) { try perform { uv_fs_fdatasync(nil, &$0, descriptor, nil) } }

  /// The same with all metadata; for a directory: its entries.
  package func synchronize() throws(UVError) { try perform { uv_fs_fsync(nil, &$0, descriptor, nil) } }

  /// The same for everything of the file system that the file is on: one call in place of thousands of small files'.
  package func synchronizeAll() throws(UVError) { try checked(uvshim_synchronize_all(descriptor)) }

  package func truncate(to size: UInt64) throws(UVError) {
    try perform { uv_fs_ftruncate(nil, &$0, descriptor, Int64(clamping: size), nil) }
  }

  package func information() throws(UVError) -> Information {
    var request = uv_fs_t()
    defer { uv_fs_req_cleanup(&request) }
    try checked(uv_fs_fstat(nil, &request, descriptor, nil))
    return Information(request.statbuf)
  }

  /// Takes the file for this process until it is closed; `false` when another process has it.
  package func lock() throws(UVError) -> Bool {
    let result = uvshim_lock(descriptor)
    if result < 0, UVError(code: result) == .again { return false }
    try checked(result)
    return true
  }
}

/// The file system by path. Every call blocks, as those of `File`.
package enum Files {
  /// Replaces the content of a file so that after a crash either the old or the new one is there: written beside it,
  /// flushed, renamed, the directory flushed.
  package static func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o600) throws(UVError) {
    let temporary = path + ".new"
    let file = try File.open(temporary, [.write, .create, .truncate, .noFollow], mode: mode)
    do throws(UVError) {
      defer { file.close() }
      try file.write(bytes, at: 0)
      try file.synchronizeData()
    } catch {
      try? remove(temporary)
      throw error
    }
    try rename(temporary, to: path)
    try synchronizeDirectory(of: path)
  }

  /// The whole content; `fileTooLarge` when it is longer than `limit`.
  package static func read(_ path: String, atMost limit: Int) throws(UVError) -> [UInt8] {
    let file = try File.open(path, [.read])
    defer { file.close() }
    // One byte more than told by the file system: it may grow, and some files are told to be empty.
    let expected = try file.information().size
    if expected > UInt64(limit) { throw .fileTooLarge }
    var content = [UInt8](repeating: 0, count: Int(expected) + 1)
    var count = 0
    while true {
      let result = content.withUnsafeMutableBytes { buffer in
        Result { () throws(UVError) in
          try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]), at: UInt64(count))
        }
      }
      count += try result.get()
      if count > limit { throw .fileTooLarge }
      if count < content.count { break }
      content.append(contentsOf: repeatElement(0, count: min(content.count, limit + 1 - count)))
    }
    content.removeLast(content.count - count)
    return content
  }

  /// Atomic within one file system; an existing file is replaced.
  package static func rename(_ path: String, to newPath: String) throws(UVError) {
    try perform { uv_fs_rename(nil, &$0, path, newPath, nil) }
  }

  package static func remove(_ path: String) throws(UVError) { try perform { uv_fs_unlink(nil, &$0, path, nil) } }

  package static func setMode(_ path: String, _ mode: UInt32) throws(UVError) {
    try perform { uv_fs_chmod(nil, &$0, path, Int32(mode), nil) }
  }

  package static func makeDirectory(_ path: String, mode: UInt32 = 0o700) throws(UVError) {
    try perform { uv_fs_mkdir(nil, &$0, path, Int32(mode), nil) }
  }

  package static func removeDirectory(_ path: String) throws(UVError) {
    try perform { uv_fs_rmdir(nil, &$0, path, nil) }
  }

  /// Of the file that a path leads to, through links.
  package static func information(_ path: String) throws(UVError) -> File.Information {
    let file = try File.open(path, [.read])
    defer { file.close() }
    return try file.information()
  }

  /// Names in a directory, sorted.
  package static func list(_ path: String) throws(UVError) -> [String] {
    var request = uv_fs_t()
    defer { uv_fs_req_cleanup(&request) }
    try checked(uv_fs_scandir(nil, &request, path, 0, nil))
    var names: [String] = []
    var entry = uv_dirent_t()
    while uv_fs_scandir_next(&request, &entry) >= 0 { names.append(String(cString: entry.name)) }
    return names.sorted()
  }

  /// Makes a creation, rename or removal durable.
  package static func synchronizeDirectory(of path: String) throws(UVError) {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let file = try File.open(directory, [.read])
    defer { file.close() }
    try file.synchronize()
  }
}

/// One blocking call of libuv's file functions: without a callback they run where they are called, on any thread, and
/// need no loop.
@discardableResult
private func perform(_ call: (inout uv_fs_t) -> Int32) throws(UVError) -> Int32 {
  var request = uv_fs_t()
  let result = call(&request)
  uv_fs_req_cleanup(&request)
  return try checked(result)
}
