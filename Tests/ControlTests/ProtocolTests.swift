import Control
import Testing

struct RequestsTests {
  private static let all: [ControlRequest] = [
    .status, .members, .events(.init(since: Samples.now, limit: 10, follow: true)), .events(.init()),
    .doctor(checks: []), .doctor(checks: ["udp-in"]), .leave, .revoke(revocation: [0, 255, 7], reason: "disk stolen"),
    .reload,
    .certificates(of: ["prt-1"]), .renew(certificates: [[1, 2, 3], [4]]),
    .world(.show), .world(.document(version: .max)), .world(.publish(file: "/a b/c.world")),
    .world(.activate(version: 3)),
    .shards(.ring), .shards(.maps), .shards(.explain(map: "prontera")),
    .shards(.get(shard: "prt", key: [0x61])), .shards(.get(shard: "prt", key: [0xff, 0])),
    .shards(
      .write(
        StateWrite(
          shard: "prt", key: [0x61], value: [1, 2, 0xff], durability: .normal, expected: 0, client: 7, clientSequence: 9
        ))),
    .shards(.write(StateWrite(shard: "prt", key: [0x61], value: nil))),
    .shards(.list(shard: "prt", prefix: [], after: [0x62], limit: 5)), .shards(.watch(shard: "prt", prefix: [0x61])),
    .shards(.drain(host: nil)), .shards(.undrain(host: "n2")), .shards(.pin(map: "prontera", host: "n2")),
    .shards(.unpin(map: "prontera")), .shards(.history(shard: "prt")),
    .shards(.restore(StateRestore(shard: "prt", snapshot: 412))),
    .shards(.restore(StateRestore(shard: "prt", snapshot: .max, plan: "412-41", reason: "items doubled"))),
  ]

  @Test func everyRequestComesBackFromItsLine() throws {
    for request in RequestsTests.all {
      let line = request.line()
      #expect(line.last == 0x0a && line.dropLast().allSatisfy { $0 != 0x0a })
      #expect(try ControlRequest(line: line.dropLast()) == request)
    }
    let line = String(decoding: ControlRequest.events(.init(follow: true)).line(), as: UTF8.self)
    #expect(line == #"{"control":1,"follow":true,"limit":200,"request":"events"}"# + "\n")
  }

  @Test func unknownFieldsAreIgnoredAndLimitsHold() throws {
    let line = #"{"control":1,"request":"events","limit":100000000,"new":{"a":[1]}}"#
    #expect(try ControlRequest(line: line.utf8) == .events(.init(limit: EventsQuery.limitMaximum)))
    #expect(try ControlRequest(line: #"{"control":1,"request":"events","limit":-1}"#.utf8) == .events(.init(limit: 1)))
    // Known to other requests, and of another type there.
    #expect(try ControlRequest(line: #"{"control":1,"request":"status","key":5,"shard":[]}"#.utf8) == .status)
    #expect(try ControlRequest(line: #"{"control":1,"request":"maps","since":5,"hosts":7}"#.utf8) == .shards(.maps))
  }

  @Test func aFieldOfAnotherTypeIsNamedByItsRequest() {
    #expect { try ControlRequest(line: #"{"control":1,"request":"state.get","shard":5}"#.utf8) } throws: {
      ($0 as? Fault)?.sentence.contains("a field of `state.get` is not of its type") ?? false
    }
  }

  @Test(arguments: [
    "", "{}", "[]", "status", "{\"control\":1}", "{\"control\":1,\"request\":\"fly\"}", "{\"control\":1,\"request\":7}",
    "{\"control\":1,\"request\":\"revoke\"}", "{\"control\":1,\"request\":\"revoke\",\"revocation\":\"a\"}",
    "{\"control\":1,\"request\":\"revoke\",\"revocation\":\"+/==\"}",
    "{\"control\":1,\"request\":\"renew\",\"certificates\":[]}",
    "{\"control\":1e99,\"request\":\"status\"}", "{\"control\":1,\"request\":\"events\",\"since\":\"yesterday\"}",
    "{\"control\":1,\"request\":\"status\"", "\u{0}",
    "{\"control\":1,\"request\":\"doctor\",\"checks\":[" + Array(repeating: "\"a\"", count: 129).joined(separator: ",")
      + "]}",
    "{\"control\":1,\"request\":\"status\",\"x\":" + String(repeating: "[", count: 60_000) + "}",
    "{\"control\":1,\"request\":\"status\",\"x\":\"" + String(repeating: "x", count: ControlRequest.lineLimit) + "\"}",
  ])
  func badLinesAreRefused(line: String) {
    #expect { try ControlRequest(line: line.utf8) } throws: { ($0 as? Fault)?.code == ErrorCode.badRequest.rawValue }
  }

  @Test func anotherVersionIsNamed() {
    #expect { try ControlRequest(line: #"{"control":2,"request":"status"}"#.utf8) } throws: {
      ($0 as? Fault)?.sentence == "the request has control version 2, this node speaks 1"
    }
  }

  @Test func onlyChangesNeedMore() {
    #expect(
      RequestsTests.all.filter(\.changesSomething).map(\.verb)
        == [
          "leave", "revoke", "reload", "renew", "world-publish", "world-activate", "state.put", "state.delete",
          "drain", "undrain", "pin", "unpin", "state.restore",
        ])
  }
}

struct RepliesTests {
  private func expectRoundTrip<Value: Reply & Equatable>(_ value: Value, _ schema: String) {
    let line = value.line()
    #expect(JSONLine.decode(Value.self, from: line.dropLast()) == value)
    let text = String(decoding: line, as: UTF8.self)
    #expect(text.contains("\"schema\":\"\(schema)\""))
    #expect(text.last == "\n" && !text.dropLast().contains("\n"))
    // snake_case throughout.
    var rest = text[...]
    while let colon = rest.firstIndex(of: ":") {
      if rest[..<colon].last == "\"" {
        let key = rest[..<colon].dropLast().reversed().prefix { $0 != "\"" }
        #expect(!key.contains { $0.isUppercase }, "\(String(key.reversed()))")
      }
      rest = rest[rest.index(after: colon)...]
    }
  }

  @Test func everyReplyComesBackFromItsLine() {
    expectRoundTrip(Samples.degraded, "mesh.status/1")
    expectRoundTrip(Samples.joining, "mesh.status/1")
    expectRoundTrip(Samples.members, "mesh.members/1")
    expectRoundTrip(Samples.events, "mesh.events/1")
    expectRoundTrip(Samples.doctor, "mesh.doctor/1")
    expectRoundTrip(Samples.fault, "mesh.error/1")
    expectRoundTrip(LeaveReply(at: Samples.now, state: .leaving, drainSeconds: 2.5), "mesh.leave/1")
    expectRoundTrip(RevokeReply(at: Samples.now, host: Samples.gef2, state: .adopted), "mesh.revoke/1")
    expectRoundTrip(
      CertificatesReply(
        at: Samples.now, certificates: [.init(host: Samples.gef2, state: .dead, certificate: [1, 2, 255])]),
      "mesh.certificates/1")
    expectRoundTrip(
      ReloadReply(at: Samples.now, origin: "a", changed: ["b"], afterRestart: ["c"], warnings: []), "mesh.reload/1")
    expectRoundTrip(Samples.audit, "mesh.audit/1")
    expectRoundTrip(
      AuditCheckReply(file: "audit.log", lines: 2, first: 1, last: 2, head: "00", breaks: ["line 2"]),
      "mesh.audit_check/1")
    expectRoundTrip(
      RenewReply(at: Samples.now, results: [.init(host: Samples.gef2, state: .failed, reason: "dead")]), "mesh.renew/1")
  }

  @Test func newFieldsOfANewerNodeAreIgnored() {
    let line = String(decoding: Samples.healthy.line(), as: UTF8.self)
    let newer = line.replacing("{\"alive\":6", with: "{\"asleep\":1,\"alive\":6")
    #expect(newer != line)
    #expect(JSONLine.decode(StatusReply.self, from: newer.utf8) == Samples.healthy)
  }

  @Test func arraysAreSorted() {
    #expect(Samples.members.members.map(\.id) == Samples.members.members.map(\.id).sorted())
    #expect(Samples.degraded.warnings.map(\.code) == ["M012", "M018"])
    #expect(DoctorReply(at: Samples.now, checks: Samples.doctor.checks.reversed()) == Samples.doctor)
  }

  @Test func verdictFollowsFromTheState() {
    #expect(Samples.healthy.verdict == Verdict(health: .ok, sentence: "6 of 6 hosts alive"))
    #expect(
      Samples.degraded.verdict
        == Verdict(health: .degraded, sentence: "5 of 6 hosts alive; gef-2 does not answer on 203.0.113.9:7001"))
    #expect(Samples.joining.verdict.health == .unhealthy)
    let alone = StatusReply(
      at: Samples.now, network: Samples.network, hosts: HostCounts(alive: 1),
      view: ViewAgreement(digest: "00", agreeing: 1, heard: 1), own: Samples.own, warnings: [Warning(.alone)])
    #expect(alone.verdict == Verdict(health: .ok, sentence: "1 of 1 host alive"))
    // A dead host degrades the verdict even when no warning speaks of it.
    let silent = StatusReply(
      at: Samples.now, network: Samples.network, hosts: HostCounts(alive: 1, dead: 1),
      view: ViewAgreement(digest: "00", agreeing: 1, heard: 1), own: Samples.own, warnings: [])
    #expect(silent.verdict.health == .degraded)
    #expect(Health.degraded.exitCode.rawValue == 3 && Health.unhealthy.exitCode.rawValue == 4)
  }

  @Test func bytesHaveOneText() throws {
    for count in 0..<10 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 97 &+ 251) }
      let request = ControlRequest.revoke(revocation: bytes, reason: "")
      #expect(try ControlRequest(line: request.line().dropLast()) == request)
      #expect(CertificatesReply.Entry(host: Samples.gef2, state: .alive, certificate: bytes).certificateBytes == bytes)
    }
    for text in ["-_9", "A", "AAAAA", "AA==", "A+8", " AA", "ÄÄ"] {
      let line = "{\"control\":1,\"request\":\"revoke\",\"revocation\":\"\(text)\"}"
      #expect(throws: Fault.self, "\(text)") { try ControlRequest(line: line.utf8) }
    }
  }
}

struct TimestampTests {
  @Test func textAndBack() {
    #expect(Samples.now.description == "2026-05-04T20:15:15.250Z")
    #expect(Timestamp("1970-01-01T00:00:00Z")?.nanoseconds == 0)
    #expect(Timestamp("2026-05-04T22:15:15.25+02:00") == Samples.now)
    #expect(Timestamp("2024-02-29T12:00:00Z")?.seconds == 1_709_208_000)
    #expect(Timestamp("2100-03-01T00:00:00Z")?.seconds == 4_107_542_400)
    for days in stride(from: UInt64(0), to: 150_000, by: 13) {
      let moment = Timestamp(seconds: days * 86_400 + 7)
      #expect(Timestamp(moment.description) == moment)
    }
    for text in [
      "", "2026-05-04", "2026-13-04T00:00:00Z", "2026-05-04T24:00:00Z", "2026-05-04T20:15:15", "2026-05-04T20:15:15.Z",
      "2026-05-04T20:15:15Zx", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00", "９026-05-04T20:15:15Z",
    ] { #expect(Timestamp(text) == nil, "\(text)") }
    #expect(Timestamp(seconds: .max).nanoseconds == .max)
  }
}
