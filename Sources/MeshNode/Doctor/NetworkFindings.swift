package import Control
import EventLoop
import SecureChannel
import Wire

/// The network checks: evidence in, findings out. Pure, so that each case is a test.
extension NetworkEvidence {
  package func findings(_ wanted: Set<DoctorCheck>) -> [Finding] {
    var findings: [Finding] = []
    if wanted.contains(.udpOut) { findings.append(udpOut()) }
    if wanted.contains(.udpIn) { findings.append(udpIn()) }
    if wanted.contains(.tcpIn) { findings.append(tcpIn()) }
    if wanted.contains(.mtu) { findings.append(mtu()) }
    if wanted.contains(.nat) { findings.append(nat()) }
    return findings
  }

  // MARK: udp-out

  private func udpOut() -> Finding {
    guard !peers.isEmpty || sessions > 0 else { return Finding(.udpOut, .skip, "no other host is known yet") }
    let evidence = peers.prefix(5).map(\.sentence)
    if anyAnswer {
      let answering = peers.count { $0.answers > 0 || $0.hasSession }
      return Finding(
        .udpOut, .ok,
        peers.isEmpty
          ? "\(Plural.of(sessions, "session")) with other hosts"
          : "\(answering) of \(Plural.of(peers.count, "peer")) that were asked answer",
        evidence: answering < peers.count ? evidence : [])
    }
    if dropsIncoming {
      return Finding(
        .udpOut, .skip, "handshakes leave this machine; whether they arrive cannot be told while it drops answers",
        evidence: evidence)
    }
    if let refused = peers.first(where: { $0.sendError == .notPermitted }) {
      let port = refused.endpoint.port
      return Finding(
        .udpOut, .fail, "this machine's own firewall refuses outgoing UDP to port \(port) (out)", evidence: evidence,
        fix: allow(port, incoming: false))
    }
    if let failed = peers.first(where: { $0.sendError != nil }), let error = failed.sendError,
      peers.allSatisfy({ $0.sendError != nil })
    {
      return Finding(
        .udpOut, .fail, "UDP to port \(failed.endpoint.port) does not leave this machine (out): \(error.message)",
        evidence: evidence, fix: "ip route get \(failed.endpoint.addressText)")
    }
    guard let silent = peers.first(where: { $0.hellos > 0 }) else {
      return Finding(.udpOut, .skip, "no handshake was due while the check watched", evidence: evidence)
    }
    let port = silent.endpoint.port
    return Finding(
      .udpOut, .fail, "UDP port \(port) is blocked on the way or at the peer (out): nothing comes back",
      evidence: evidence + [
        "the same silence comes from a mesh of another network, and from one whose clock differs by more than 120 s"
      ], fix: "\(allow(port, incoming: true))      (on \(silent.name))")
  }

  // MARK: udp-in

  private func udpIn() -> Finding {
    if dropsIncoming {
      let sent = peers.reduce(0) { $0 + $1.hellos }
      return Finding(
        .udpIn, .fail, "this machine's own firewall drops incoming UDP to port \(port) (in)",
        evidence: [
          "\(Plural.of(sent, "handshake")) left, no answer was delivered",
          "\(droppedAfterArrival ?? 0) packets reached this machine meanwhile and were not handed on (/proc/net/snmp)",
        ], fix: allow(port, incoming: true))
    }
    if sessionsFromOutside > 0 {
      return Finding(
        .udpIn, .ok,
        "peers have opened \(Plural.of(Int(clamping: sessionsFromOutside), "session")) to this host by themselves")
    }
    if anyAnswer {
      return Finding(
        .udpIn, .skip, "no peer has opened a session by itself yet; answers come in",
        evidence: ["a NAT or firewall that lets only answers in would look the same"])
    }
    return Finding(.udpIn, .skip, "cannot be told before a peer answers (see udp-out)")
  }

  // MARK: tcp-in

  private func tcpIn() -> Finding {
    connectionsFromOutside > 0
      ? Finding(
        .tcpIn, .ok,
        "peers have opened \(Plural.of(Int(clamping: connectionsFromOutside), "connection")) to TCP port \(port)")
      : Finding(
        .tcpIn, .skip, "no peer has opened a TCP connection to port \(port) yet",
        evidence: ["peers connect when something large is to be sent to this host"])
  }

  // MARK: mtu

  /// Longest datagram of the mesh.
  static let longest = DatagramSize.maximum

  private func mtu() -> Finding {
    let size = "full size (\(NetworkEvidence.longest) bytes)"
    if let first = tooLong.first {
      return Finding(
        .mtu, .fail, "the path to \(first) takes no datagrams of \(size)",
        evidence: tooLong.prefix(5).map { "\($0): message too long" }, fix: "ip route get \(first.addressText)")
    }
    let passed = surveys.filter { $0.ahead != nil }
    let stuck = surveys.filter { $0.ahead == nil && $0.isHeard }
    let words = { (survey: SurveyEvidence) in
      "\(survey.name) \(survey.endpoint): \(Plural.of(survey.questions, "question")), no answer"
    }
    if let first = stuck.first {
      return Finding(
        .mtu, .fail,
        "datagrams of \(size) do not come back from \(stuck.count) of \(Plural.hosts(surveys.count)), small ones do",
        evidence: stuck.prefix(5).map(words), fix: "ping -M do -s 1232 \(first.endpoint.addressText)")
    }
    let silent = surveys.filter { $0.ahead == nil }.prefix(5).map(words)
    guard !passed.isEmpty else {
      return surveys.isEmpty
        ? Finding(.mtu, .skip, "not proved: no session with another host")
        : Finding(.mtu, .skip, "not proved: the hosts that were asked are silent", evidence: silent)
    }
    return Finding(
      .mtu, .ok, "datagrams of \(size) pass both ways with \(passed.count) of \(Plural.hosts(surveys.count))",
      evidence: silent)
  }

  // MARK: nat

  private func nat() -> Finding {
    if observed.isEmpty, sessionsFromOutside > 0, let advertised, ownAddresses.contains(advertised.withPort(0)) {
      return Finding(.nat, .ok, "no NAT: peers open sessions to \(advertised), an address of this machine")
    }
    guard let latest = observed.last else {
      return Finding(.nat, .skip, "no peer has told yet where it sees this host")
    }
    let ports = Set(observed.filter { $0.withPort(0) == latest.withPort(0) }.map(\.port))
    if ports.count > 1 {
      return Finding(
        .nat, .warn, "peers see this host at several ports of one address: the NAT before it gives each peer another",
        evidence: observed.map { "\($0)" }, fix: "mesh-ctl explain network.advertise")
    }
    if ownAddresses.contains(latest.withPort(0)) {
      return Finding(.nat, .ok, "no NAT: peers see this host at \(latest), an address of this machine")
    }
    if advertised == latest {
      return Finding(.nat, .ok, "behind a NAT that forwards: peers see this host at \(latest), as advertised")
    }
    return Finding(
      .nat, .warn, "behind a NAT: peers see this host at \(latest)",
      evidence: ownAddresses.map { "this machine has \($0.addressText)" },
      fix: "forward UDP and TCP port \(port) to this machine and set network.advertise to \(latest.addressText)")
  }

  private func allow(_ port: UInt16, incoming: Bool) -> String {
    if hasUFW { return "sudo ufw allow \(incoming ? "" : "out ")\(port)/udp" }
    return "sudo nft insert rule inet filter \(incoming ? "input" : "output") udp dport \(port) accept"
  }
}

extension PeerEvidence {
  fileprivate var sentence: String {
    var words = "\(name) \(endpoint): \(Plural.of(hellos, "handshake")), \(Plural.of(answers, "answer"))"
    if hasSession { words += ", session" }
    if let sendError { words += "; sending failed: \(sendError.message)" }
    switch tcp {
    case .notTried: break
    case .accepted: words += "; TCP \(endpoint.port) is accepted, so the host is up"
    case .refused: words += "; TCP \(endpoint.port) is refused: the host is up, but no node listens there"
    case .silent: words += "; TCP \(endpoint.port) is not answered either"
    case .failed(let reason): words += "; TCP \(endpoint.port): \(reason)"
    }
    return words
  }
}
