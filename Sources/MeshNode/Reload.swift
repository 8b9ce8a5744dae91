import Configuration
import Control
import EventLoop
import Logging

/// Reads the configuration again. All of it is checked before any of it counts; what needs a restart is named.
extension Shell {
  func reloadBySignal() {
    guard !ending.hasBegun else { return }
    do throws(Fault) {
      _ = try reload()
    } catch {
      // It has been told.
    }
  }

  func reload() throws(Fault) -> ReloadReply {
    guard !ending.hasBegun else { throw Fault(.actionGoesOn, ["action": "leaving", "time": "a moment"]) }
    notice.reloading(at: SystemClock.monotonic)
    defer { notice.ready(statusReply().verdict.sentence) }
    let configured = Configured(options)
    guard let fresh = configured.settings else {
      let errors = configured.loaded.messages.errors.map(\.description)
      tell(
        Announcement(
          name: .nodeReloaded, level: .error, health: .degraded, subject: identity.host,
          text: "the configuration has errors, so nothing was changed: " + (errors.first ?? "")))
      throw Fault(
        .configurationBroken, ["errors": Plural.of(errors.count, "error")], at: configured.origin,
        evidence: Array(errors.prefix(10)), notes: ["nothing was changed"])
    }
    let differences = settings.differences(to: fresh)
    var live = settings
    live.node.logLevel = fresh.node.logLevel
    live.hostRequirements = fresh.hostRequirements
    settings = live
    Telemetry.set(level: live.node.logLevel)
    let waiting = settings.differences(to: fresh).map(\.path)
    let reply = ReloadReply(
      at: Timestamp(nanoseconds: SystemClock.wall), origin: configured.origin,
      changed: differences.map(\.path).filter { !waiting.contains($0) }, afterRestart: waiting,
      warnings: configured.loaded.messages.warnings.map(\.text))
    tell(
      Announcement(
        name: .nodeReloaded, level: .notice, subject: identity.host, text: "reloaded; \(reply.summary)"))
    return reply
  }
}
