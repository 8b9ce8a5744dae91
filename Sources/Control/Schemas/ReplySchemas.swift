/// The kinds of objects that `--json` prints, each with the commands that print it, and their JSON Schema.
package struct ReplySchema: Sendable {
  package let name: String
  /// Commands of `mesh-ctl`, without its name.
  package let commands: [String]
  package let shape: Shape?

  package init(_ type: any Reply.Type, _ commands: String...) {
    name = type.schemaName
    self.commands = commands
    shape = Shape(of: type)
  }

  /// Of this room; commands that print others add theirs.
  package static var all: [ReplySchema] {
    [
      ReplySchema(StatusReply.self, "status"), ReplySchema(MembersReply.self, "members"),
      ReplySchema(EventsReply.self, "events"), ReplySchema(DoctorReply.self, "doctor"),
      ReplySchema(NetworkReply.self, "network create"), ReplySchema(InitReply.self, "init"),
      ReplySchema(AdmitReply.self, "admit"), ReplySchema(AcceptReply.self, "accept"),
      ReplySchema(KeyReply.self, "key"), ReplySchema(CertificatesReply.self), ReplySchema(RenewReply.self, "renew"),
      ReplySchema(RevokeReply.self, "revoke"), ReplySchema(LeaveReply.self, "leave"),
      ReplySchema(ReloadReply.self, "reload"), ReplySchema(AuditReply.self, "audit show"),
      ReplySchema(AuditCheckReply.self, "audit verify"), ReplySchema(ConfigCheckReply.self, "config check"),
      ReplySchema(ConfigReply.self, "config show"), ReplySchema(ExplanationReply.self, "explain", "config explain"),
      ReplySchema(VersionReply.self, "version"), ReplySchema(SchemasReply.self, "schema"),
      ReplySchema(RingReply.self, "ring"), ReplySchema(MapsReply.self, "maps"),
      ReplySchema(PlacementReply.self, "map", "explain MAP"), ReplySchema(DrainReply.self, "drain", "undrain"),
      ReplySchema(PinReply.self, "pin", "unpin"), ReplySchema(StateReply.self, "state get"),
      ReplySchema(StateWriteReply.self, "state put", "state delete"), ReplySchema(StateListReply.self, "state list"),
      ReplySchema(StateChangeReply.self, "state watch"), ReplySchema(StateHistoryReply.self, "state history"),
      ReplySchema(StateRestoreReply.self, "state restore"),
      ReplySchema(WorldReply.self, "world show", "world history"), ReplySchema(WorldDocumentReply.self),
      ReplySchema(WorldChangeReply.self, "world publish", "world activate"),
      ReplySchema(WorldFileReply.self, "world show FILE"), ReplySchema(WorldDiffReply.self, "world diff"),
      ReplySchema(VotersReply.self, "voters", "voters set"),
      ReplySchema(TakeoverReply.self, "takeover"),
      ReplySchema(Fault.self, "every command that fails"),
    ]
  }

  /// JSON Schema, draft 2020-12.
  package var document: String {
    var lines = ["{", "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",", "  \"$id\": \"\(name)\","]
    lines += (shape ?? .object([])).lines(name).dropFirst()
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Shape {
  /// A JSON object, a line each; `name` is what the field `schema` of a reply has to be.
  fileprivate func lines(_ name: String? = nil) -> [String] {
    switch self {
    case .object(let fields):
      var lines = ["{", "  \"type\": \"object\",", "  \"properties\": {"]
      for (index, field) in fields.enumerated() {
        var inner = field.shape.lines()
        if let name, field.name == "schema" { inner = ["{ \"const\": \"\(name)\" }"] }
        inner[0] = "\"\(field.name)\": " + inner[0]
        if index < fields.count - 1 { inner[inner.count - 1] += "," }
        lines += inner.map { "    " + $0 }
      }
      let required = fields.filter { !$0.isOptional }.map { "\"\($0.name)\"" }.joined(separator: ", ")
      return lines + ["  },", "  \"required\": [\(required)]", "}"]
    case .list(let element):
      var inner = element.lines()
      inner[0] = "\"items\": " + inner[0]
      return ["{", "  \"type\": \"array\","] + inner.map { "  " + $0 } + ["}"]
    case .text(let words) where words.isEmpty: return ["{ \"type\": \"string\" }"]
    case .text(let words):
      return ["{ \"enum\": [\(words.map { "\"\($0)\"" }.joined(separator: ", "))] }"]
    case .moment: return ["{ \"type\": \"string\", \"format\": \"date-time\" }"]
    case .integer(true): return ["{ \"type\": \"integer\" }"]
    case .integer(false): return ["{ \"type\": \"integer\", \"minimum\": 0 }"]
    case .number: return ["{ \"type\": \"number\" }"]
    case .truth: return ["{ \"type\": \"boolean\" }"]
    }
  }
}

/// `mesh-ctl schema`
package struct SchemasReply: Reply, Hashable {
  package static let schemaName = "mesh.schemas/1"
  package var schema = SchemasReply.schemaName
  package var schemas: [Entry]

  package struct Entry: Codable, Hashable, Sendable {
    package var name: String
    package var commands: [String]
  }

  package init(_ schemas: [ReplySchema]) {
    self.schemas = schemas.map { Entry(name: $0.name, commands: $0.commands) }
  }

  /// Tab-separated: name, commands.
  package var plain: String {
    schemas.map { "\($0.name)\t\($0.commands.isEmpty ? "-" : $0.commands.joined(separator: ", "))\n" }.joined()
  }

  package func text(for terminal: Terminal) -> String {
    var table = Table(columns: [.init(title: "SCHEMA"), .init(title: "COMMAND")])
    table.rows = schemas.map { [.init($0.name), .init($0.commands.joined(separator: ", "))] }
    return table.text(for: terminal)
  }
}
