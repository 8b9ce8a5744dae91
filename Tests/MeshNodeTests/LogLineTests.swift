import Configuration
import Control
import Glibc
import Logging
import MeshNode
import Testing

@Suite("Log lines")
struct LogLineTests {
  private let moment = Timestamp("2026-05-04T20:14:03.250Z") ?? Timestamp(nanoseconds: 0)

  private func line(
    _ form: LogLine.Form, _ level: Logger.Level, _ message: String,
    _ metadata: LogLine.Metadata = [("event", "member.alive"), ("peer", "pay-1")]
  ) -> String {
    LogLine.render(form, level: level, message: message, metadata: metadata, at: moment)
  }

  @Test("text is in rAthena's look")
  func text() {
    #expect(line(.text(colour: false), .notice, "pay-1 is alive") == "[Status]: pay-1 is alive\n")
    #expect(line(.text(colour: true), .critical, "over", []) == "\u{1b}[1;31m[Fatal Error]\u{1b}[0m: over\n")
    let words = Logger.Level.allCases.map { line(.text(colour: false), $0, "m", []) }
    #expect(
      words == [
        "[Debug]: m\n", "[Debug]: m\n", "[Info]: m\n", "[Status]: m\n", "[Warning]: m\n", "[Error]: m\n",
        "[Fatal Error]: m\n",
      ])
  }

  @Test("logfmt begins with journald's priority")
  func logfmt() {
    #expect(
      line(.logfmt, .warning, "pay-1 is \"dead\"")
        == "<4>ts=2026-05-04T20:14:03.250Z level=warning event=member.alive msg=\"pay-1 is \\\"dead\\\"\" peer=pay-1\n")
    #expect(line(.logfmt, .error, "plain", [("a", ""), ("b", "x=y")]).hasSuffix("msg=plain a=\"\" b=\"x=y\"\n"))
  }

  @Test("json is one object a line")
  func json() throws {
    let text = line(.json, .info, "a\n\"b\"\\ \u{1b}[2J \u{202e}")
    #expect(
      text
        == #"{"ts":"2026-05-04T20:14:03.250Z","level":"info","event":"member.alive","msg":"a\n\"b\"\\ \u001b[2J \u202e","#
        + #""peer":"pay-1"}"# + "\n")
    struct Object: Decodable { var msg: String }
    #expect(JSONLine.decode(Object.self, from: text.utf8)?.msg == "a\n\"b\"\\ \u{1b}[2J \u{202e}")
  }

  @Test(
    "nothing from outside steers a terminal or makes a second line",
    arguments: [0x0a, 0x0d, 0x1b, 0x7f, 0x9b, 0x2028, 0x202e, 0x2066])
  func controlCharacters(value: UInt32) throws {
    let scalar = try #require(Unicode.Scalar(value))
    for form in [LogLine.Form.text(colour: false), .logfmt, .json] {
      let text = line(form, .notice, "a\(scalar)b", [("k", "x\(scalar)")])
      #expect(!text.dropLast().unicodeScalars.contains(scalar), "\(form)")
      #expect(text.split(separator: "\n").count == 1)
    }
  }

  @Test("a line stays below what a pipe takes in one piece, and JSON stays JSON")
  func limits() {
    let long = String(repeating: "\u{1}ä\"", count: 10_000)
    let metadata = (0..<20).map { ("key\($0)", long) }
    for form in [LogLine.Form.text(colour: true), .logfmt, .json] {
      #expect(line(form, .notice, long, metadata).utf8.count <= LogLine.limit, "\(form)")
    }
    struct Object: Decodable { var msg: String }
    #expect(JSONLine.decode(Object.self, from: line(.json, .notice, long, metadata).utf8) != nil)
  }

  @Test("colour only on a terminal, never against NO_COLOR or TERM=dumb")
  func forms() {
    func form(_ format: LogFormat, terminal: Bool, _ environment: [String: String] = [:]) -> String {
      "\(Telemetry.form(format, isTerminal: terminal) { environment[$0] })"
    }
    #expect(form(.auto, terminal: true) == "text(colour: true)")
    #expect(form(.auto, terminal: false) == "logfmt")
    #expect(form(.text, terminal: false) == "text(colour: false)")
    #expect(form(.auto, terminal: true, ["NO_COLOR": "1"]) == "text(colour: false)")
    #expect(form(.auto, terminal: true, ["TERM": "dumb"]) == "text(colour: false)")
    #expect(form(.json, terminal: true) == "json")
  }

  @Test("one event cannot fill the log: what is left out is counted and said")
  func limiter() {
    var limiter = EventLimiter()
    let second: UInt64 = 1_000_000_000
    var passed = 0
    for _ in 0..<100 where limiter.admit("a", at: second) != nil { passed += 1 }
    #expect(passed == 20)
    #expect(limiter.admit("b", at: second) == 0, "another event has its own bucket")
    #expect(limiter.admit("a", at: 2 * second) == 80)
    #expect(limiter.admit("a", at: 2 * second) == 0)
    #expect(limiter.admit("a", at: 2 * second) == nil)
    for index in 0..<10_000 { _ = limiter.admit("event \(index)", at: second) }
    #expect(limiter.admit("a", at: 9 * second) != nil)
  }

  @Test("a reader that does not read loses lines, not the node")
  func fullPipe() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let output = LogOutput(descriptor: ends[1], form: .logfmt)
    // Far more than a pipe holds; each its own event, so that the rate limit does not help.
    for index in 0..<200 {
      output.write(
        level: .info, message: String(repeating: "x", count: 2_000), metadata: [("event", "e\(index)")], at: moment,
        monotonic: 1)
    }
    var drained = 0
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    drained = read(ends[0], &bytes, bytes.count)
    #expect(drained > 30_000)
    output.write(level: .info, message: "again", metadata: [("event", "last")], at: moment, monotonic: 1)
    let count = read(ends[0], &bytes, bytes.count)
    let text = String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    #expect(text.contains("msg=again lost_lines="), "\(text)")
  }
}
