import EventLoop
import Glibc
import MapShard
import Wire

/// Hears what the disk did of the log's jobs.
protocol StoreDiskClient: AnyObject {
  func storeDid(_ input: LogInput)
}

/// Carries out the jobs of a host's log on the pool: one job of each lane at a time, its steps in their order.
final class StoreDisk {
  /// The store lives in a folder of its own inside the data folder.
  static let folderName = "store"

  weak var client: (any StoreDiskClient)?
  private let files: StoreFolder
  private let lanes: [Lane]
  private(set) var jobs: UInt64 = 0
  var path: String { files.path }

  init(_ loop: Loop, _ files: StoreFolder) {
    self.files = files
    // A job that waits is one that the log has given before the last was done: it never does.
    lanes = DiskJob.Lane.allCases.map { _ in loop.lane(atOnce: 1, waiting: 4) }
  }

  func run(_ job: DiskJob) {
    jobs &+= 1
    let files = files
    let begun = lanes[Int(job.lane.rawValue)].run({ files.perform(job) }) { [weak self] outcome in
      guard let self, let outcome else { return }  // the loop is closing: nothing more becomes durable
      self.ended(job, outcome)
    }
    if !begun { ended(job, .failure(DiskFailure(step: 0, code: StoreFolder.inputOutputError))) }
  }

  private func ended(_ job: DiskJob, _ outcome: Result<[[UInt8]], DiskFailure>) {
    switch outcome {
    case .success(let reads): client?.storeDid(.done(job.lane, job.number, reads: reads))
    case .failure(let failure): client?.storeDid(.failed(job.lane, job.number, failure))
    }
  }
}

/// The files of a store. Every call blocks.
final class StoreFolder: StoreReading, Sendable {
  static let inputOutputError: Int32 = 5

  let path: String

  /// Makes the folder when it is not there.
  init(_ path: String) throws(UVError) {
    self.path = path
    do throws(UVError) {
      try Files.makeDirectory(path)
      try Files.synchronizeDirectory(of: path)
    } catch {
      guard error == .exists else { throw error }
    }
  }

  private func path(of file: StoreFile) -> String { path + "/" + file.name }

  /// Bytes that the file system still has for this user; `nil` when it does not tell.
  static func available(_ path: String) -> UInt64? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    return UInt64(status.f_bavail) &* UInt64(status.f_frsize)
  }

  // MARK: Recovery

  func files() -> [(name: String, size: Int)] {
    guard let names = try? Files.list(path) else { return [] }
    return names.compactMap { name in
      guard let information = try? Files.information(path + "/" + name), information.isRegular else { return nil }
      return (name, Int(clamping: information.size))
    }
  }

  func read(_ file: StoreFile, at offset: Int, count: Int) -> [UInt8]? {
    guard let opened = try? File.open(path(of: file), [.read, .noFollow]) else { return nil }
    defer { opened.close() }
    return try? read(opened, offset, count)
  }

  private func read(_ file: File, _ offset: Int, _ count: Int) throws(UVError) -> [UInt8] {
    // Memory follows what is there, not what is asked for.
    let size = Int(clamping: try file.information().size)
    let wanted = max(0, min(count, size - offset))
    var bytes = [UInt8](repeating: 0, count: wanted)
    let result: Result<Int, UVError> = bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(UVError) in try file.read(into: buffer, at: UInt64(offset)) }
    }
    bytes.removeLast(wanted - (try result.get()))
    return bytes
  }

  // MARK: Jobs

  func perform(_ job: DiskJob) -> Result<[[UInt8]], DiskFailure> {
    // A file stays open from its first step to the end of the job: what could not be written is told to the sync of the
    // descriptor that wrote it.
    var open: [StoreFile: File] = [:]
    defer { for file in open.values { file.close() } }
    var reads: [[UInt8]] = []
    for (index, step) in job.steps.enumerated() {
      do throws(UVError) {
        try perform(step, &open, &reads)
      } catch {
        return .failure(DiskFailure(step: index, code: error.code < 0 ? -error.code : StoreFolder.inputOutputError))
      }
    }
    return .success(reads)
  }

  private func perform(
    _ step: DiskStep, _ open: inout [StoreFile: File], _ reads: inout [[UInt8]]
  ) throws(UVError) {
    switch step {
    case .create(let file, let size):
      let created = try File.open(path(of: file), [.write, .create, .exclusive, .noFollow])
      open[file] = created
      if size > 0 { try created.reserve(UInt64(size)) }
    case .write(let file, let offset, let bytes):
      try opened(file, &open).write(bytes, at: UInt64(offset))
    case .zero(let file, let offset, let count):
      try opened(file, &open).write([UInt8](repeating: 0, count: count), at: UInt64(offset))
    case .sync(let file): try opened(file, &open).synchronizeData()
    case .rename(let file, let target): try Files.rename(path(of: file), to: path(of: target))
    case .syncFolder: try Files.synchronizeDirectory(of: path + "/.")
    case .truncate(let file, let size): try opened(file, &open).truncate(to: UInt64(size))
    case .delete(let file):
      do throws(UVError) {
        try Files.remove(path(of: file))
      } catch {
        guard error == .notFound else { throw error }
      }
    case .read(let file, let offset, let count):
      let opened = try File.open(path(of: file), [.read, .noFollow])
      defer { opened.close() }
      reads.append(try read(opened, offset, count))
    }
  }

  private func opened(_ file: StoreFile, _ open: inout [StoreFile: File]) throws(UVError) -> File {
    if let known = open[file] { return known }
    let opened = try File.open(path(of: file), [.write, .noFollow])
    open[file] = opened
    return opened
  }
}
