package import Control
package import EventLoop
import KeyStore

/// Writes the audit log: one line a change, in order, on the pool, durable.
///
/// What was changed does not wait for it: a full disk must not keep a stolen key in the mesh. A line that could not be
/// written is told, and its place in the chain goes to the next one.
package final class AuditLog {
  /// Lines that may wait; a client waits for its answer, so more come only from refusals.
  static let waitingLimit = 256

  package var failed: ((Fault) -> Void)?
  private let trail: AuditTrail
  private let lane: Lane
  /// `nil`: to be read from the file, at the start and after a failure.
  private var head: AuditTrail.Head?
  private var waiting: [AuditEntry] = []
  private var isWriting = false
  /// Refusals cost whoever may only look nothing, so they are limited.
  private var refusals = EventLimiter()
  private var whenIdle: (() -> Void)?

  package init(_ loop: Loop, folder: String) {
    trail = AuditTrail(folder: folder)
    lane = loop.lane(atOnce: 1, waiting: 1)
  }

  package func append(_ entry: AuditEntry, monotonic: UInt64) {
    var entry = entry
    if entry.result == .refused {
      guard let leftOut = refusals.admit("refused", at: monotonic) else { return }
      if leftOut > 0 { entry.leftOut = leftOut }
    }
    guard waiting.count < AuditLog.waitingLimit else {
      failed?(Fault(.stateNotWritten, ["file": trail.path, "reason": "\(waiting.count) lines wait already"]))
      return
    }
    waiting.append(entry)
    writeNext()
  }

  /// Calls back once everything is written or has failed.
  package func whenIdle(_ done: @escaping () -> Void) {
    whenIdle = done
    writeNext()
  }

  private func writeNext() {
    guard !isWriting else { return }
    guard !waiting.isEmpty else {
      let idle = whenIdle
      whenIdle = nil
      idle?()
      return
    }
    let entries = waiting
    waiting = []
    isWriting = true
    let ending = Result<AuditTrail.Head, Fault>.failure(
      Fault(.stateNotWritten, ["file": trail.path, "reason": "the node is ending"]))
    let hasBegun = lane.run({ [trail, head] in
      Result { () throws(Fault) in try AuditLog.write(entries, trail, after: head) }
    }) { [weak self] result in
      self?.ended(result ?? ending)
    }
    if !hasBegun { ended(ending) }
  }

  private func ended(_ result: Result<AuditTrail.Head, Fault>) {
    isWriting = false
    switch result {
    case .success(let head): self.head = head
    case .failure(let fault):
      head = nil
      failed?(fault)
    }
    writeNext()
  }

  /// On the pool.
  private static func write(
    _ entries: [AuditEntry], _ trail: AuditTrail, after known: AuditTrail.Head?
  ) throws(Fault) -> AuditTrail.Head {
    let found: (head: AuditTrail.Head, isTorn: Bool)
    if let known { found = (known, false) } else { found = try trail.head() }
    var head = found.head
    // Ends a line that a crash has cut off; it stays, and the next one vouches for it as it is.
    var bytes: [UInt8] = found.isTorn ? [0x0a] : []
    for entry in entries {
      let (line, next) = AuditTrail.line(entry, after: head)
      bytes += line
      head = next
    }
    do throws(UVError) {
      try append(bytes, to: trail)
    } catch {
      throw Fault(.stateNotWritten, ["file": trail.path, "reason": error.message], at: trail.path)
    }
    return head
  }

  private static func append(_ bytes: [UInt8], to trail: AuditTrail) throws(UVError) {
    if try size(of: trail.path) + UInt64(bytes.count) > UInt64(AuditTrail.sizeLimit) {
      try Files.rename(trail.path, to: trail.older)
    }
    let file = try File.open(trail.path, [.read, .write, .create, .noFollow])
    defer { file.close() }
    let size = try file.information().size
    try file.write(bytes, at: size)
    try file.synchronizeData()
    if size == 0 { try Files.synchronizeDirectory(of: trail.path) }
  }

  private static func size(of path: String) throws(UVError) -> UInt64 {
    do throws(UVError) {
      return try Files.information(path).size
    } catch .notFound {
      return 0
    }
  }
}
