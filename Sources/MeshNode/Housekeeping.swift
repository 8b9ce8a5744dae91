import Control
import EventLoop
import Gossip
import NodeCore
import SecureChannel
import Wire

/// What the shell does by the clock.
extension Shell {
  static let tickInterval: UInt64 = 1_000_000_000
  /// The start is over, and what it needed of the program is given back; and from time to time what people asked for.
  static let firstTrim: UInt64 = 20_000_000_000
  static let trimInterval: UInt64 = 600_000_000_000

  func schedule(_ kind: UInt8, in nanoseconds: UInt64, token: UInt32 = 0) {
    loop.schedule(
      Deadline(
        at: loop.now.monotonic &+ nanoseconds,
        timer: Wire.Timer(room: ShellTimer.room, kind: kind, token: token)))
  }

  func fire(_ timer: Wire.Timer, now: Now) {
    switch timer.kind {
    case ShellTimer.tick: tick(now: now)
    case ShellTimer.joinTimeout: joinTimedOut()
    case ShellTimer.leaveLimit: leaveFinished()
    case ShellTimer.release: goOnLeaving()
    case ShellTimer.closeCheck: checkClosed()
    case ShellTimer.doctor: doctorIsDue(now: now)
    case ShellTimer.watchdog: feedWatchdog()
    case ShellTimer.linkNews: links.tellDrained()
    case ShellTimer.trim:
      ProgramCode.release()
      schedule(ShellTimer.trim, in: Shell.trimInterval)
    default: break
    }
  }

  /// Half of the scale of local health: most of our recent probes failed, or we answered late ourselves.
  var isImpaired: Bool { node.membership.localHealth >= 4 }

  private func tick(now: Now) {
    schedule(ShellTimer.tick, in: Shell.tickInterval)
    host.noteLateness(loop.takeWorstLateness(), at: now.monotonic)
    host.sample(at: now.monotonic)
    var flags: LoadRecord.Flags = []
    if identity.certificate.roles.contains(.bridge) { flags.insert(.bridge) }
    if joining.state == .leaving { flags.insert(.draining) }
    if isImpaired { flags.insert(.impaired) }
    command(.setLoad(host.loadRecord(flags: flags)))
    ticks &+= 1
    keepShards(tick: ticks)
    control?.tick(at: now.monotonic)
    lookUpNames(now: now)
    if disk.lastFault == nil { seen.stateIsWritten() }
  }

  /// Fed only from the loop: one that makes no progress is noticed.
  func feedWatchdog() {
    guard let interval = notice.watchdogInterval else { return }
    notice.isAlive()
    schedule(ShellTimer.watchdog, in: max(interval / 3, 1_000_000))
  }

  func statusChanged() {
    let report = statusReply()
    notice.status("\(report.verdict.health.rawValue): \(report.verdict.sentence)")
  }
}
