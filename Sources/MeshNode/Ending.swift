import Configuration
package import Control
import EventLoop
import Glibc
import Logging
import MapShard
import NodeCore
import Wire

/// How a node ends.
enum Outcome {
  /// It left, or was told to stop.
  case left
  case failed(Fault)

  var exitCode: ExitCode {
    switch self {
    case .left: .ok
    case .failed(let fault): fault.nodeExitCode
    }
  }
}

/// The steps of ending: give the shards away, say goodbye, then close everything, then stop the loop.
struct Ending {
  enum Phase { case running, leaving, closing }
  var phase = Phase.running
  /// Until when shards that were released here may wait for somebody to take them.
  var releaseEnd: UInt64 = 0
  var saysGoodbye = false
  var outcome = Outcome.left
  /// Clients of the control socket that asked for it and wait for the end.
  var waiting: [ControlConnection] = []
  var closeLimit: UInt64 = 0
  var isDiskIdle = false

  var hasBegun: Bool { phase != .running }
}

extension Shell {
  /// Closing takes no longer: control clients get their last line, the disk its last write.
  static let closeLimit: UInt64 = 3_000_000_000
  /// On top of what the membership's goodbye takes.
  static let leaveSlack: UInt64 = 2_000_000_000

  /// A member takes a released shard within a round to the voters, the next one in line a little later.
  static let releaseCheck: UInt64 = 10_000_000
  var releaseLimit: UInt64 { settings.network.profile == .wan ? 3_000_000_000 : 1_000_000_000 }

  /// Longest time of the goodbye (`gossip.md` 5.8), in nanoseconds.
  var drain: UInt64 { settings.network.profile == .wan ? 3_000_000_000 : 1_000_000_000 }

  func watchSignals() throws(Fault) {
    do throws(UVError) {
      for signal in [SIGTERM, SIGINT] {
        signals.append(try loop.watch(signal: signal) { [unowned self] in askedToStop() })
      }
      signals.append(try loop.watch(signal: SIGHUP) { [unowned self] in reloadBySignal() })
    } catch {
      throw Fault(.cannotRead, ["file": "signals", "reason": error.message])
    }
  }

  /// The first signal leaves, the second ends at once.
  private func askedToStop() {
    if ending.phase == .running { leave() } else { end(.left) }
  }

  func leave() {
    guard ending.phase == .running else { return }
    ending.phase = .leaving
    joining.leaving()
    tell(Announcement(name: .nodeLeaving, level: .notice, subject: identity.host, text: "leaving the mesh"))
    notice.stopping("leaving")
    schedule(ShellTimer.leaveLimit, in: releaseLimit + drain + Shell.leaveSlack)
    ending.releaseEnd = loop.now.monotonic &+ releaseLimit
    command(.shards(.releaseAll))
    goOnLeaving()
  }

  /// Says goodbye once the shards have gone to others: who has left is not asked any more.
  func goOnLeaving() {
    guard ending.phase == .leaving, !ending.saysGoodbye else { return }
    guard node.shards.isGivingAway, loop.now.monotonic < ending.releaseEnd else {
      ending.saysGoodbye = true
      return command(.leave)
    }
    schedule(ShellTimer.release, in: Shell.releaseCheck)
  }

  func leaveFinished() {
    guard ending.phase == .leaving else { return }
    close()
  }

  /// Without a goodbye.
  func end(_ outcome: Outcome) {
    guard ending.phase != .closing else { return }
    ending.outcome = outcome
    close()
  }

  func joinTimedOut() {
    guard joining.state == .joining, ending.phase == .running, let limit = options.joinTimeout else { return }
    let peers = lookup.known.prefix(3).map { "\($0.endpoint)" }.joined(separator: ", ")
    end(
      .failed(
        Fault(
          .noPeerAnswers,
          ["time": Double(limit) / 1e9 < 1 ? "\(limit / 1_000_000) ms" : "\(limit / 1_000_000_000) s", "peers": peers],
          evidence: lookup.known.prefix(5).map { peer in
            let entry = hellos[peer.endpoint]
            return "\(peer.endpoint): \(Plural.of(entry.sent, "handshake")), \(Plural.of(entry.answered, "answer"))"
          })))
  }

  private func close() {
    guard ending.phase != .closing else { return }
    ending.phase = .closing
    ending.closeLimit = loop.now.monotonic &+ Shell.closeLimit
    tell(Announcement(name: .nodeStopped, level: .notice, subject: identity.host, text: "stopped"))
    for connection in ending.waiting { answerLeave(connection, .left) }
    ending.waiting.removeAll()
    control?.close()
    links.closeAll()
    for doctor in doctors { doctor.cancel() }
    disk.whenIdle { [unowned self] in
      audit.whenIdle { [unowned self] in
        ending.isDiskIdle = true
        checkClosed()
      }
    }
    schedule(ShellTimer.closeCheck, in: 20_000_000)
  }

  /// The loop stops when its last stream is closed and the disk has nothing to do. The sockets close last, so that a
  /// goodbye that was sent just now is on its way.
  func checkClosed() {
    guard ending.phase == .closing else { return }
    let streams = loop.handleCounts[.stream] ?? 0
    guard loop.now.monotonic >= ending.closeLimit || (streams == 0 && ending.isDiskIdle) else {
      schedule(ShellTimer.closeCheck, in: 20_000_000)
      return
    }
    for signal in signals { signal.close() }
    ports.close()
    loop.stop()
  }
}

extension Fault {
  /// `mesh-node` ends with few codes (DESIGN 10); what has none of its own is a failure with a reason.
  package var nodeExitCode: ExitCode {
    switch exitCode {
    case .refused, .noNode, .cannotWrite, .notPermitted, .configuration: exitCode
    default: .failed
    }
  }
}
