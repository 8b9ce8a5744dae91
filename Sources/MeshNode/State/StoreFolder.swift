import EventLoop
import Glibc
package import MapShard

/// The files of a shard store in one folder: does what the log asks of a disk. Every call blocks.
///
/// The steps of one lane come one after the other, so the file that is kept open belongs to one job at a time.
package final class StoreFolder: StoreReading, @unchecked Sendable {
  package let path: String
  /// The segment that batches go to, kept open from job to job.
  private var segment: (file: StoreFile, handle: File)?

  /// - Parameter path: an existing folder that only this process writes to.
  package init(_ path: String) { self.path = path }

  deinit { segment?.handle.close() }

  // MARK: Reading at the start

  package func files() -> [(name: String, size: Int)] {
    ((try? Files.list(path)) ?? []).compactMap { name in
      // One that cannot be looked at is not left out: reading it says so.
      guard let information = try? Files.information(place(name)) else { return (name, 0) }
      return information.isRegular ? (name, Int(clamping: information.size)) : nil
    }
  }

  package func read(_ file: StoreFile, at offset: Int, count: Int) -> [UInt8]? {
    try? withFile(file, [.read]) { handle throws(UVError) in try read(handle, offset, count) }
  }

  /// Syncs whatever an earlier life has left, and the folder itself.
  func synchronize() throws(UVError) {
    for (name, _) in files() {
      // One that cannot be opened is not left out: reading it says so.
      guard let file = try? File.open(place(name), [.read]) else { continue }
      defer { file.close() }
      try file.synchronizeData()
    }
    try Files.synchronizeDirectory(of: path + "/.")
  }

  // MARK: What the log asks for

  /// Does the steps of a job in order, up to the first that fails.
  package func perform(_ job: DiskJob) -> Result<[[UInt8]], DiskFailure> {
    var reads: [[UInt8]] = []
    for (index, step) in job.steps.enumerated() {
      do throws(UVError) {
        try perform(step, isLog: job.lane == .log, &reads)
      } catch {
        return .failure(DiskFailure(step: index, code: error.code == .min ? EIO : abs(error.code)))
      }
    }
    return .success(reads)
  }

  private func perform(_ step: DiskStep, isLog: Bool, _ reads: inout [[UInt8]]) throws(UVError) {
    switch step {
    case .create(let file, let reserve):
      let handle = try File.open(place(file.name), [.write, .create, .exclusive])
      defer { handle.close() }
      if reserve > 0 { try StoreFolder.reserve(handle, reserve) }
    case .write(let file, let offset, let bytes):
      try with(file, isLog) { handle throws(UVError) in try handle.write(bytes, at: UInt64(offset)) }
    case .zero(let file, let offset, let count):
      try with(file, isLog) { handle throws(UVError) in
        try handle.write([UInt8](repeating: 0, count: count), at: UInt64(offset))
      }
    case .sync(let file): try with(file, isLog) { handle throws(UVError) in try handle.synchronizeData() }
    case .rename(let file, let target): try Files.rename(place(file.name), to: place(target.name))
    case .syncFolder: try Files.synchronizeDirectory(of: path + "/.")
    case .truncate(let file, let size):
      try withFile(file, [.write]) { handle throws(UVError) in try handle.truncate(to: UInt64(size)) }
    case .delete(let file): try Files.remove(place(file.name))
    case .read(let file, let offset, let count):
      reads.append(try withFile(file, [.read]) { handle throws(UVError) in try read(handle, offset, count) })
    }
  }

  /// Bytes that the file system has for ordinary users.
  package func availableSpace() -> UInt64? {
    var information = statvfs()
    guard statvfs(path, &information) == 0 else { return nil }
    return UInt64(information.f_bavail) &* UInt64(information.f_frsize)
  }

  private func place(_ name: String) -> String { "\(path)/\(name)" }

  /// The blocks belong to the file before anything is written to it: a full disk is met here.
  private static func reserve(_ handle: File, _ size: Int) throws(UVError) {
    let result = posix_fallocate(handle.descriptor, 0, off_t(size))
    if result != 0 { throw UVError(code: -result) }
  }

  private func read(_ handle: File, _ offset: Int, _ count: Int) throws(UVError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let result = bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(UVError) in try handle.read(into: buffer, at: UInt64(offset)) }
    }
    bytes.removeLast(count - (try result.get()))
    return bytes
  }

  private func with(
    _ file: StoreFile, _ isLog: Bool, _ body: (File) throws(UVError) -> Void
  ) throws(UVError) {
    guard isLog else { return try withFile(file, [.write], body) }
    if let segment, segment.file == file { return try body(segment.handle) }
    segment?.handle.close()
    segment = nil
    let handle = try File.open(place(file.name), [.write])
    segment = (file, handle)
    try body(handle)
  }

  private func withFile<T>(
    _ file: StoreFile, _ options: File.Options, _ body: (File) throws(UVError) -> T
  ) throws(UVError) -> T {
    let handle = try File.open(place(file.name), options)
    defer { handle.close() }
    return try body(handle)
  }
}
