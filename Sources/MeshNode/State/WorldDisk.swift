import Control
import EventLoop
import Hashing
import Wire
import WorldData

/// Hears what the disk did for worlds.
protocol WorldDiskClient: AnyObject {
  func worldStored(_ token: UInt64, _ fault: Fault?)
  func worldObjects(_ bytes: [UInt8]?, lost: [Digest], for host: HostID)
}

/// Carries out on the pool what the worlds of a node want of its files: one thing at a time, in the order of asking.
final class WorldDisk {
  weak var client: (any WorldDiskClient)?
  let files: WorldFiles
  private let lane: Lane

  /// Batches of objects for up to eight peers, and a few writes.
  private static let waiting = 64

  init(_ loop: Loop, _ files: WorldFiles) {
    self.files = files
    lane = loop.lane(atOnce: 1, waiting: WorldDisk.waiting)
  }

  func keep(_ persist: WorldEffects.Persist) {
    let files = files
    let token = persist.token
    let content = persist.content
    let ending = Fault(.stateNotWritten, ["file": files.folder, "reason": "too much waits for the disk"])
    let begun = lane.run({ WorldDisk.fault { () throws(Fault) in try files.keep(content) } }) { [weak self] outcome in
      guard let outcome else { return }
      self?.client?.worldStored(token, outcome)
    }
    if !begun { client?.worldStored(token, ending) }
  }

  func serve(_ serve: WorldEffects.Serve, of world: World) {
    let files = files
    let begun = lane.run({ files.batch(serve, of: world) }) { [weak self] outcome in
      guard let outcome else { return }
      self?.client?.worldObjects(outcome.bytes, lost: outcome.lost, for: serve.to)
    }
    if !begun { client?.worldObjects(nil, lost: [], for: serve.to) }
  }

  /// Reads an operator's file; `done` runs on the loop. False when too much waits.
  func read(_ file: String, askedBy user: UInt32, then done: @escaping (Result<WorldBundle, Fault>) -> Void) -> Bool {
    let files = files
    return lane.run({
      Result { () throws(Fault) in try files.bundle(file, askedBy: user) }
    }) { outcome in
      if let outcome { done(outcome) }
    }
  }

  func keep(_ objects: [MapObject], then done: @escaping (Fault?) -> Void) -> Bool {
    let files = files
    return lane.run({ WorldDisk.fault { () throws(Fault) in try files.keep(.objects(objects)) } }) { outcome in
      if let outcome { done(outcome) }
    }
  }

  private static func fault(_ body: () throws(Fault) -> Void) -> Fault? {
    do throws(Fault) {
      try body()
      return nil
    } catch {
      return error
    }
  }
}
