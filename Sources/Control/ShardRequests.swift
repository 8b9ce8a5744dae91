/// What may be asked about shards and their state. The verbs stand in the `request` field like all others.
package enum ShardRequest: Hashable, Sendable {
  /// Hosts with weight, share, load, shards and copies. -> `RingReply`
  case ring
  /// Every map with its shard and who owns it. -> `MapsReply`
  case maps
  /// Why a map is where it is: ranks, scores, loads, moves. -> `PlacementReply`
  case explain(map: String)
  /// One key of a shard's state. Only the shard's owner answers. -> `StateReply`
  case get(shard: String, key: [UInt8])
  /// -> `StateWriteReply`, once the write is acknowledged in its class
  case write(StateWrite)
  /// Keys in their order, at most `limit`, after `after`. -> `StateListReply`
  case list(shard: String, prefix: [UInt8], after: [UInt8]?, limit: Int)
  /// Every committed change under a prefix from now on. -> `StateChangeReply`, one a line
  case watch(shard: String, prefix: [UInt8])
  /// The snapshots that this host has of a shard. -> `StateHistoryReply`
  case history(shard: String)
  /// -> `StateRestoreReply`; only the shard's owner answers
  case restore(StateRestore)
  /// Moves everything away from a host (`nil`: this one) and keeps it empty. -> `DrainReply`, one a second until done
  case drain(host: String?)
  case undrain(host: String?)
  /// Keeps the shard of a map on a host, as long as that host can own it. -> `PinReply`
  case pin(map: String, host: String)
  case unpin(map: String)

  /// Most keys of one answer.
  package static let listLimit = 1_000

  package var changesSomething: Bool {
    switch self {
    case .ring, .maps, .explain, .get, .list, .watch, .history: false
    case .restore(let restore): restore.plan != nil
    case .write, .drain, .undrain, .pin, .unpin: true
    }
  }

  /// Writes to a shard's state: its log remembers them, the audit log does not.
  package var isState: Bool {
    if case .write = self { true } else { false }
  }

  package var verb: String {
    switch self {
    case .ring: "ring"
    case .maps: "maps"
    case .explain: "explain"
    case .get: "state.get"
    case .write(let write): write.value == nil ? "state.delete" : "state.put"
    case .list: "state.list"
    case .watch: "state.watch"
    case .history: "state.history"
    case .restore: "state.restore"
    case .drain: "drain"
    case .undrain: "undrain"
    case .pin: "pin"
    case .unpin: "unpin"
    }
  }
}

/// A change of one key.
package struct StateWrite: Hashable, Sendable {
  /// What an acknowledgement means (`docs/replication.md`).
  package enum Durability: String, Codable, Sendable, CaseIterable {
    case critical, normal, volatile
  }

  package var shard: String
  package var key: [UInt8]
  /// `nil`: the key goes.
  package var value: [UInt8]?
  package var durability: Durability
  /// The sequence that the key must have now (0: it must not be there); `nil`: whatever.
  package var expected: UInt64?
  /// Names who asks, so that a repetition after a failover is applied once; 0: nobody who repeats.
  package var client: UInt64
  /// Rises with each write of that client.
  package var clientSequence: UInt64

  package init(
    shard: String, key: [UInt8], value: [UInt8]?, durability: Durability = .critical, expected: UInt64? = nil,
    client: UInt64 = 0, clientSequence: UInt64 = 0
  ) {
    self.shard = shard
    self.key = key
    self.value = value
    self.durability = durability
    self.expected = expected
    self.client = client
    self.clientSequence = clientSequence
  }
}

/// Going back to an earlier state of a shard.
package struct StateRestore: Hashable, Sendable {
  package var shard: String
  /// Number of the snapshot, on the owner's host.
  package var snapshot: UInt64
  /// The plan that is to be carried out, as the node named it; `nil`: it is only to be shown.
  package var plan: String?
  /// For the audit log; at most `ControlRequest.reasonLimit` characters.
  package var reason: String

  package init(shard: String, snapshot: UInt64, plan: String? = nil, reason: String = "") {
    self.shard = shard
    self.snapshot = snapshot
    self.plan = plan
    self.reason = reason
  }
}

/// Keys and values in JSON: as text where they are UTF-8, otherwise as base64url under a name of its own.
package struct StateBytes: Codable, Hashable, Sendable {
  package var text: String?
  package var base64url: String?

  package init(_ bytes: [UInt8]) {
    if let text = String(validating: bytes, as: UTF8.self) {
      self.text = text
    } else {
      base64url = Base64URL.encode(bytes)
    }
  }

  /// `nil` when neither form is there, both are, or it does not decode.
  package var bytes: [UInt8]? {
    switch (text, base64url) {
    case (let text?, nil): Array(text.utf8)
    case (nil, let encoded?): Base64URL.decode(encoded)
    default: nil
    }
  }

  /// For people: printable text, or base64url.
  package var shown: String { text?.printable() ?? base64url ?? "" }
}

extension ShardRequest {
  /// The fields that these verbs read beside `control` and `request`.
  struct Form: Codable {
    var map: String?
    var shard: String?
    var host: String?
    var key: StateBytes?
    var value: StateBytes?
    var prefix: StateBytes?
    var after: StateBytes?
    var limit: Int?
    var durability: StateWrite.Durability?
    var expected: UInt64?
    var client: UInt64?
    var clientSequence: UInt64?
    var snapshot: UInt64?
    var plan: String?
    var reason: String?

    /// As they stand in the line; names in snake case stay what they are when they are converted to it.
    private enum CodingKeys: String, CodingKey {
      case map, shard, host, key, value, prefix, after, limit, durability, expected, client
      case clientSequence = "client_sequence"
      case snapshot, plan, reason
    }
  }

  var form: Form {
    var form = Form()
    switch self {
    case .ring, .maps: break
    case .explain(let map), .unpin(let map): form.map = map
    case .get(let shard, let key):
      form.shard = shard
      form.key = StateBytes(key)
    case .write(let write):
      form.shard = write.shard
      form.key = StateBytes(write.key)
      form.value = write.value.map(StateBytes.init)
      form.durability = write.durability
      form.expected = write.expected
      form.client = write.client
      form.clientSequence = write.clientSequence
    case .list(let shard, let prefix, let after, let limit):
      form.shard = shard
      form.prefix = StateBytes(prefix)
      form.after = after.map(StateBytes.init)
      form.limit = limit
    case .watch(let shard, let prefix):
      form.shard = shard
      form.prefix = StateBytes(prefix)
    case .history(let shard): form.shard = shard
    case .restore(let restore):
      form.shard = restore.shard
      form.snapshot = restore.snapshot
      form.plan = restore.plan
      form.reason = restore.reason.isEmpty ? nil : restore.reason
    case .drain(let host), .undrain(let host): form.host = host
    case .pin(let map, let host):
      form.map = map
      form.host = host
    }
    return form
  }

  static let verbs: Set = [
    "ring", "maps", "explain", "state.get", "state.put", "state.delete", "state.list", "state.watch", "state.history",
    "state.restore", "drain", "undrain", "pin", "unpin",
  ]

  /// `nil` when the verb is none of these.
  init?(verb: String, _ form: Form) throws(Fault) {
    switch verb {
    case "ring": self = .ring
    case "maps": self = .maps
    case "explain": self = .explain(map: try ShardRequest.need(form.map, "map"))
    case "state.get":
      self = .get(shard: try ShardRequest.need(form.shard, "shard"), key: try ShardRequest.bytes(form.key, "key"))
    case "state.put", "state.delete":
      self = .write(
        StateWrite(
          shard: try ShardRequest.need(form.shard, "shard"), key: try ShardRequest.bytes(form.key, "key"),
          value: verb == "state.delete" ? nil : try ShardRequest.bytes(form.value, "value"),
          durability: form.durability ?? .critical, expected: form.expected, client: form.client ?? 0,
          clientSequence: form.clientSequence ?? 0))
    case "state.list":
      self = .list(
        shard: try ShardRequest.need(form.shard, "shard"),
        prefix: try ShardRequest.optionalBytes(form.prefix, "prefix") ?? [],
        after: try ShardRequest.optionalBytes(form.after, "after"),
        limit: min(max(form.limit ?? ShardRequest.listLimit, 1), ShardRequest.listLimit))
    case "state.watch":
      self = .watch(
        shard: try ShardRequest.need(form.shard, "shard"),
        prefix: try ShardRequest.optionalBytes(form.prefix, "prefix") ?? [])
    case "state.history": self = .history(shard: try ShardRequest.need(form.shard, "shard"))
    case "state.restore":
      guard let snapshot = form.snapshot else { throw Fault(.badRequest, ["reason": "`snapshot` is missing"]) }
      self = .restore(
        StateRestore(
          shard: try ShardRequest.need(form.shard, "shard"), snapshot: snapshot,
          plan: try form.plan.map { plan throws(Fault) in try ShardRequest.need(plan, "plan") },
          reason: (form.reason ?? "").printable(limit: ControlRequest.reasonLimit)))
    case "drain": self = .drain(host: form.host)
    case "undrain": self = .undrain(host: form.host)
    case "pin":
      self = .pin(map: try ShardRequest.need(form.map, "map"), host: try ShardRequest.need(form.host, "host"))
    case "unpin": self = .unpin(map: try ShardRequest.need(form.map, "map"))
    default: return nil
    }
  }

  private static func need(_ text: String?, _ name: String) throws(Fault) -> String {
    guard let text, !text.isEmpty, text.utf8.count <= 256 else {
      throw Fault(.badRequest, ["reason": "`\(name)` is missing or too long"])
    }
    return text
  }

  private static func bytes(_ field: StateBytes?, _ name: String) throws(Fault) -> [UInt8] {
    guard let bytes = try optionalBytes(field, name) else {
      throw Fault(.badRequest, ["reason": "`\(name)` is missing"])
    }
    return bytes
  }

  private static func optionalBytes(_ field: StateBytes?, _ name: String) throws(Fault) -> [UInt8]? {
    guard let field else { return nil }
    guard let bytes = field.bytes else {
      throw Fault(.badRequest, ["reason": "`\(name)` needs `text` or `base64url`"])
    }
    return bytes
  }
}
