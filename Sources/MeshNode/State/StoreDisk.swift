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
  /// One for each lane: a folder keeps the segment open that its lane writes.
  private let folders: [StoreFolder]
  private let lanes: [Lane]
  private let spaceLane: Lane
  private(set) var jobs: UInt64 = 0
  var path: String { folders[0].path }

  init(_ loop: Loop, _ path: String) {
    folders = DiskJob.Lane.allCases.map { _ in StoreFolder(path) }
    // A job that waits is one that the log has given before the last was done: it never does.
    lanes = DiskJob.Lane.allCases.map { _ in loop.lane(atOnce: 1, waiting: 4) }
    spaceLane = loop.lane(atOnce: 1, waiting: 0)
  }

  func run(_ job: DiskJob) {
    jobs &+= 1
    let files = folders[Int(job.lane.rawValue)]
    let begun = lanes[Int(job.lane.rawValue)].run({ files.perform(job) }) { [weak self] outcome in
      guard let self, let outcome else { return }  // the loop is closing: nothing more becomes durable
      self.ended(job, outcome)
    }
    if !begun { ended(job, .failure(DiskFailure(step: 0, code: EIO))) }
  }

  /// Asks, on the pool, how many bytes the file system still has; a file system that does not tell is not heard of. A
  /// question that is still open, as on a disk that hangs, is not asked again.
  func measureSpace() {
    let folder = folders[0]
    spaceLane.run({ folder.availableSpace() }) { [weak self] outcome in
      if let available = outcome ?? nil { self?.client?.storeDid(.space(available: available)) }
    }
  }

  private func ended(_ job: DiskJob, _ outcome: Result<[[UInt8]], DiskFailure>) {
    switch outcome {
    case .success(let reads): client?.storeDid(.done(job.lane, job.number, reads: reads))
    case .failure(let failure): client?.storeDid(.failed(job.lane, job.number, failure))
    }
  }
}
