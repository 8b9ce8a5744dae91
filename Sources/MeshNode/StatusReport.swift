import Configuration
import Control
import EventLoop
import Glibc
import Gossip
import NodeCore
import SecureChannel
import Wire

/// How this host and the mesh are, as seen from here.
extension Shell {
  func statusReply() -> StatusReply {
    let now = SystemClock.now
    let views = memberViews
    var counts = HostCounts()
    for view in views {
      switch view.status {
      case .alive: counts.alive += 1
      case .suspect: counts.suspect += 1
      case .dead: counts.dead += 1
      case .left: counts.left += 1
      case .revoked: counts.revoked += 1
      }
    }
    let agreement = viewAgreement()
    let shards = shardCounts()
    return StatusReply(
      at: Timestamp(nanoseconds: now.wall), network: networkName, hosts: counts, view: agreement,
      own: ownHost(now: now), shards: shards,
      warnings: warnings(views, agreement, now: now) + (shards?.warnings ?? []) + voterWarnings)
  }

  /// What this host tells others about where it is.
  var ownAddress: Endpoint {
    advertised ?? node.membership.endpoint ?? ports.endpoint
  }

  var advertised: Endpoint? {
    settings.network.advertised.flatMap { Endpoint(address: $0.host, port: $0.port ?? ports.endpoint.port) }
  }

  private func ownHost(now: Now) -> OwnHost {
    let certificate = identity.certificate
    let incarnation = node.membership.incarnation
    let observed = sightings.ownEndpoints.last
    let datagrams = ports.datagrams.counters
    let streams = links.counters
    return OwnHost(
      id: identity.host.description, name: identity.name, state: joining.state, address: "\(ownAddress)",
      observedAddress: observed == ownAddress ? nil : observed.map { "\($0)" }, roles: certificate.roles.words,
      trustClass: Int(certificate.trustClass), contributor: certificate.contributor,
      generation: incarnation.generation, refutation: incarnation.refutation,
      profile: settings.network.profile.rawValue, version: ProductVersion.text, processId: Int(getpid()),
      uptimeSeconds: Double(now.monotonic &- startedAt.monotonic) / 1e9,
      certificateNotBefore: Timestamp(seconds: certificate.notBefore),
      certificateNotAfter: Timestamp(seconds: certificate.notAfter), loopLagSeconds: Double(host.loopLag) / 1e9,
      residentBytes: host.residentBytes, receivedBytes: datagrams.bytesReceived &+ streams.bytesReceived,
      sentBytes: datagrams.bytesSent &+ streams.bytesSent, sessions: node.channel.sessionCount, links: links.count)
  }

  private func viewAgreement() -> ViewAgreement {
    let agreement = node.membership.rootAgreement
    return ViewAgreement(
      digest: HostID(rawValue: node.membership.root).description, agreeing: agreement.agreeing, heard: agreement.heard,
      differingSeconds: Double(agreement.differingFor) / 1e9)
  }

  // MARK: Warnings

  /// More of one kind are counted by the first lines of the screen.
  private static let warningsOfAKind = 8

  private func warnings(_ views: [MemberView], _ agreement: ViewAgreement, now: Now) -> [Warning] {
    var warnings: [Warning] = []
    let since = { (view: MemberView) in Timestamp(nanoseconds: now.wall &- min(now.wall, view.age)) }
    for view in views.filter({ $0.status == .suspect && $0.host != identity.host }).prefix(Shell.warningsOfAKind) {
      warnings.append(
        Warning(
          .hostSuspect, ["host": name(of: view.host), "address": "\(view.endpoint)"], subject: hostName(view.host),
          since: since(view)))
    }
    for view in views.filter({ $0.status == .dead }).prefix(Shell.warningsOfAKind) {
      warnings.append(
        Warning(
          .hostDead, ["host": name(of: view.host), "address": "\(view.endpoint)"], subject: hostName(view.host),
          since: since(view)))
    }
    if agreement.differingSeconds > 10, agreement.agreeing < agreement.heard {
      warnings.append(Warning(.viewsDiffer, ["agreeing": "\(agreement.agreeing)", "all": "\(agreement.heard)"]))
    }
    warnings += ownWarnings(now: now) + certificateWarnings(views, now: now)
    return warnings
  }

  private func ownWarnings(now: Now) -> [Warning] {
    var warnings: [Warning] = []
    let own = hostName(identity.host)
    switch joining.state {
    case .joining:
      let peers = lookup.known.count
      warnings.append(Warning(.notJoined, ["peers": Plural.of(max(peers, lookup.listed.count), "peer")], subject: own))
    case .alone: warnings.append(Warning(.alone, subject: own))
    case .revoked:
      let reason = identity.roster.revocation(of: identity.host).map { "\($0.reason)" } ?? "no reason"
      warnings.append(Warning(.revokedHere, ["reason": reason], subject: own))
    case .synchronizing, .member, .leaving: break
    }
    for (name, reason) in lookup.failures.sorted(by: { $0.key < $1.key }) where joining.state == .joining {
      warnings.append(Warning(.nameNotResolved, ["name": name, "reason": reason]))
    }
    if isImpaired {
      warnings.append(Warning(.impaired, ["lag": Figures.short(Double(host.loopLag) / 1e9)], subject: own))
    }
    for host in seen.copiedKeys.keys.sorted() {
      warnings.append(Warning(.identityConflict, ["host": name(of: host)], subject: hostName(host)))
    }
    for fault in seen.ofDisk {
      warnings.append(
        Warning(
          .stateNotWritten, ["file": fault.place ?? settings.node.dataDirectory, "reason": fault.sentence],
          subject: own))
    }
    if !identity.arena.isLocked {
      warnings.append(Warning(.memoryNotLocked, ["reason": "the limit on locked memory is too small"], subject: own))
    }
    return warnings
  }

  private func certificateWarnings(_ views: [MemberView], now: Now) -> [Warning] {
    let seconds = now.wallSeconds
    let hosts = [identity.host] + views.filter { $0.status <= .suspect && $0.host != identity.host }.map(\.host)
    return hosts.compactMap { host -> Warning? in
      guard let certificate = identity.roster.certificate(of: host) else { return nil }
      if certificate.notAfter <= seconds {
        return Warning(
          .certificateExpired,
          ["host": certificate.name, "time": Figures.coarse(Double(seconds - certificate.notAfter))],
          subject: hostName(host))
      }
      guard certificate.isExpiring(at: seconds) else { return nil }
      return Warning(
        .certificateExpiring,
        ["host": certificate.name, "time": Figures.coarse(Double(certificate.notAfter - seconds))],
        subject: hostName(host))
    }.prefix(Shell.warningsOfAKind).map { $0 }
  }
}
