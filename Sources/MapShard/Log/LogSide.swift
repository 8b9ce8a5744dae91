import Wire

/// Work of the second lane.
enum SideWork {
  case makeSegment(Segment, head: [UInt8], zeros: Int)
  case zero(UInt64, at: Int, count: Int)
  case snapshotPart([DiskStep])
  case snapshotPublish([DiskStep])
  case delete([StoreFile])
  case truncate(StoreFile, Int)
  case scrub([DiskStep])
  case fetch([DiskStep])

  var steps: [DiskStep] {
    switch self {
    case .makeSegment(let segment, let head, let zeros):
      let file = StoreFile.segment(segment.number)
      return [
        .create(file, reserve: segment.size), .zero(file, at: head.count, count: zeros - head.count),
        .write(file, at: 0, head), .sync(file), .syncFolder,
      ]
    case .zero(let number, let offset, let count): return [.zero(.segment(number), at: offset, count: count)]
    case .delete(let files): return files.map { .delete($0) } + [.syncFolder]
    case .truncate(let file, let size): return [.truncate(file, to: size)]
    case .snapshotPart(let steps), .snapshotPublish(let steps), .scrub(let steps), .fetch(let steps): return steps
    }
  }
}

struct SideJob {
  var number: UInt64
  var work: SideWork
}

extension LogWriter {
  /// Starts the next job of the second lane.
  mutating func goOnAside(_ now: Now, _ effects: inout LogEffects) {
    guard sideJob == nil, let work = sideQueue.popFirst() ?? zerosAhead() else { return }
    sideJob = SideJob(number: nextJob, work: work)
    effects.jobs.append(DiskJob(lane: .side, number: nextJob, steps: work.steps))
    nextJob += 1
  }

  mutating func sideDone(_ number: UInt64, _ reads: [[UInt8]], _ now: Now, _ effects: inout LogEffects) {
    guard let job = sideJob, job.number == number else {
      counters.strayAnswers &+= 1
      return
    }
    sideJob = nil
    switch job.work {
    case .makeSegment(let segment, _, _): segmentMade(segment)
    case .zero(let number, let offset, let count): zerosWritten(number, upTo: offset + count)
    case .snapshotPart: snapshotPartWritten(now, &effects)
    case .snapshotPublish: snapshotPublished(now, &effects)
    case .delete, .truncate: break
    case .scrub: scrubRead(reads, now, &effects)
    case .fetch: fetchRead(reads, &effects)
    }
  }

  mutating func sideFailed(_ number: UInt64, _ failure: DiskFailure, _ now: Now, _ effects: inout LogEffects) {
    guard let job = sideJob, job.number == number else {
      counters.strayAnswers &+= 1
      return
    }
    sideJob = nil
    let steps = job.work.steps
    let step = steps.indices.contains(failure.step) ? steps[failure.step] : .syncFolder
    switch (job.work, step) {
    case (.makeSegment(let segment, _, _), .create), (.makeSegment(let segment, _, _), .zero),
      (.makeSegment(let segment, _, _), .write):
      guard failure.isFull else { return fail(StoreFile.segment(segment.number).name, code: failure.code, &effects) }
      isPreparing = false
      isPreparingRefused = true
      sideQueue.append(.delete([.segment(segment.number)]))
    case (.zero(let number, let offset, _), _) where failure.isFull:
      // The file system had not reserved what it was asked to. Batches will say so themselves.
      zerosWritten(number, upTo: offset)
    case (.snapshotPart, .create) where failure.isFull, (.snapshotPart, .write) where failure.isFull:
      snapshotRefusedByDisk(now, &effects)
    case (.scrub, _): scrubFailed(now, &effects)
    case (.fetch, _): fetchFailed(&effects)
    case (.truncate, _), (.delete, .delete):
      // The file stays, and is met again at the next start.
      counters.removalsFailed &+= 1
      if case .delete(let files) = job.work, failure.step + 1 < files.count {
        sideQueue.append(.delete(Array(files[(failure.step + 1)...])))
      }
    default:
      fail(step.file?.name ?? "the store's folder", code: failure.code, &effects)
    }
  }
}

extension DiskStep {
  var file: StoreFile? {
    switch self {
    case .create(let file, _), .write(let file, _, _), .zero(let file, _, _), .sync(let file), .rename(let file, _),
      .truncate(let file, _), .delete(let file), .read(let file, _, _):
      file
    case .syncFolder: nil
    }
  }
}
