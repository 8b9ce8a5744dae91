import Configuration
import Control
import EventLoop
import Logging

/// Reads the configuration again. All of it is checked before any of it counts; what needs a restart is named.
extension Shell {
  func reloadBySignal() {
    guard !ending.hasBegun else { return }
    notice.reloading(at: SystemClock.monotonic)
    let configured = Configured(options)
    defer { notice.ready(statusReply().verdict.sentence) }
    guard let fresh = configured.settings else {
      return tell(
        Announcement(
          name: .nodeReloaded, level: .error, health: .degraded, subject: identity.host,
          text: "the configuration has errors, so nothing was changed: "
            + (configured.loaded.messages.errors.first?.description ?? "")))
    }
    let differences = settings.differences(to: fresh)
    var live = settings
    live.node.logLevel = fresh.node.logLevel
    live.hostRequirements = fresh.hostRequirements
    settings = live
    Telemetry.set(level: live.node.logLevel)
    let waiting = settings.differences(to: fresh).map(\.path)
    let changed = differences.map(\.path).filter { !waiting.contains($0) }
    var words = changed.isEmpty ? "nothing changed at once" : "changed: " + changed.joined(separator: ", ")
    if !waiting.isEmpty { words += "; after a restart: " + waiting.joined(separator: ", ") }
    tell(Announcement(name: .nodeReloaded, level: .notice, subject: identity.host, text: "reloaded; \(words)"))
  }
}
