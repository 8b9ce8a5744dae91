/// The operator's words about voters and about shards that the rules alone would not bring back. The verb is the `request`
/// field; what is signed is base64url in `signed`.
package enum OperatorRequest: Hashable, Sendable {
  /// The set of voters, and how far it is in force. -> `VotersReply`
  case voters
  /// The next set of voters, signed by the operator. -> `VotersReply`
  case adoptVoters(signed: [UInt8], reason: String)
  /// What every host within reach has of the shard of a map. -> `TakeoverReply`, after about a second
  case takeover(map: String)
  /// The operator's signed order that a host takes the shard, whatever is lost. -> `TakeoverReply` when it has
  case takeUncleanly(map: String, signed: [UInt8], reason: String)

  package var changesSomething: Bool {
    switch self {
    case .voters, .takeover: false
    case .adoptVoters, .takeUncleanly: true
    }
  }

  package var verb: String {
    switch self {
    case .voters: "voters"
    case .adoptVoters: "voters-adopt"
    case .takeover: "takeover"
    case .takeUncleanly: "takeover-unclean"
    }
  }

  /// Why, in the words of whoever asked; for the audit log.
  package var reason: String? {
    switch self {
    case .adoptVoters(_, let reason), .takeUncleanly(_, _, let reason): reason.isEmpty ? nil : reason
    case .voters, .takeover: nil
    }
  }
}

extension OperatorRequest {
  /// The fields that these verbs read beside `control` and `request`.
  struct Form: Codable {
    var map: String?
    var signed: String?
    var reason: String?
  }

  var form: Form {
    var form = Form()
    switch self {
    case .voters: break
    case .adoptVoters(let signed, let reason):
      form.signed = Base64URL.encode(signed)
      form.reason = reason
    case .takeover(let map): form.map = map
    case .takeUncleanly(let map, let signed, let reason):
      form.map = map
      form.signed = Base64URL.encode(signed)
      form.reason = reason
    }
    return form
  }

  /// `nil` when the verb is none of these.
  init?(verb: String, _ form: Form) throws(Fault) {
    switch verb {
    case "voters": self = .voters
    case "voters-adopt":
      self = .adoptVoters(signed: try OperatorRequest.signed(form), reason: OperatorRequest.words(form))
    case "takeover": self = .takeover(map: try OperatorRequest.map(form))
    case "takeover-unclean":
      self = .takeUncleanly(
        map: try OperatorRequest.map(form), signed: try OperatorRequest.signed(form),
        reason: OperatorRequest.words(form))
    default: return nil
    }
  }

  private static func map(_ form: Form) throws(Fault) -> String {
    guard let map = form.map, !map.isEmpty, map.utf8.count <= 256 else {
      throw Fault(.badRequest, ["reason": "`map` is missing or too long"])
    }
    return map
  }

  private static func signed(_ form: Form) throws(Fault) -> [UInt8] {
    guard let text = form.signed, let bytes = Base64URL.decode(text) else {
      throw Fault(.badRequest, ["reason": "`signed` is missing or is not base64url"])
    }
    return bytes
  }

  private static func words(_ form: Form) -> String {
    (form.reason ?? "").printable(limit: ControlRequest.reasonLimit)
  }
}
