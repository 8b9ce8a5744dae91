import Gossip
import NodeCore
import SecureChannel
import Wire

/// The doctor's questions of full size: one to each of a few hosts until it has answered, or has had its chances.
extension DoctorRun {
  /// Questions of full size to one host, and when they were asked.
  struct Survey {
    var host: HostID
    var evidence: SurveyEvidence
    var lastAsked: UInt64 = 0
  }

  /// Four lost in a row are no accident.
  static let questions = 4
  static let questionPause: UInt64 = 400_000_000
  /// How long to wait for a sign of life from a host that has not answered.
  static let hearingLimit: UInt64 = 5_000_000_000

  func surveyed(_ host: HostID, wall: UInt64, roundTrip: UInt64, at own: UInt64) {
    guard let index = surveys.firstIndex(where: { $0.host == host }), surveys[index].evidence.ahead == nil else {
      return
    }
    // The answer was written about half a round trip ago.
    let half = Double(roundTrip) / 2e9
    surveys[index].evidence.ahead = (wall >= own ? Double(wall - own) : -Double(own - wall)) / 1e9 + half
    surveys[index].evidence.precision = half
  }
}

extension Shell {
  /// Living hosts with whom a session stands.
  func doctorSurveys() -> [DoctorRun.Survey] {
    let reached = memberViews.lazy.filter { [node] view in
      view.host != self.identity.host && view.status.isLive && node.channel.hasSession(with: view.host)
    }
    return reached.prefix(DoctorRun.peerLimit).map {
      DoctorRun.Survey(host: $0.host, evidence: SurveyEvidence(name: name(of: $0.host), endpoint: $0.endpoint))
    }
  }

  /// Asks those that have not answered again. True when no more is to be learned.
  func continueSurveys(_ run: DoctorRun, now: Now) -> Bool {
    var isOver = true
    for index in run.surveys.indices where run.surveys[index].evidence.ahead == nil {
      let survey = run.surveys[index]
      if now.monotonic < survey.lastAsked &+ DoctorRun.questionPause, survey.lastAsked > 0 {
        isOver = false
      } else if survey.evidence.questions < DoctorRun.questions {
        run.surveys[index].evidence.questions += 1
        run.surveys[index].lastAsked = now.monotonic
        isOver = false
        command(.survey(survey.host))
      } else {
        let silence = node.membership.member(survey.host)?.silence ?? .max
        run.surveys[index].evidence.isHeard = silence < now.monotonic &- run.startedAt
        if !run.surveys[index].evidence.isHeard, now.monotonic < run.startedAt &+ DoctorRun.hearingLimit {
          isOver = false
        }
      }
    }
    return isOver
  }
}
