package import Control
import SecureChannel
import Wire

/// What the clock check goes by: other hosts' clocks, and the moments that the operator has signed.
package struct ClockEvidence {
  /// Beyond this peers refuse certificates that have begun just now or end soon.
  static let tolerated = Double(Certificate.clockSkew)
  /// A clock that somebody keeps right is within a fraction of a second; the rest is for hosts that are asked while they
  /// are busy.
  static let usual = 5.0

  /// Unix seconds.
  package var now: UInt64
  /// The certificate that begins last of all that are known.
  package var newest: (name: String, notBefore: UInt64)?
  package var surveys: [SurveyEvidence] = []

  package init(now: UInt64) { self.now = now }

  package var finding: Finding {
    let fix = "sudo timedatectl set-ntp true"
    if let newest, newest.notBefore > now &+ Certificate.clockSkew {
      return Finding(
        .clock, .fail, "this clock is behind by at least \(newest.notBefore - now) s",
        evidence: [
          "the certificate of \(newest.name) begins at \(Timestamp(seconds: newest.notBefore))",
          "this machine says \(Timestamp(seconds: now))",
        ], fix: fix)
    }
    let told = surveys.filter { $0.ahead != nil }.sorted { ($0.ahead ?? 0) < ($1.ahead ?? 0) }
    guard let middle = told.isEmpty ? nil : told[told.count / 2], let ahead = middle.ahead else {
      return Finding(
        .clock, .skip, "not proved: no other host has told its time",
        evidence: ["this machine says \(Timestamp(seconds: now)); peers tolerate 120 s of difference"])
    }
    // With one other clock nobody can say which of the two is wrong; with more the middle one is right.
    let others = told.filter { abs(($0.ahead ?? 0) - ahead) > ClockEvidence.usual }
    let evidence =
      told.count == 1
      ? ["the clock of \(middle.name), the only one that was told, may be the wrong one"]
      : others.prefix(5).map { "the clock of \($0.name) is \(ClockEvidence.words($0.ahead ?? 0)) this one" }
    guard abs(ahead) > ClockEvidence.usual else {
      return Finding(
        .clock, .ok,
        "\(Figures.short(abs(ahead))) from the clocks of \(Plural.of(told.count, "other host")) "
          + "(middle one, +/- \(Figures.short(middle.precision)))", evidence: told.count == 1 ? [] : evidence)
    }
    return Finding(
      .clock, abs(ahead) >= ClockEvidence.tolerated ? .fail : .warn,
      "this clock is \(ClockEvidence.words(-ahead)) the clocks of \(Plural.of(told.count, "other host"))",
      evidence: evidence + ["this machine says \(Timestamp(seconds: now)); peers tolerate 120 s of difference"],
      fix: fix)
  }

  private static func words(_ ahead: Double) -> String {
    "\(Figures.short(abs(ahead))) \(ahead < 0 ? "behind" : "ahead of")"
  }
}
