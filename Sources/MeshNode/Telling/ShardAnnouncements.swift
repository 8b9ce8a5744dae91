import Control
import Logging
import MapShard
import NodeCore
import Wire
import WorldData

extension EventName {
  static let shardActing = EventName(rawValue: "shard.acting")
  static let shardHeld = EventName(rawValue: "shard.held")
  static let shardLost = EventName(rawValue: "shard.lost")
  static let shardAsked = EventName(rawValue: "shard.asked")
  static let shardCorrupt = EventName(rawValue: "shard.corrupt")
  static let shardCut = EventName(rawValue: "shard.cut")
  static let shardDiffers = EventName(rawValue: "shard.differs")
  static let shardRefused = EventName(rawValue: "shard.proposal.refused")
  static let storeFailed = EventName(rawValue: "store.failed")
  static let storeAdmission = EventName(rawValue: "store.admission")
  static let storeDamaged = EventName(rawValue: "store.damaged")
  static let worldLearned = EventName(rawValue: "world.learned")
  static let worldProgress = EventName(rawValue: "world.progress")
  static let worldWhole = EventName(rawValue: "world.complete")
  static let worldActivated = EventName(rawValue: "world.activated")
  static let worldWaits = EventName(rawValue: "world.waits")
  static let worldRefused = EventName(rawValue: "world.refused")
  static let worldEnding = EventName(rawValue: "world.ending")
  static let worldHealing = EventName(rawValue: "world.healing")
}

/// Shards, their store and worlds, turned into announcements.
struct ShardAnnouncer {
  var own: HostID
  var names: (HostID) -> String
  var shards: (ShardID) -> String

  /// `nil` for what happens with every write, or is told by another event.
  func announcement(of event: ShardEvent) -> Announcement? {
    switch event {
    case .won, .recordLearned, .committed: nil
    case .acting(let shard, let epoch):
      Announcement(
        name: .shardActing, level: .info, subject: own, text: "\(shards(shard)) is owned here, epoch \(epoch)")
    case .held(let shard, _, let reason):
      Announcement(
        name: .shardHeld, level: .warning, health: .degraded, subject: own,
        text: "\(shards(shard)) is held: \(reason.words(names))", code: .shardHeld)
    case .lost(let shard, let epoch, let to):
      Announcement(
        name: .shardLost, level: .info, subject: to.host,
        text: "\(shards(shard)) went to \(names(to.host)), epoch \(epoch)")
    case .asked(let shard, let epoch, let reason):
      Announcement(
        name: .shardAsked, level: .info, subject: own,
        text: "this host asks for \(shards(shard)) in epoch \(epoch): \(reason.words)")
    case .corrupt(let shard, let why):
      Announcement(
        name: .shardCorrupt, level: .critical, health: .unhealthy, subject: own,
        text: "\(shards(shard)) is stopped here, because a rule of its log is broken: \(why)")
    case .refusedProposal(let shard, let host):
      Announcement(
        name: .shardRefused, level: .debug, subject: host,
        text: "a change of \(shards(shard)) that \(names(host)) proposed was refused")
    case .cut(let shard, let position, let lost):
      Announcement(
        name: .shardCut, level: .notice, subject: own,
        text: "\(lost) entries of \(shards(shard)) after \(position.sequence) were void: nobody had been promised them")
    case .differs(let shard, let host):
      Announcement(
        name: .shardDiffers, level: .warning, health: .degraded, subject: host,
        text: "the copy of \(shards(shard)) on \(names(host)) differs from the owner's and is repaired")
    }
  }

  func announcement(of event: MapShard.LogEvent) -> Announcement? {
    switch event {
    case .failed(let file, let code):
      Announcement(
        name: .storeFailed, level: .critical, health: .unhealthy, subject: own,
        text: "the store has failed at \(file) (error \(code)): nothing more is kept here, its shards are given away",
        code: .storeHasFailed)
    case .admission(.open):
      Announcement(name: .storeAdmission, level: .notice, subject: own, text: "the store takes writes again")
    case .admission(.full):
      Announcement(
        name: .storeAdmission, level: .error, health: .unhealthy, subject: own,
        text: "the disk is full: the store takes no new writes until there is space", code: .stateNotWritten)
    case .admission(.slow):
      Announcement(
        name: .storeAdmission, level: .warning, health: .degraded, subject: own,
        text: "the disk does not keep up: the store takes no new writes for a moment")
    case .admission(.failed): nil
    case .damaged(let fault):
      Announcement(
        name: .storeDamaged, level: .error, health: .degraded, subject: own,
        text: "\(fault.file) is damaged at byte \(fault.offset) (\(fault.kind)): " + consequence(of: fault),
        code: .fileDamaged)
    case .snapshotRefused(let shard, let problem):
      Announcement(
        name: .storeAdmission, level: .warning, health: .degraded, subject: own,
        text: "no snapshot of \(shards(shard)) could be made: "
          + (problem == .tooLarge ? "its state is too large" : "the disk is full"))
    case .snapshotMade, .scrubbed, .segmentFreed: nil
    }
  }

  /// The scrub finds bytes at rest; what they held is in memory, and is written anew.
  private func consequence(of fault: StoreFault) -> String {
    guard let hurt = fault.shards else { return "nobody can tell whose it was; the state in memory is whole" }
    guard !hurt.isEmpty else { return "no shard is hurt" }
    let named = hurt.prefix(5).map(shards).joined(separator: ", ")
    return "it held \(named)\(hurt.count > 5 ? " and \(hurt.count - 5) more" : ""), whose state in memory is whole"
  }

  func announcement(of event: WorldEvent) -> Announcement? {
    switch event {
    case .learned(let mark, let host):
      Announcement(
        name: .worldLearned, level: .notice, subject: host,
        text: "world \(mark.version) came\(host.map { " from " + names($0) } ?? ""); its maps follow")
    case .progress(let progress):
      Announcement(
        name: .worldProgress, level: .info, subject: own,
        text: "world \(progress.mark.version): \(progress.objects) of \(progress.total) maps are here")
    case .whole(let mark):
      Announcement(
        name: .worldWhole, level: .notice, subject: own, text: "all maps of world \(mark.version) are here")
    case .activated(let mark):
      Announcement(name: .worldActivated, level: .notice, subject: own, text: "world \(mark.version) is active")
    case .waits(let mark, let refusal):
      Announcement(
        name: .worldWaits, level: .warning, health: .degraded, subject: own,
        text: "world \(mark.version) cannot be active here: \(refusal.cause)")
    case .refused(let refusal, let host):
      Announcement(
        name: .worldRefused, level: .warning, health: .degraded, subject: host,
        text: "a world from \(names(host)) was refused: \(refusal.cause)")
    case .ending(let mark, let seconds):
      Announcement(
        name: .worldEnding, level: .warning, health: .degraded, subject: own,
        text: "world \(mark.version) ends in \(Figures.coarse(Double(seconds)))", code: .worldEnding)
    case .ended(let mark):
      Announcement(
        name: .worldEnding, level: .error, health: .degraded, subject: own,
        text: "world \(mark.version) has ended; it stays in use until a newer one comes", code: .worldEnding)
    case .healing(let maps):
      Announcement(
        name: .worldHealing, level: .warning, health: .degraded, subject: own,
        text: "\(maps.count) damaged maps are fetched anew from other hosts")
    case .storeFailed:
      Announcement(
        name: .worldHealing, level: .error, health: .degraded, subject: own,
        text: "a part of a world could not be written", code: .stateNotWritten)
    }
  }
}
