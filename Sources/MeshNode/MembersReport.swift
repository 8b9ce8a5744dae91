import Configuration
import Control
import EventLoop
import Gossip
import NodeCore
import SecureChannel
import Wire

/// What the membership holds, as the screens show it.
extension Shell {
  var memberViews: [MemberView] { node.membership.members() }

  func memberState(of host: HostID) -> MemberState {
    if identity.roster.isRevoked(host) { return .revoked }
    return node.membership.member(host).map { MemberState($0.status) } ?? .dead
  }

  func membersReply() -> MembersReply {
    let now = SystemClock.now
    let owned = mapsOwned()
    return MembersReply(
      at: Timestamp(nanoseconds: now.wall), network: networkName,
      members: memberViews.map { view in
        var report = report(view, now: now)
        report.maps = owned.map { $0[view.host] ?? 0 }
        return report
      })
  }

  var networkName: NetworkName {
    NetworkName(name: identity.network.name, id: identity.network.id.description)
  }

  private func report(_ view: MemberView, now: Now) -> MemberReport {
    let isSelf = view.host == identity.host
    let certificate = identity.roster.certificate(of: view.host)
    var report = MemberReport(
      id: view.host.description, name: certificate?.name, state: MemberState(view.status),
      since: Timestamp(nanoseconds: now.wall &- min(now.wall, view.age)), isSelf: isSelf,
      address: "\(isSelf ? ownAddress : view.endpoint)", roles: view.roles.words,
      trustClass: certificate.map { Int($0.trustClass) }, contributor: certificate?.contributor,
      certificateNotAfter: certificate.map { Timestamp(seconds: $0.notAfter) },
      generation: view.incarnation.generation, refutation: view.incarnation.refutation, impaired: view.isImpaired)
    if isSelf {
      report.cpuRatio = host.processorRatio
      report.memoryRatio = host.memoryRatio
      report.loopLagSeconds = Double(host.loopLag) / 1e9
      report.draining = joining.state == .leaving
      report.impaired = isImpaired
    } else {
      if let load = view.load {
        report.cpuRatio = LoadScale.processorRatio(load.processor)
        report.memoryRatio = LoadScale.memoryRatio(load.memory)
        report.loopLagSeconds = Double(LoadScale.value(load.loopLag, from: LoadScale.lagUnit)) / 1e9
        report.draining = load.flags.contains(.draining)
        report.impaired = report.impaired || load.flags.contains(.impaired)
      }
      report.lossRatio = view.status.isLive ? view.loss : nil
      report.rttSeconds = view.roundTrip.map { Double($0) / 1e9 }
      report.seenSecondsAgo = view.silence.map { Double($0) / 1e9 }
    }
    if let facts = identity.roster.facts(of: view.host) {
      report.build = MembersReport.digits(facts.build)
      report.settings = MembersReport.digits(facts.configuration)
    }
    report.why = why(view, certificate, isSelf: isSelf, now: now)
    return report
  }

  /// A few words when something is unusual.
  private func why(_ view: MemberView, _ certificate: Certificate?, isSelf: Bool, now: Now) -> String? {
    switch view.why {
    case .accused(let accusers) where view.status == .suspect || view.status == .dead:
      let shown = accusers.prefix(3).map { $0 == identity.host ? "this host" : name(of: $0) }
      if !shown.isEmpty { return "no answer to " + shown.joined(separator: ", ") }
    case .expelled: return "revoked by the operator"
    case .saidGoodbye: return nil
    case .saysSo, .accused: break
    }
    if let certificate, view.status <= .suspect {
      if certificate.notAfter <= now.wallSeconds { return "certificate expired" }
      if certificate.isExpiring(at: now.wallSeconds) {
        return "certificate: \(Figures.coarse(Double(certificate.notAfter - now.wallSeconds)))"
      }
    }
    if view.isImpaired { return "answers late" }
    if isSelf { return shortfalls.first?.words }
    return nil
  }
}

enum MembersReport {
  static func digits(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

extension MemberState {
  init(_ status: Status) {
    switch status {
    case .alive: self = .alive
    case .suspect: self = .suspect
    case .dead: self = .dead
    case .left: self = .left
    case .revoked: self = .revoked
    }
  }
}

extension Roles {
  /// As people write them, in the order of their bits.
  var words: [String] { Roles.names.filter { contains($0.role) }.map(\.name) }
}
