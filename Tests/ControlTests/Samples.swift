import Control

/// One mesh in a bad moment, seen by `home`.
enum Samples {
  static let now = Timestamp("2026-05-04T20:15:15.250Z")!
  static let network = NetworkName(name: "izlude", id: "41aa0c1177e2b9d0")
  static let gef2 = HostName(id: "c4e1f00d00000006", name: "gef-2")

  static let own = OwnHost(
    id: "0a11ce0000000001", name: "home", state: .member, address: "127.0.0.1:7001", roles: ["host", "bridge", "home"],
    trustClass: 0, contributor: 0, generation: 41_000_000, refutation: 2, profile: "lan", version: "0.1.0",
    processId: 4711, uptimeSeconds: 6 * 86_400 + 2 * 3_600 + 11 * 60 + 5,
    certificateNotBefore: Timestamp("2026-05-01T00:00:00Z")!,
    certificateNotAfter: Timestamp("2026-07-31T20:15:00Z")!, loopLagSeconds: 0.000_4, residentBytes: 14_200_000,
    receivedBytes: 18_412_007, sentBytes: 940, sessions: 5, links: 1)

  static let degraded = StatusReply(
    at: now, network: network, hosts: HostCounts(alive: 5, dead: 1),
    view: ViewAgreement(digest: "7c1e55aa00112233", agreeing: 5, heard: 5),
    own: own,
    warnings: [
      Warning(.settingsDiffer, ["count": "2"]),
      Warning(
        .hostDead, ["host": "gef-2", "address": "203.0.113.9:7001"], subject: gef2,
        since: Timestamp("2026-05-04T20:14:03Z")!),
    ])

  static let healthy = StatusReply(
    at: now, network: network, hosts: HostCounts(alive: 6, left: 1),
    view: ViewAgreement(digest: "7c1e55aa00112233", agreeing: 6, heard: 6), own: own, warnings: [])

  static var joining: StatusReply {
    var own = own
    own.state = .joining
    own.observedAddress = "198.51.100.77:40211"
    return StatusReply(
      at: now, network: network, hosts: HostCounts(alive: 1),
      view: ViewAgreement(digest: "7c1e55aa00112233", agreeing: 1, heard: 1), own: own,
      warnings: [
        Warning(.notJoined, ["peers": "2 peers"], since: Timestamp("2026-05-03T20:14:03Z")!),
        Warning(.certificateExpired, ["host": "home", "time": "2 days"]),
      ])
  }

  static let members = MembersReply(
    at: now, network: network,
    members: [
      MemberReport(
        id: "0a11ce0000000001", name: "home", state: .alive, since: now, isSelf: true, address: "127.0.0.1:7001",
        roles: ["host", "bridge", "home"], trustClass: 0, contributor: 0, cpuRatio: 0.012, memoryRatio: 0.02,
        loopLagSeconds: 0.000_4),
      MemberReport(
        id: "0a11ce0000000002", name: "prt-1", state: .alive, since: now, address: "198.51.100.4:7001", roles: ["host"],
        trustClass: 1, contributor: 2_000_113, cpuRatio: 0.41, memoryRatio: 0.34, loopLagSeconds: 0.001_2,
        rttSeconds: 0.012,
        lossRatio: 0, seenSecondsAgo: 0.4),
      MemberReport(
        id: "0a11ce0000000003", name: "pay-1", state: .suspect, since: now, address: "192.0.2.17:7001",
        roles: ["host", "door"], trustClass: 1, rttSeconds: 0.031_4, lossRatio: 0.25, seenSecondsAgo: 12.4,
        why: "no ack from 2 of 3"),
      MemberReport(
        id: "0a11ce0000000004", name: "mor-1", state: .alive, since: now, address: "192.0.2.40:7001",
        roles: ["host"], impaired: true, cpuRatio: 0.99, memoryRatio: 0.91, loopLagSeconds: 0.412, rttSeconds: 0.028,
        lossRatio: 0, seenSecondsAgo: 0.9, why: "loop late 412 ms"),
      MemberReport(
        id: "0a11ce0000000005", name: "tiny", state: .alive, since: now, address: "198.51.100.77:7001",
        roles: ["observer"], cpuRatio: 0.02, memoryRatio: 0.3, loopLagSeconds: 0, rttSeconds: 0.044, lossRatio: 0.001,
        seenSecondsAgo: 0.3),
      MemberReport(
        id: "c4e1f00d00000006", name: "gef-2", state: .dead, since: Timestamp("2026-05-04T20:14:03Z")!,
        address: "203.0.113.9:7001", roles: ["host"],
        seenSecondsAgo: 72.3, why: "no ack from 3 of 3"),
      MemberReport(id: "c4e1f00d00000007", name: nil, state: .left, since: now, address: "[2001:db8::7]:7001"),
      MemberReport(id: "c4e1f00d00000008", name: "evil\u{1b}[2J", state: .revoked, since: now, why: "key stolen"),
    ])

  static let events = EventsReply(
    at: now,
    events: [
      EventReport(
        sequence: 17, at: Timestamp("2026-05-03T23:59:58Z")!, name: .memberLeft,
        subject: HostName(id: "c4e1f00d00000007", name: nil), text: "said goodbye"),
      EventReport(
        sequence: 18, at: Timestamp("2026-05-04T20:14:01Z")!, name: .memberSuspected, health: .degraded, subject: gef2,
        text: "missed its probe and three detours", code: .hostSuspect),
      EventReport(
        sequence: 19, at: Timestamp("2026-05-04T20:14:03Z")!, name: .memberDead, health: .degraded, subject: gef2,
        text: "prt-1 and pay-1 agree that it does not answer", code: .hostDead),
      EventReport(sequence: 20, at: now, name: .nodeStalled, text: "the loop was late by 412 ms"),
    ], missed: 3)

  static let doctor = DoctorReply(
    at: now,
    checks: [
      Finding(.config, .ok, "p2p_athena.conf + import/p2p_conf.txt: 31 settings, 0 warnings"),
      Finding(.clock, .ok, "0.03 s from the mesh"),
      Finding(.udpOut, .ok, "5 of 5 hosts answer"),
      Finding(
        .udpIn, .fail, "3 of 5 hosts cannot reach 198.51.100.77:7001",
        evidence: ["Looks like a firewall: TCP 7001 works both ways, UDP only outwards."],
        fix: "sudo ufw allow 7001/udp"),
      Finding(.tcpIn, .ok, "5 of 5 hosts connect"),
      Finding(.mtu, .ok, "1,232 bytes whole to all"),
      Finding(
        .nat, .warn, "peers see another port than 7001", evidence: ["7001 -> 40211 (prt-1), 40377 (pay-1)"],
        fix: "mesh-ctl explain network.advertise"),
      Finding(.hardware, .warn, "1 core, wants 4 (p2p_athena.conf:6): owns no maps"),
      Finding(.disk, .ok, "durable in 2.1 ms, 9.10 GB free"),
      Finding(.keys, .skip, "this user may not read the keys"),
    ])

  static let fault = Fault(
    .foreignNetwork, ["theirs": "payon-test", "ours": "izlude"], at: "/var/lib/mesh/keys/network",
    evidence: ["there: key 9f2c…", "here: key 41aa…"], notes: ["Nothing was changed."])

  static let audit = AuditReply(
    file: "mesh/data/audit.log",
    entries: [
      AuditEntry(
        sequence: 1, at: Timestamp(seconds: now.seconds - 90_000), user: 0, verb: "revoke",
        target: "gef-2 3f0a11c2d4e5f607", request: "0011", reason: "disk stolen", result: .done,
        previous: String(repeating: "0", count: 64)),
      AuditEntry(
        sequence: 2, at: now, user: 4_294_967_294, verb: "reload", request: "2233", result: .failed,
        detail: "the configuration has 2 errors", previous: String(repeating: "a", count: 64)),
      AuditEntry(
        sequence: 3, at: now, user: 4_294_967_294, verb: "leave", request: "4455", result: .refused, leftOut: 3,
        previous: String(repeating: "b", count: 64)),
    ], unreadable: 1)
}
