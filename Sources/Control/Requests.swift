import FoundationEssentials

/// What `mesh-ctl` and the client library ask of a node. One JSON object on one line:
/// `{"control":1,"request":"events","follow":true}`. Answers are in `Replies`; a refusal is a `Fault`.
///
/// A connection may carry any number of requests one after the other. `events` with `follow` and `leave` are answered
/// by several lines; everything else by exactly one.
package enum ControlRequest: Hashable, Sendable {
  /// -> `StatusReply`
  case status
  /// -> `MembersReply` (all members; filters are applied where they are shown)
  case members
  /// -> `EventsReply`, and with `follow` another one for each later event until either side closes
  case events(EventsQuery)
  /// The checks that need the node's sockets and peers. Empty = all of them. -> `DoctorReply`
  case doctor(checks: [String])
  /// -> `LeaveReply` with state `leaving`, then one with `left`, then the node closes the connection and ends
  case leave
  /// The operator's signed revocation, to be adopted and gossiped, and words for the audit log (at most
  /// `reasonLimit` characters). -> `RevokeReply`
  case revoke(revocation: [UInt8], reason: String)
  /// The configuration is read again; what can change at once does. -> `ReloadReply`
  case reload
  /// The certificates that are known of some hosts (host ids or names; empty = of all). -> `CertificatesReply`
  case certificates(of: [String])
  /// Renewed certificates, each to be carried to its host as a transfer. -> `RenewReply`
  case renew(certificates: [[UInt8]])
  /// What stands in `ShardRequests.swift`.
  case shards(ShardRequest)
  /// What a node has of worlds; see `WorldRequest`.
  case world(WorldRequest)
  /// The operator's words about voters and lost shards; see `OperatorRequest`.
  case word(OperatorRequest)

  /// Raised when an old node would misunderstand a request. Additions do not raise it.
  package static let version = 1
  /// Longest request line in bytes, without its line feed: a value of 128 KiB in base64url, and its key.
  package static let lineLimit = 256 << 10
  /// Longest reason in characters.
  package static let reasonLimit = 200
  /// Most entries of a list in a request.
  package static let listLimit = 128

  /// Whether it changes something: such requests need the node's own user, root or the admin group, and are audited.
  package var changesSomething: Bool {
    switch self {
    case .status, .members, .events, .doctor, .certificates: false
    case .leave, .revoke, .reload, .renew: true
    case .shards(let request): request.changesSomething
    case .world(let request): request.changesSomething
    case .word(let request): request.changesSomething
    }
  }

  /// The word of the `request` field.
  package var verb: String {
    switch self {
    case .status: "status"
    case .members: "members"
    case .events: "events"
    case .doctor: "doctor"
    case .leave: "leave"
    case .revoke: "revoke"
    case .reload: "reload"
    case .certificates: "certificates"
    case .renew: "renew"
    case .shards(let request): request.verb
    case .world(let request): request.verb
    case .word(let request): request.verb
    }
  }
}

/// Which events are wanted.
package struct EventsQuery: Hashable, Sendable {
  /// Only events at or after this moment.
  package var since: Timestamp?
  /// At most so many of the past, the latest ones; 1...`limitMaximum`.
  package var limit: Int
  /// Go on with every later event.
  package var follow: Bool

  /// As many as a node keeps.
  package static let limitMaximum = 4_096
  package static let limitDefault = 200

  package init(since: Timestamp? = nil, limit: Int = EventsQuery.limitDefault, follow: Bool = false) {
    self.since = since
    self.limit = min(max(limit, 1), EventsQuery.limitMaximum)
    self.follow = follow
  }
}

extension ControlRequest {
  /// The JSON form: one flat object; which fields a verb reads is told by the cases above.
  private struct Form: Codable {
    var control: Int
    var request: String
    var since: Timestamp?
    var limit: Int?
    var follow: Bool?
    var checks: [String]?
    var hosts: [String]?
    /// base64url without padding
    var revocation: String?
    var reason: String?
    var certificates: [String]?
    var version: UInt64?
    /// An absolute path.
    var file: String?
  }

  /// The fields of a request of another file stand beside `control` and `request`, not inside an object of their own.
  private struct FlatForm<Fields: Encodable>: Encodable {
    var control: Int
    var request: String
    var fields: Fields

    private enum Key: String, CodingKey { case control, request }

    func encode(to encoder: any Encoder) throws {
      try fields.encode(to: encoder)
      var container = encoder.container(keyedBy: Key.self)
      try container.encode(control, forKey: .control)
      try container.encode(request, forKey: .request)
    }
  }

  /// The request as one line, line feed included.
  package func line() -> [UInt8] {
    var form = Form(control: ControlRequest.version, request: verb)
    switch self {
    case .status, .members, .leave, .reload: break
    case .events(let query):
      form.since = query.since
      form.limit = query.limit
      form.follow = query.follow
    case .doctor(let checks): form.checks = checks
    case .revoke(let revocation, let reason):
      form.revocation = Base64URL.encode(revocation)
      form.reason = reason
    case .certificates(let hosts): form.hosts = hosts
    case .renew(let certificates): form.certificates = certificates.map(Base64URL.encode)
    case .shards(let request):
      return JSONLine.encode(FlatForm(control: form.control, request: form.request, fields: request.form))
    case .word(let request):
      return JSONLine.encode(FlatForm(control: form.control, request: form.request, fields: request.form))
    case .world(let request):
      form.version = request.version
      form.file = request.file
    }
    return JSONLine.encode(form)
  }

  /// Reads one line without its line feed. Unknown fields are ignored, so a newer client may say more.
  package init(line: some Collection<UInt8>) throws(Fault) {
    guard line.count <= ControlRequest.lineLimit else {
      throw Fault(.badRequest, ["reason": "longer than \(ControlRequest.lineLimit) bytes"])
    }
    // Fields are named as they stand in the line, so that no name has to be converted: writers of state ask often.
    guard let read = try? JSONDecoder().decode(Line.self, from: Data(line)) else {
      throw Fault(.badRequest, ["reason": "not a JSON object with `control` and `request`"])
    }
    self = try read.request.get()
  }

  /// One line, parsed once: which fields are looked for depends on its verb.
  private struct Line: Decodable {
    let request: Result<ControlRequest, Fault>

    private struct Head: Decodable {
      var control: Int
      var request: String
    }

    init(from decoder: any Decoder) throws {
      let head = try Head(from: decoder)
      do {
        request = .success(try Line.request(head, decoder))
      } catch let fault as Fault {
        request = .failure(fault)
      } catch {
        let verb = head.request.printable(limit: 32)
        request = .failure(Fault(.badRequest, ["reason": "a field of `\(verb)` is not of its type"]))
      }
    }

    private static func request(_ head: Head, _ decoder: any Decoder) throws -> ControlRequest {
      guard head.control == ControlRequest.version else {
        throw Fault(.controlVersion, ["theirs": "\(head.control)", "ours": "\(ControlRequest.version)"])
      }
      // Only the verb's own fields are looked at: what another one calls by the same name is none of its business.
      if ShardRequest.verbs.contains(head.request),
        let request = try ShardRequest(verb: head.request, try ShardRequest.Form(from: decoder))
      {
        return .shards(request)
      }
      let form = try Form(from: decoder)
      if let request = try ControlRequest(verb: head.request, form) { return request }
      if let request = try OperatorRequest(verb: head.request, try OperatorRequest.Form(from: decoder)) {
        return .word(request)
      }
      if let request = try WorldRequest(verb: head.request, version: form.version, file: form.file) {
        return .world(request)
      }
      throw Fault(.badRequest, ["reason": "no request is called `\(head.request.printable(limit: 32))`"])
    }
  }

  /// The verbs of this file; `nil` for another.
  private init?(verb: String, _ form: Form) throws(Fault) {
    switch verb {
    case "status": self = .status
    case "members": self = .members
    case "events":
      self = .events(
        EventsQuery(
          since: form.since, limit: form.limit ?? EventsQuery.limitDefault, follow: form.follow ?? false))
    case "doctor": self = .doctor(checks: try ControlRequest.bounded(form.checks ?? []))
    case "leave": self = .leave
    case "revoke":
      guard let text = form.revocation, let bytes = Base64URL.decode(text) else {
        throw Fault(.badRequest, ["reason": "`revocation` is missing or is not base64url"])
      }
      self = .revoke(revocation: bytes, reason: (form.reason ?? "").printable(limit: ControlRequest.reasonLimit))
    case "reload": self = .reload
    case "certificates": self = .certificates(of: try ControlRequest.bounded(form.hosts ?? []))
    case "renew":
      var certificates: [[UInt8]] = []
      for text in try ControlRequest.bounded(form.certificates ?? []) {
        guard let bytes = Base64URL.decode(text) else {
          throw Fault(.badRequest, ["reason": "a certificate is not base64url"])
        }
        certificates.append(bytes)
      }
      guard !certificates.isEmpty else { throw Fault(.badRequest, ["reason": "`certificates` is empty"]) }
      self = .renew(certificates: certificates)
    default: return nil
    }
  }

  private static func bounded(_ list: [String]) throws(Fault) -> [String] {
    guard list.count <= listLimit else {
      throw Fault(.badRequest, ["reason": "a list has more than \(listLimit) entries"])
    }
    return list
  }
}
