import Control
import EventLoop
import MeshNode
import Testing
import Wire

@Suite("Doctor's network findings")
struct DoctorTests {
  private let home = Endpoint(ipv4: 0x0a4d_0001, port: 7000)

  private func evidence(_ change: (inout NetworkEvidence) -> Void = { _ in }, peer: (inout PeerEvidence) -> Void)
    -> NetworkEvidence
  {
    var found = PeerEvidence(name: "home", endpoint: home)
    found.hellos = 3
    peer(&found)
    var evidence = NetworkEvidence(port: 7200)
    evidence.peers = [found]
    evidence.droppedAfterArrival = 0
    change(&evidence)
    return evidence
  }

  private func finding(_ check: DoctorCheck, _ evidence: NetworkEvidence) throws -> Finding {
    try #require(evidence.findings([check]).first { $0.name == check.rawValue })
  }

  @Test("a peer that answers")
  func answered() throws {
    let evidence = evidence { $0.answers = 1 }
    #expect(try finding(.udpOut, evidence).status == .ok)
    #expect(try finding(.udpIn, evidence).status == .skip)
  }

  @Test("our own firewall refuses to send: out, and the peer's port")
  func refusedHere() throws {
    let evidence = evidence { $0.sendError = .notPermitted }
    let out = try finding(.udpOut, evidence)
    #expect(out.status == .fail)
    #expect(out.sentence.contains("(out)") && out.sentence.contains("7000"))
    #expect(out.fix == "sudo nft insert rule inet filter output udp dport 7000 accept")
    #expect(try finding(.udpIn, evidence).status == .skip)
  }

  @Test("our own firewall drops what comes: in, and our port")
  func droppedHere() throws {
    let evidence = evidence({
      $0.droppedAfterArrival = 2
      $0.hasUFW = true
    }) { _ in }
    #expect(try finding(.udpOut, evidence).status == .skip)
    let incoming = try finding(.udpIn, evidence)
    #expect(incoming.status == .fail)
    #expect(incoming.sentence.contains("(in)") && incoming.sentence.contains("7200"))
    #expect(incoming.fix == "sudo ufw allow 7200/udp")
  }

  @Test("packets that are dropped while peers answer are somebody else's")
  func foreignDrops() throws {
    let evidence = evidence({ $0.droppedAfterArrival = 9 }) { $0.answers = 3 }
    #expect(try finding(.udpOut, evidence).status == .ok)
    #expect(try finding(.udpIn, evidence).status != .fail)
  }

  @Test(
    "silence: on the way or at the peer, and what TCP says about the host",
    arguments: [
      (PeerEvidence.TCP.accepted, "so the host is up"), (.refused, "no node listens there"),
      (.silent, "not answered either"), (.failed("no route"), "no route"),
    ])
  func silence(tcp: PeerEvidence.TCP, words: String) throws {
    let out = try finding(.udpOut, evidence { $0.tcp = tcp })
    #expect(out.status == .fail)
    #expect(out.sentence == "UDP port 7000 is blocked on the way or at the peer (out): nothing comes back")
    #expect(out.evidence.first?.contains(words) == true, "\(out.evidence)")
    #expect(out.fix?.contains("7000") == true && out.fix?.contains("on home") == true)
    #expect(out.recheck == "mesh-ctl doctor udp-out")
  }

  @Test("no way there is not a firewall")
  func noRoute() throws {
    let out = try finding(.udpOut, evidence { $0.sendError = UVError(code: -101) })
    #expect(out.status == .fail && out.sentence.contains("does not leave this machine"))
    #expect(out.fix == "ip route get 10.77.0.1")
  }

  @Test("nothing is claimed about what was not seen")
  func nothingSeen() throws {
    #expect(try finding(.udpOut, NetworkEvidence(port: 1)).status == .skip)
    #expect(try finding(.udpOut, evidence { $0.hellos = 0 }).status == .skip)
    for check in [DoctorCheck.udpIn, .tcpIn, .mtu, .nat] {
      #expect(try finding(check, NetworkEvidence(port: 1)).status == .skip)
    }
  }

  @Test("sessions and connections from outside prove that peers reach us")
  func fromOutside() throws {
    let evidence = evidence({
      $0.sessionsFromOutside = 2
      $0.connectionsFromOutside = 1
    }) { $0.hasSession = true }
    #expect(try finding(.udpIn, evidence).status == .ok)
    #expect(try finding(.tcpIn, evidence).status == .ok)
  }

  private func survey(_ name: String, ahead: Double? = nil, isHeard: Bool = false) -> SurveyEvidence {
    var survey = SurveyEvidence(name: name, endpoint: home)
    survey.questions = 4
    survey.ahead = ahead
    survey.precision = 0.0004
    survey.isHeard = isHeard
    return survey
  }

  @Test("full size: proved only by an answer, refuted only by silence beside small datagrams that pass")
  func mtu() throws {
    func status(_ surveys: SurveyEvidence...) throws -> Finding {
      try finding(.mtu, evidence({ $0.surveys = surveys }) { $0.hasSession = true })
    }
    let tooLong = evidence({
      $0.surveys = [survey("a", ahead: 0)]
      $0.tooLong = [home]
    }) { _ in }
    #expect(try finding(.mtu, tooLong).status == .fail)
    #expect(try status(survey("a", ahead: 0), survey("b", ahead: 0)).status == .ok)
    let unproved = try status(survey("a"))
    #expect(unproved.status == .skip && unproved.sentence.hasPrefix("not proved"))
    #expect(try status().sentence.hasPrefix("not proved"))
    let stuck = try status(survey("a", ahead: 0), survey("b", isHeard: true))
    #expect(stuck.status == .fail && stuck.sentence.contains("1 of 2 hosts"))
    #expect(stuck.evidence == ["b \(home): 4 questions, no answer"])
    let partly = try status(survey("a", ahead: 0), survey("b"))
    #expect(partly.status == .ok && partly.sentence.contains("1 of 2 hosts"))
  }

  @Test("the clock: ahead and behind of the middle one, one that is alone wrong, certificates of the future")
  func clock() {
    func finding(_ ahead: [Double], newest: UInt64? = nil) -> Finding {
      var evidence = ClockEvidence(now: 1_790_000_000)
      evidence.surveys = ahead.enumerated().map { survey("n\($0.offset)", ahead: $0.element) } + [survey("silent")]
      evidence.newest = newest.map { ("new", $0) }
      return evidence.finding
    }
    #expect(finding([]).status == .skip && finding([]).sentence.hasPrefix("not proved"))
    let good = finding([0.03, -0.002, 0.01])
    #expect(good.status == .ok && good.sentence.hasPrefix("10 ms from the clocks of 3 other hosts"), "\(good)")
    let wrong = finding([0.01, 0.02, 200])
    #expect(wrong.status == .ok && wrong.evidence == ["the clock of n2 is 00:03:20 ahead of this one"])
    let behind = finding([130, 131, 0])
    #expect(behind.status == .fail && behind.sentence == "this clock is 00:02:10 behind the clocks of 3 other hosts")
    let ahead = finding([-6, -7, -8])
    #expect(ahead.status == .warn && ahead.sentence == "this clock is 7.0 s ahead of the clocks of 3 other hosts")
    let alone = finding([-125])
    #expect(alone.status == .fail && alone.evidence.first?.contains("the only one") == true)
    #expect(finding([0], newest: 1_790_000_120).status == .ok)
    let future = finding([0], newest: 1_790_000_121)
    #expect(future.status == .fail && future.sentence == "this clock is behind by at least 121 s")
  }

  @Test("NAT: none, forwarded, one port, a port for each peer")
  func nat() throws {
    let here = Endpoint(ipv4: 0xc0a8_0105, port: 7200)
    let outside = Endpoint(ipv4: 0xcb00_7109, port: 7200)
    func status(_ observed: [Endpoint], advertised: Endpoint? = nil) throws -> Finding {
      try finding(
        .nat,
        evidence({
          $0.observed = observed
          $0.ownAddresses = [here.withPort(0)]
          $0.advertised = advertised
        }) { _ in })
    }
    #expect(try status([here]).status == .ok)
    #expect(try status([outside]).status == .warn)
    #expect(try status([outside], advertised: outside).status == .ok)
    let symmetric = try status([outside, outside.withPort(40_211)])
    #expect(symmetric.status == .warn && symmetric.sentence.contains("gives each peer another"))
  }

  @Test("handshakes are counted by address, and the table is bounded")
  func ledger() {
    var ledger = HelloLedger()
    ledger.answered(by: home)
    #expect(ledger[home].answered == 0, "nobody asked it")
    ledger.sent(to: home, at: 1)
    ledger.sent(to: home, at: 2)
    ledger.answered(by: home)
    #expect(ledger[home].sent == 2 && ledger[home].answered == 1)
    #expect(ledger.hasAsked(home, at: 89_000_000_000))
    #expect(!ledger.hasAsked(home, at: 91_000_000_000))
    for port in 1...1_000 { ledger.sent(to: Endpoint(ipv4: 1, port: UInt16(port)), at: UInt64(10 + port)) }
    #expect(ledger.entries.count == HelloLedger.limit)
    #expect(ledger[home].sent == 0, "the one that was sent to longest ago made room")
  }
}
