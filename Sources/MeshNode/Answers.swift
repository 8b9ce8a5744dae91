import Configuration
import Control
import EventLoop
import Gossip
import KeyStore
import Logging
import NodeCore
import SecureChannel
import Wire

/// What the control socket answers.
extension Shell: ControlAnswering {
  private var now: Timestamp { Timestamp(nanoseconds: SystemClock.wall) }

  func answer(_ request: ControlRequest, for connection: ControlConnection) -> ControlAnswer {
    switch request {
    case .status: return .line(statusReply().line())
    case .members: return .line(membersReply().line())
    case .events(let query): return query.follow ? .follow(query) : .line(events.reply(to: query, at: now).line())
    case .doctor(let checks): return startDoctor(checks, for: connection)
    case .certificates(let hosts): return .line(certificates(of: hosts).line())
    case .leave: return audited(request, connection) { leave(for: connection) }
    case .revoke(let revocation, let reason): return audited(request, connection) { revoke(revocation, reason) }
    case .renew(let certificates): return audited(request, connection) { renew(certificates) }
    case .reload: return audited(request, connection) { reloadByRequest() }
    case .shards(.restore(let restore)) where restore.plan != nil:
      return audited(request, connection) {
        (
          answer(.restore(restore), for: connection),
          Change(.begun, target: "\(restore.shard) to snapshot \(restore.snapshot)")
        )
      }
    case .shards(let shards) where shards.changesSomething && !shards.isState:
      return audited(request, connection) { (answer(shards, for: connection), Change(.done)) }
    case .shards(let request): return answer(request, for: connection)
    case .world(let world) where world.changesSomething:
      return audited(request, connection) { (answer(world, for: connection), Change(.done)) }
    case .world(let request): return answer(request, for: connection)
    case .word(let word) where word.changesSomething:
      return audited(request, connection) { obey(word, for: connection) }
    case .word(let request): return answer(request, for: connection)
    }
  }

  private func answer(_ request: OperatorRequest, for connection: ControlConnection) -> ControlAnswer {
    switch request {
    case .voters: .line(votersReply().line())
    case .takeover(let map): inquire(map, for: connection)
    case .adoptVoters, .takeUncleanly: .line(Fault(.badRequest, ["reason": "it changes something"]).line())
    }
  }

  private func obey(_ request: OperatorRequest, for connection: ControlConnection) -> (ControlAnswer, Change) {
    switch request {
    case .adoptVoters(let signed, _): adoptVoters(signed)
    case .takeUncleanly(let map, let signed, _): takeUncleanly(map, signed, for: connection)
    case .voters, .takeover: (answer(request, for: connection), Change(.done))
    }
  }

  func refusedChange(_ request: ControlRequest, by user: UInt32) {
    announce(request, by: user, "was refused")
    write(Change(.refused), request, by: user)
  }

  /// Who asks for a change, in the log and among the events.
  private func announce(_ request: ControlRequest, by user: UInt32, _ words: String) {
    tell(
      Announcement(
        name: .controlChange, level: .notice, subject: identity.host, text: "user \(user) \(words) `\(request.verb)`"))
  }

  // MARK: Audit

  /// What came of a change, for its line in the audit log.
  struct Change {
    var result: AuditEntry.Result
    var target: String?
    var detail: String?

    init(_ result: AuditEntry.Result, target: String? = nil, detail: String? = nil) {
      self.result = result
      self.target = target
      self.detail = detail
    }

    init(_ fault: Fault, target: String? = nil) { self.init(.failed, target: target, detail: fault.sentence) }
  }

  private func audited(
    _ request: ControlRequest, _ connection: ControlConnection, _ body: () -> (ControlAnswer, Change)
  ) -> ControlAnswer {
    announce(request, by: connection.user, "asked for")
    let (answer, change) = body()
    write(change, request, by: connection.user)
    return answer
  }

  private func write(_ change: Change, _ request: ControlRequest, by user: UInt32) {
    var reason: String?
    if case .revoke(_, let words) = request, !words.isEmpty { reason = words }
    if case .word(let word) = request { reason = word.reason }
    if case .shards(.restore(let restore)) = request, !restore.reason.isEmpty { reason = restore.reason }
    audit.append(
      AuditEntry(
        at: now, user: user, verb: request.verb, target: change.target?.printable(limit: 300),
        request: AuditTrail.digest(of: request), reason: reason, result: change.result,
        detail: change.detail?.printable(limit: 300)), monotonic: loop.now.monotonic)
  }

  func auditFailed(_ fault: Fault) {
    tell(
      Announcement(
        name: .nodeAuditFailed, level: .error, health: .degraded, subject: identity.host,
        text: "the audit log lacks a line: \(fault.sentence)", code: .stateNotWritten))
  }

  // MARK: leave

  private func leave(for connection: ControlConnection) -> (ControlAnswer, Change) {
    answerLeave(connection, .leaving)
    if ending.phase == .closing {
      answerLeave(connection, .left)
    } else {
      ending.waiting.append(connection)
      leave()
    }
    return (.later, Change(.begun))
  }

  func answerLeave(_ connection: ControlConnection, _ state: LeaveReply.State) {
    let line = LeaveReply(at: now, state: state, drainSeconds: Double(drain) / 1e9).line()
    if state == .left { connection.finish(line) } else { connection.send(line, isLast: false) }
  }

  // MARK: revoke

  private func revoke(_ bytes: [UInt8], _ reason: String) -> (ControlAnswer, Change) {
    func refused(_ reason: String, _ target: String? = nil) -> (ControlAnswer, Change) {
      let fault = Fault(.badRequest, ["reason": reason])
      return (.line(fault.line()), Change(fault, target: target))
    }
    guard let revocation = try? bytes.withUnsafeBytes({ try Revocation($0) }) else {
      return refused("`revocation` is not a revocation")
    }
    let host = revocation.hostID
    let shown = hostName(host)
    let target = shown.name.map { "\($0) \(host)" } ?? "\(host)"
    if identity.roster.isRevoked(host) {
      return (
        .line(RevokeReply(at: now, host: shown, state: .known).line()),
        Change(.done, target: target, detail: "was revoked already")
      )
    }
    command(.revoke(bytes))
    guard identity.roster.isRevoked(host) else {
      return refused(
        "the revocation is not signed by an operator of the network \(identity.network.name)", target)
    }
    tell(
      Announcement(
        name: .controlChange, level: .notice, subject: host,
        text: "\(shown.shown) is revoked" + (reason.isEmpty ? "" : ": \(reason.printable(limit: 200))")))
    return (.line(RevokeReply(at: now, host: shown, state: .adopted).line()), Change(.done, target: target))
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
  private func renew(_ certificates: [[UInt8]]) -> (ControlAnswer, Change) {
    let wall = SystemClock.now
    var results: [RenewReply.Result] = []
    for bytes in certificates {
      let certificate: Certificate
      do {
        certificate = try bytes.withUnsafeBytes { try identity.roster.verify($0, at: wall.wallSeconds) }
      } catch {
        let fault = Fault(.badRequest, ["reason": "a certificate is not valid here: \(error)"])
        return (.line(fault.line()), Change(fault, target: names(results)))
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
    let failed = results.count { $0.state == .failed }
    return (
      .line(RenewReply(at: now, results: results).line()),
      Change(
        failed == results.count ? .failed : .done, target: names(results),
        detail: failed > 0 ? "\(failed) of \(Plural.hosts(results.count)) not reached" : nil)
    )
  }

  private func names(_ results: [RenewReply.Result]) -> String? {
    results.isEmpty ? nil : results.map(\.host.shown).joined(separator: " ")
  }

  // MARK: reload

  private func reloadByRequest() -> (ControlAnswer, Change) {
    do throws(Fault) {
      let reply = try reload()
      return (.line(reply.line()), Change(.done, detail: reply.summary))
    } catch {
      return (.line(error.line()), Change(error))
    }
  }
}
