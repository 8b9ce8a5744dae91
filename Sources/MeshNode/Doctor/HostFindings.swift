import Configuration
import Control
import EventLoop
import Glibc
import KeyStore
import NodeCore
import SecureChannel
import Wire

/// The checks of this machine itself.
extension Shell {
  func hostFindings(_ run: DoctorRun) -> [Finding] {
    run.wanted.compactMap { check in
      switch check {
      case .config: configFinding()
      case .clock: clockFinding(run)
      case .hardware: hardwareFinding()
      case .disk: run.diskFinding ?? Finding(.disk, .fail, "the disk has not answered in time")
      case .keys: keysFinding()
      case .udpOut, .udpIn, .tcpIn, .mtu, .nat: nil
      }
    }
  }

  private func configFinding() -> Finding {
    let warnings = options.loaded?.messages.warnings.map(\.text) ?? []
    let count = warnings.count
    return count == 0
      ? Finding(.config, .ok, "the node runs with \(options.configurationOrigin)")
      : Finding(
        .config, .warn, "the node runs with \(options.configurationOrigin); \(Plural.of(count, "warning"))",
        evidence: Array(warnings.prefix(5)), fix: "mesh-ctl config check")
  }

  private func clockFinding(_ run: DoctorRun) -> Finding {
    var evidence = ClockEvidence(now: SystemClock.now.wallSeconds)
    evidence.newest = identity.roster.hosts.compactMap { identity.roster.certificate(of: $0) }
      .max { $0.notBefore < $1.notBefore }.map { ($0.name, $0.notBefore) }
    evidence.surveys = run.surveys.map(\.evidence)
    return evidence.finding
  }

  private func hardwareFinding() -> Finding {
    let shortfalls = shortfalls
    let cores =
      host.processors.rounded() == host.processors
      ? Plural.of(Int(host.processors), "core") : "\(Figures.decimal(host.processors, 1)) cores"
    let words = [cores, host.memoryLimit.map { "\(Figures.bytes($0)) memory" }].compactMap { $0 }.joined(
      separator: ", ")
    guard let first = shortfalls.first else {
      return Finding(.hardware, .ok, "\(words); the loop was late by at most \(host.loopLag / 1_000_000) ms in 5 s")
    }
    return Finding(
      .hardware, .warn, "\(shortfalls.map(\.words).joined(separator: ", ")): this host holds copies but owns nothing",
      evidence: [words], fix: "mesh-ctl explain p2p_settings.\(first.setting)")
  }

  private func keysFinding() -> Finding {
    let now = SystemClock.now.wallSeconds
    let certificate = identity.certificate
    let evidence = identity.arena.isLocked ? [] : ["keys may be written to swap: the memory lock was refused"]
    guard certificate.notAfter > now else {
      return Finding(
        .keys, .fail, "the certificate expired at \(Timestamp(seconds: certificate.notAfter))", evidence: evidence,
        fix: "mesh-ctl renew \(identity.name)      (at the operator's)")
    }
    let days = (certificate.notAfter - now) / 86_400
    let sentence = "certificate good for \(Plural.of(Int(clamping: days), "day"))"
    if certificate.isExpiring(at: now) {
      return Finding(
        .keys, .warn, sentence, evidence: evidence, fix: "mesh-ctl renew \(identity.name)      (at the operator's)")
    }
    return Finding(.keys, identity.arena.isLocked ? .ok : .warn, sentence, evidence: evidence)
  }

  /// Writes, makes durable and removes a small file, on the pool.
  func probeDisk(_ run: DoctorRun) {
    let folder = settings.node.dataDirectory
    let hasBegun = loop.lane(waiting: 0).run({ DiskProbe(folder) }) { [weak self] probe in
      run.diskFinding = probe?.finding
      self?.doctorIsDue(now: SystemClock.now)
    }
    if !hasBegun { run.diskFinding = Finding(.disk, .skip, "the node is ending") }
  }
}

/// How long a durable write takes, and how much room is left.
private struct DiskProbe: Sendable {
  /// A write slower than this delays every change that must not be lost.
  static let slow = 0.1
  static let leastFree: UInt64 = 64 << 20

  var folder: String
  var fault: Fault?
  var seconds = 0.0
  var free: UInt64 = 0

  init(_ folder: String) {
    self.folder = folder
    let path = folder + "/probe"
    let begin = SystemClock.monotonic
    let content = [UInt8](repeating: 0x5a, count: 4_096)
    content.withUnsafeBytes { bytes in
      do throws(Fault) {
        try PrivateFile.write(path, bytes, replacing: .always)
      } catch {
        fault = error
      }
    }
    seconds = Double(SystemClock.monotonic &- begin) / 1e9
    unlink(path)
    var space = statvfs()
    if statvfs(folder, &space) == 0 { free = UInt64(space.f_bavail) &* UInt64(space.f_frsize) }
  }

  var finding: Finding {
    if let fault { return Finding(.disk, .fail, fault.sentence, fix: "df -h \(folder)") }
    let words = "a durable write takes \(Figures.short(seconds)), \(Figures.bytes(free)) free"
    if free < DiskProbe.leastFree { return Finding(.disk, .fail, words, fix: "df -h \(folder)") }
    return Finding(.disk, seconds > DiskProbe.slow ? .warn : .ok, words)
  }
}

extension Certificate {
  /// Warnings begin a third of the lifetime before the end (DESIGN 4.2).
  func isExpiring(at now: UInt64) -> Bool {
    notAfter > now && (notAfter - now) &* 3 < notAfter - notBefore
  }
}
