import Gossip
import NodeCore
import SecureChannel
import Wire

/// What the world shows to its checks.
extension Simulation {
  func inspect(_ machine: Int, _ process: Process<Channel>) {
    for event in effects.events {
      guard case .membership(let event) = event else { continue }
      event.forEachSummary { summary in
        trace.note(summary, host: machine, at: time)
        guard summary.subject != 0, let subject = directory.index(of: HostID(rawValue: summary.subject)) else { return }
        observations.note(summary, observer: machine, subject: subject, at: time)
      }
    }
  }

  func compareTwin(of machine: Int) {}
}
