import Control
import Foundation
import Testing

/// Schemas are read off the types; here what the types really write is held against them.
struct SchemasTests {
  /// As much of JSON Schema as the documents use. What is wrong, or nothing.
  private static func fault(of value: Any, against schema: [String: Any], at place: String = "") -> String? {
    if let constant = schema["const"] as? String {
      return value as? String == constant ? nil : "\(place) is not \(constant)"
    }
    if let words = schema["enum"] as? [String] {
      return (value as? String).map(words.contains) == true ? nil : "\(place) is \(value), not one of \(words)"
    }
    switch schema["type"] as? String {
    case "object":
      guard let object = value as? [String: Any], let properties = schema["properties"] as? [String: [String: Any]],
        let required = schema["required"] as? [String]
      else { return "\(place) is no object" }
      if let missing = required.first(where: { object[$0] == nil }) { return "\(place).\(missing) is missing" }
      for (name, inner) in object {
        guard let schema = properties[name] else { return "\(place).\(name) is not in the schema" }
        if let fault = fault(of: inner, against: schema, at: "\(place).\(name)") { return fault }
      }
      return nil
    case "array":
      guard let list = value as? [Any], let items = schema["items"] as? [String: Any] else {
        return "\(place): no list"
      }
      return list.lazy.compactMap { fault(of: $0, against: items, at: place + "[]") }.first
    case "string":
      guard let text = value as? String else { return "\(place) is no text" }
      return schema["format"] == nil || Timestamp(text) != nil ? nil : "\(place) is no moment"
    case "integer", "number":
      guard let number = value as? NSNumber else { return "\(place) is no number" }
      return (schema["minimum"] as? Int).map { number.doubleValue >= Double($0) } ?? true ? nil : "\(place) < minimum"
    case "boolean": return value is Bool ? nil : "\(place) is neither true nor false"
    default: return "\(place): a schema without a type"
    }
  }

  private static func document(_ schema: ReplySchema) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(schema.document.utf8)) as? [String: Any])
  }

  private func fault(of reply: some Reply) throws -> String? {
    let schema = try #require(ReplySchema.all.first { $0.name == reply.schema })
    let value = try JSONSerialization.jsonObject(with: Data(reply.line()))
    return SchemasTests.fault(of: value, against: try SchemasTests.document(schema))
  }

  @Test func everySchemaCanBeReadOffItsType() throws {
    #expect(Set(ReplySchema.all.map(\.name)).count == ReplySchema.all.count)
    for schema in ReplySchema.all {
      guard case .object(let fields)? = schema.shape else {
        Issue.record("\(schema.name) has no shape")
        continue
      }
      #expect(fields.first?.name == "schema" && fields.count > 1, "\(schema.name)")
      let document = try SchemasTests.document(schema)
      #expect(document["$id"] as? String == schema.name)
    }
  }

  @Test func whatIsWrittenKeepsToTheSchema() throws {
    #expect(try fault(of: Samples.degraded) == nil)
    #expect(try fault(of: Samples.joining) == nil)
    #expect(try fault(of: Samples.members) == nil)
    #expect(try fault(of: Samples.events) == nil)
    #expect(try fault(of: Samples.doctor) == nil)
    #expect(try fault(of: Samples.audit) == nil)
    #expect(try fault(of: Samples.fault) == nil)
    #expect(try fault(of: ExplanationReply(.hostDead)) == nil)
    #expect(try fault(of: SchemasReply(ReplySchema.all)) == nil)
    #expect(try fault(of: ShardSamples.status) == nil)
    #expect(try fault(of: ShardSamples.ring) == nil && fault(of: ShardSamples.ringElsewhere) == nil)
    #expect(try fault(of: ShardSamples.maps) == nil)
    #expect(try fault(of: ShardSamples.placement) == nil && fault(of: ShardSamples.unowned) == nil)
    #expect(try fault(of: ShardSamples.drain(3, 5)) == nil)
    #expect(try fault(of: ShardSamples.pin) == nil && fault(of: ShardSamples.value) == nil)
    #expect(try fault(of: ShardSamples.list) == nil)
    #expect(try fault(of: ShardSamples.voters) == nil && fault(of: ShardSamples.leftOver) == nil)
    #expect(try fault(of: ShardSamples.history) == nil && fault(of: ShardSamples.restore(7, done: true)) == nil)
    #expect(try ShardSamples.changes.allSatisfy { try fault(of: $0) == nil })
    #expect(try fault(of: StateWriteReply(shard: "prt", epoch: 3, sequence: 17)) == nil)
    #expect(
      try fault(of: RenewReply(at: Samples.now, results: [.init(host: Samples.gef2, state: .failed, reason: "dead")]))
        == nil)
  }

  /// The check itself can fail.
  @Test func whatDiffersIsFound() throws {
    let schema = try SchemasTests.document(try #require(ReplySchema.all.first { $0.name == "mesh.events/1" }))
    let line = String(decoding: Samples.events.line(), as: UTF8.self)
    for (from, to) in [
      ("\"missed\":3", "\"missed\":\"3\""), ("\"missed\":3", "\"lost\":3"),
      ("\"health\":\"degraded\"", "\"health\":\"bad\""),
      ("\"at\":\"2026", "\"at\":\"x2026"), ("mesh.events/1", "mesh.events/2"), ("\"sequence\":17", "\"sequence\":-17"),
      ("\"subject\":{", "\"subject\":{\"new\":1,"),
    ] {
      let changed = line.replacing(from, with: to, maxReplacements: 1)
      #expect(changed != line, "\(from)")
      let value = try JSONSerialization.jsonObject(with: Data(changed.utf8))
      #expect(SchemasTests.fault(of: value, against: schema) != nil, "\(to)")
    }
  }
}

struct ManualPageTests {
  private static let help = """
    OVERVIEW: Looks at things.

    Exit code 4 when it's bad.

      .dotted example
      mesh-x look --far \\ away

    USAGE: x

    ARGUMENTS:
      <thing>                 What to look at: a
                              long text.

    OPTIONS:
      -f, --far               From afar.
      --name <a|b|c|d|e|f|g|h> Just one blank before.
      --known                 Everybody has this.

    SUBCOMMANDS:
      other                   Not here.
    """

  @Test func helpBecomesAPage() {
    var page = ManualPage(program: "mesh-x", section: 1, abstract: "A thing.", synopsis: "[options]")
    page.heading("OPTIONS")
    page.options(help: "OPTIONS:\n  --known                 Everybody has this.\n")
    page.command("mesh-x look", help: ManualPageTests.help)
    let expected = """
      .SH SYNOPSIS
      .B mesh-x
      [options]
      .SH OPTIONS
      .TP
      \\fB\\-\\-known\\fR
      Everybody has this.
      .SS mesh\\-x look
      Looks at things.
      .PP
      Exit code 4 when it's bad.
      .PP
      .nf
        .dotted example
        mesh\\-x look \\-\\-far \\e away
      .fi
      .TP
      \\fB<thing>\\fR
      What to look at: a long text.
      .TP
      \\fB\\-f, \\-\\-far\\fR
      From afar.
      .TP
      \\fB\\-\\-name <a|b|c|d|e|f|g|h>\\fR
      Just one blank before.

      """
    #expect(page.text.hasSuffix(expected), "\(page.text)")
    #expect(page.text.hasPrefix(".TH \"MESH-X\" \"1\""))
  }

  @Test func aControlCharacterOfRoffBeginsNoLine() {
    var page = ManualPage(program: "mesh-x", section: 1, abstract: "A thing.", synopsis: "")
    page.paragraph(".so /etc/passwd")
    page.paragraph("'quoted'")
    #expect(page.text.contains("\n\\&.so") && page.text.contains("\n\\&'quoted'"))
  }
}

/// The programs themselves.
@Suite(.serialized)
struct ManualsTests {
  @Test func everyCommandIsInTheManual() async throws {
    let manual = try await Program.run(["manual"])
    #expect(manual.code == 0 && manual.errors.isEmpty)
    let text = manual.output.replacing("\\-", with: "-")
    for command in [
      "status", "doctor", "network create", "audit verify", "schema", "lab run", "ring", "explain", "drain",
      "state put",
    ] {
      #expect(text.contains("\n.SS mesh-ctl \(command)\n"), "\(command)")
    }
    #expect(text.components(separatedBy: "\\fB--json\\fR").count == 2, "options of all commands are told once")
  }

  @Test func schemasAreListedAndPrinted() async throws {
    let list = try await Program.run(["schema", "--json"])
    let reply = try #require(JSONLine.decode(SchemasReply.self, from: Array(list.output.utf8)))
    #expect(reply.schemas.count == ReplySchema.all.count + 1, "this room's and the lab's")
    for name in ["mesh.members/1", "members"] {
      let outcome = try await Program.run(["schema", name])
      #expect(outcome.output == ReplySchema.all.first { $0.name == "mesh.members/1" }?.document)
    }
    let wrong = try await Program.run(["schema", "mesh.nothing/1"])
    #expect(wrong.code == 64 && wrong.errors.contains("M060"))
  }

  /// On a terminal of 24 lines.
  @Test func longTextGoesThroughThePager() async throws {
    func run(_ words: [String], pager: String?) async throws -> String {
      var environment = ["TERM": "xterm", "NO_COLOR": "1", "PATH": "/usr/bin:/bin"]
      environment["MESH_PAGER"] = pager
      return try await Program.runOnTerminal(words, environment: environment).output
    }
    let pager = "sed 's/^/| /'"
    #expect(try await run(["schema", "members"], pager: pager).hasPrefix("| {"))
    for other in ["", "cat", "no-such-program-anywhere"] {
      #expect(try await run(["schema", "members"], pager: other).contains("\n  \"$schema\""), "\(other)")
    }
    #expect(try await run(["schema", "members", "--no-pager"], pager: pager).hasPrefix("{"))
    #expect(try await run(["version"], pager: pager).hasPrefix("mesh-ctl "), "short")
    let piped = try await Program.run(
      ["schema", "members"], environment: ["MESH_PAGER": pager, "PATH": "/usr/bin:/bin"])
    #expect(piped.output.hasPrefix("{"))
  }
}
