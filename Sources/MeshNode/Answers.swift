import Configuration
import Control
import EventLoop
import Gossip
import Logging
import NodeCore
import SecureChannel
import Wire

/// What the control socket answers.
extension Shell: ControlAnswering {
  private var now: Timestamp { Timestamp(nanoseconds: SystemClock.wall) }

  func answer(_ request: ControlRequest, for connection: ControlConnection) -> ControlAnswer {
    if request.changesSomething { audit(request, by: connection.user, result: "asked") }
    switch request {
    case .status: return .line(statusReply().line())
    case .members: return .line(membersReply().line())
    case .events(let query): return query.follow ? .follow(query) : .line(events.reply(to: query, at: now).line())
    case .doctor(let checks): return startDoctor(checks, for: connection)
    case .leave: return leave(for: connection)
    case .revoke(let revocation, let reason): return revoke(revocation, reason)
    case .certificates(let hosts): return .line(certificates(of: hosts).line())
    case .renew(let certificates): return renew(certificates)
    case .world:
      return .line(Fault(.badRequest, ["reason": "the worlds of this node are not open to requests yet"]).line())
    }
  }

  func refusedChange(_ request: ControlRequest, by user: UInt32) { audit(request, by: user, result: "refused") }

  /// Who asked for a change, in the log and among the events.
  private func audit(_ request: ControlRequest, by user: UInt32, result: String) {
    tell(
      Announcement(
        name: .controlChange, level: .notice, subject: identity.host,
        text: "user \(user) \(result == "asked" ? "asked for" : "was refused") `\(request.verb)`"))
  }

  // MARK: leave

  private func leave(for connection: ControlConnection) -> ControlAnswer {
    answerLeave(connection, .leaving)
    if ending.phase == .closing {
      answerLeave(connection, .left)
    } else {
      ending.waiting.append(connection)
      leave()
    }
    return .later
  }

  func answerLeave(_ connection: ControlConnection, _ state: LeaveReply.State) {
    let line = LeaveReply(at: now, state: state, drainSeconds: Double(drain) / 1e9).line()
    if state == .left { connection.finish(line) } else { connection.send(line, isLast: false) }
  }

  // MARK: revoke

  private func revoke(_ bytes: [UInt8], _ reason: String) -> ControlAnswer {
    guard let revocation = try? bytes.withUnsafeBytes({ try Revocation($0) }) else {
      return .line(Fault(.badRequest, ["reason": "`revocation` is not a revocation"]).line())
    }
    let host = revocation.hostID
    let shown = hostName(host)
    if identity.roster.isRevoked(host) { return .line(RevokeReply(at: now, host: shown, state: .known).line()) }
    command(.revoke(bytes))
    guard identity.roster.isRevoked(host) else {
      return .line(
        Fault(
          .badRequest, ["reason": "the revocation is not signed by an operator of the network \(identity.network.name)"]
        ).line())
    }
    tell(
      Announcement(
        name: .controlChange, level: .notice, subject: host,
        text: "\(shown.shown) is revoked" + (reason.isEmpty ? "" : ": \(reason.printable(limit: 200))")))
    return .line(RevokeReply(at: now, host: shown, state: .adopted).line())
  }

  // MARK: certificates

  private func certificates(of wanted: [String]) -> CertificatesReply {
    let hosts = identity.roster.hosts.filter { host in
      wanted.isEmpty || wanted.contains(host.description) || wanted.contains(name(of: host))
    }
    return CertificatesReply(
      at: now,
      certificates: hosts.compactMap { host in
        identity.roster.certificate(of: host).map {
          CertificatesReply.Entry(host: hostName(host), state: memberState(of: host), certificate: $0.bytes)
        }
      })
  }

  /// Renewed certificates go to their hosts; our own is taken at once, and in use when it is durable.
  private func renew(_ certificates: [[UInt8]]) -> ControlAnswer {
    let wall = SystemClock.now
    var results: [RenewReply.Result] = []
    for bytes in certificates {
      let certificate: Certificate
      do {
        certificate = try bytes.withUnsafeBytes { try identity.roster.verify($0, at: wall.wallSeconds) }
      } catch {
        return .line(Fault(.badRequest, ["reason": "a certificate is not valid here: \(error)"]).line())
      }
      let host = certificate.hostID
      let shown = HostName(id: host.description, name: certificate.name)
      let isUnreachable = host != identity.host && memberState(of: host) != .alive
      command(.renew(bytes))
      results.append(
        host == identity.host
          ? RenewReply.Result(host: shown, state: .delivered)
          : RenewReply.Result(
            host: shown, state: isUnreachable ? .failed : .sent,
            reason: isUnreachable ? "\(shown.shown) is \(memberState(of: host).rawValue)" : nil))
    }
    return .line(RenewReply(at: now, results: results).line())
  }
}
