package struct StatusReply: Reply, Hashable {
  package static let schemaName = "mesh.status/1"
  package var schema = StatusReply.schemaName
  package var at: Timestamp
  package var network: NetworkName
  package var verdict: Verdict
  package var hosts: HostCounts
  package var view: ViewAgreement
  package var own: OwnHost
  /// How the shards of the active world stand; `nil` without one.
  package var shards: ShardCounts?
  /// Worst first, then by code, then by subject.
  package var warnings: [Warning]

  /// The verdict follows from the rest; see `Verdict.init(…)`.
  package init(
    at: Timestamp, network: NetworkName, hosts: HostCounts, view: ViewAgreement, own: OwnHost,
    shards: ShardCounts? = nil, warnings: [Warning]
  ) {
    self.at = at
    self.network = network
    self.hosts = hosts
    self.view = view
    self.own = own
    self.shards = shards
    self.warnings = warnings.sorted(by: Warning.isWorse)
    verdict = Verdict(hosts: hosts, own: own, warnings: self.warnings)
  }
}

/// The one sentence that every screen begins with.
package struct Verdict: Codable, Hashable, Sendable {
  package var health: Health
  /// Without the health word: `5 of 6 hosts alive; gef-2 does not answer …`.
  package var sentence: String

  package init(health: Health, sentence: String) {
    self.health = health
    self.sentence = sentence
  }
}

/// Members by state, this host included.
package struct HostCounts: Codable, Hashable, Sendable {
  package var alive: Int
  package var suspect: Int
  package var dead: Int
  package var left: Int
  package var revoked: Int

  package init(alive: Int = 0, suspect: Int = 0, dead: Int = 0, left: Int = 0, revoked: Int = 0) {
    self.alive = alive
    self.suspect = suspect
    self.dead = dead
    self.left = left
    self.revoked = revoked
  }

  /// Hosts that should be there: who left or was revoked is not missed.
  package var expected: Int { alive + suspect + dead }
}

/// Maps and shards of the active world, as far as this host has heard.
package struct ShardCounts: Codable, Hashable, Sendable {
  package var maps: Int
  /// Maps whose shard has an owner who is there.
  package var mapsOwned: Int
  /// Maps whose owner is there and may not act now.
  package var mapsHeld: Int
  package var shards: Int
  /// Shards with as many in-sync copies as are wanted, and with fewer.
  package var shardsFull: Int
  package var shardsShort: Int
  /// Owned by this host.
  package var mapsHere: Int

  package init(
    maps: Int = 0, mapsOwned: Int = 0, mapsHeld: Int = 0, shards: Int = 0, shardsFull: Int = 0, shardsShort: Int = 0,
    mapsHere: Int = 0
  ) {
    self.maps = maps
    self.mapsOwned = mapsOwned
    self.mapsHeld = mapsHeld
    self.shards = shards
    self.shardsFull = shardsFull
    self.shardsShort = shardsShort
    self.mapsHere = mapsHere
  }

  /// Adds a shard of so many maps.
  package mutating func add(maps count: Int, _ state: ShardState, copies: Int, wanted: Int, isHere: Bool) {
    maps += count
    shards += 1
    if state != .unowned { mapsOwned += count }
    if state == .held { mapsHeld += count }
    if isHere { mapsHere += count }
    if copies >= wanted { shardsFull += 1 } else { shardsShort += 1 }
  }

  /// What a person should worry about.
  package var warnings: [Warning] {
    var warnings: [Warning] = []
    if mapsOwned < maps {
      warnings.append(Warning(.mapsUnowned, ["count": "\(maps - mapsOwned)", "all": Plural.of(maps, "map")]))
    }
    if mapsHeld > 0 {
      warnings.append(Warning(.mapsHeld, ["count": "\(mapsHeld)", "all": Plural.of(maps, "map")]))
    }
    if shardsShort > 0 {
      warnings.append(Warning(.copiesShort, ["count": "\(shardsShort)", "all": Plural.of(shards, "shard")]))
    }
    return warnings
  }
}

/// How many live hosts hold the same member table as this one.
package struct ViewAgreement: Codable, Hashable, Sendable {
  /// Root digest of the member table, 16 hexadecimal digits.
  package var digest: String
  /// Live hosts, this one included, whose last known root is ours.
  package var agreeing: Int
  /// Live hosts, this one included, whose root was heard at all in the last probe rounds.
  package var heard: Int
  /// For how long somebody has differed; 0 when all agree.
  package var differingSeconds: Double

  package init(digest: String, agreeing: Int, heard: Int, differingSeconds: Double = 0) {
    self.digest = digest
    self.agreeing = agreeing
    self.heard = heard
    self.differingSeconds = differingSeconds
  }
}

package enum JoinState: String, Codable, Sendable, CaseIterable {
  /// Asking peers; none has answered.
  case joining
  /// No peers are known: alone by decision.
  case alone
  /// A Welcome came; the member table is still being filled.
  case synchronizing
  case member
  case leaving
  case revoked
}

/// The host whose node answers.
package struct OwnHost: Codable, Hashable, Sendable {
  /// 16 hexadecimal digits.
  package var id: String
  package var name: String
  package var state: JoinState
  /// `address:port` that it tells others.
  package var address: String
  /// What peers see, when it differs.
  package var observedAddress: String?
  /// `host bridge observer home door`, in this order.
  package var roles: [String]
  /// 0 operator's machine, 1 vetted, 2 volunteer.
  package var trustClass: Int
  /// Account of the person whose machine it is; 0 is the operator.
  package var contributor: UInt32
  package var generation: UInt64
  package var refutation: UInt64
  package var profile: String
  package var version: String
  package var processId: Int
  package var uptimeSeconds: Double
  package var certificateNotBefore: Timestamp
  package var certificateNotAfter: Timestamp
  /// Worst lateness of the loop in the last 5 s.
  package var loopLagSeconds: Double
  package var residentBytes: UInt64
  /// Running sums since the start, datagrams and streams together.
  package var receivedBytes: UInt64
  package var sentBytes: UInt64
  package var sessions: Int
  package var links: Int

  package init(
    id: String, name: String, state: JoinState, address: String, observedAddress: String? = nil, roles: [String],
    trustClass: Int, contributor: UInt32, generation: UInt64, refutation: UInt64, profile: String, version: String,
    processId: Int, uptimeSeconds: Double, certificateNotBefore: Timestamp, certificateNotAfter: Timestamp,
    loopLagSeconds: Double = 0, residentBytes: UInt64 = 0, receivedBytes: UInt64 = 0, sentBytes: UInt64 = 0,
    sessions: Int = 0, links: Int = 0
  ) {
    self.id = id
    self.name = name
    self.state = state
    self.address = address
    self.observedAddress = observedAddress
    self.roles = roles
    self.trustClass = trustClass
    self.contributor = contributor
    self.generation = generation
    self.refutation = refutation
    self.profile = profile
    self.version = version
    self.processId = processId
    self.uptimeSeconds = uptimeSeconds
    self.certificateNotBefore = certificateNotBefore
    self.certificateNotAfter = certificateNotAfter
    self.loopLagSeconds = loopLagSeconds
    self.residentBytes = residentBytes
    self.receivedBytes = receivedBytes
    self.sentBytes = sentBytes
    self.sessions = sessions
    self.links = links
  }
}

/// Something to worry about, with the command that helps.
package struct Warning: Codable, Hashable, Sendable {
  package var code: String
  package var health: Health
  package var sentence: String
  package var command: String
  /// The host it is about, when it is about one.
  package var subject: HostName?
  package var since: Timestamp?

  /// Fills `{name}` in the code's sentence and command; how bad it is follows from the code.
  package init(
    _ code: ErrorCode, _ values: KeyValuePairs<String, String> = [:], subject: HostName? = nil, since: Timestamp? = nil
  ) {
    let fault = Fault(code, values)
    self.code = code.rawValue
    health =
      switch code.text.severity {
      case .notice: .ok
      case .degraded: .degraded
      case .unhealthy: .unhealthy
      }
    sentence = fault.sentence
    command = fault.help ?? "mesh-ctl explain \(code.rawValue)"
    self.subject = subject
    self.since = since
  }

  static func isWorse(_ left: Warning, _ right: Warning) -> Bool {
    if left.health != right.health { return left.health > right.health }
    if left.code != right.code { return left.code < right.code }
    return (left.subject?.shown ?? "", left.sentence) < (right.subject?.shown ?? "", right.sentence)
  }
}
