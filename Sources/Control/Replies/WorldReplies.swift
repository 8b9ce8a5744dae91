/// What a node has of worlds: `mesh-ctl world show` and `world history`.
package struct WorldReply: Reply, Hashable {
  package static let schemaName = "mesh.world/1"
  package var schema = WorldReply.schemaName
  package var at: Timestamp
  /// As a voter of a first world has it: `host:store`, 16 hexadecimal digits each.
  package var voter: String
  /// The version that this host works by.
  package var active: UInt64?
  /// Newest first.
  package var versions: [Version]
  /// Of the version whose maps are coming.
  package var download: Download?

  package enum State: String, Codable, Sendable, CaseIterable {
    case active
    /// Complete, not active.
    case complete
    /// Maps are missing.
    case incomplete
  }

  package struct Version: Codable, Hashable, Sendable {
    package var version: UInt64
    /// 64 hexadecimal digits.
    package var root: String
    package var state: State
    package var maps: Int
    /// Maps whose cells are here.
    package var mapsHere: Int
    package var shards: Int
    package var notBefore: Timestamp
    package var expiry: Timestamp
    /// Why it could be active by its time and is not.
    package var waits: String?

    package init(
      version: UInt64, root: String, state: State, maps: Int, mapsHere: Int, shards: Int, notBefore: Timestamp,
      expiry: Timestamp, waits: String? = nil
    ) {
      self.version = version
      self.root = root
      self.state = state
      self.maps = maps
      self.mapsHere = mapsHere
      self.shards = shards
      self.notBefore = notBefore
      self.expiry = expiry
      self.waits = waits
    }
  }

  package struct Download: Codable, Hashable, Sendable {
    package var version: UInt64
    package var maps: Int
    package var mapsHere: Int
    package var bytes: UInt64
    package var bytesPerSecond: UInt64
    /// `nil` as long as it cannot be told.
    package var secondsLeft: UInt64?

    package init(
      version: UInt64, maps: Int, mapsHere: Int, bytes: UInt64, bytesPerSecond: UInt64, secondsLeft: UInt64?
    ) {
      self.version = version
      self.maps = maps
      self.mapsHere = mapsHere
      self.bytes = bytes
      self.bytesPerSecond = bytesPerSecond
      self.secondsLeft = secondsLeft
    }
  }

  package init(at: Timestamp, voter: String, active: UInt64?, versions: [Version], download: Download?) {
    self.at = at
    self.voter = voter
    self.active = active
    self.versions = versions
    self.download = download
  }
}

/// The document of one version, as it was signed.
package struct WorldDocumentReply: Reply, Hashable {
  package static let schemaName = "mesh.world-document/1"
  package var schema = WorldDocumentReply.schemaName
  package var version: UInt64
  /// base64url without padding: at most 1.4 MB.
  package var document: String

  package init(version: UInt64, document: [UInt8]) {
    self.version = version
    self.document = Base64URL.encode(document)
  }

  package var bytes: [UInt8]? { Base64URL.decode(document) }
}

/// A world was published or made the active one.
package struct WorldChangeReply: Reply, Hashable {
  package static let schemaName = "mesh.world-change/1"
  package var schema = WorldChangeReply.schemaName
  package var at: Timestamp
  package var version: UInt64
  package var root: String
  package var state: WorldReply.State
  /// Maps whose cells are not here yet.
  package var missing: Int

  package init(at: Timestamp, version: UInt64, root: String, state: WorldReply.State, missing: Int) {
    self.at = at
    self.version = version
    self.root = root
    self.state = state
    self.missing = missing
  }
}

/// A world file: `mesh-ctl world build`, `sign`, `verify` and `show FILE`.
package struct WorldFileReply: Reply, Hashable {
  package static let schemaName = "mesh.world-file/1"
  package var schema = WorldFileReply.schemaName
  package var file: String
  package var version: UInt64
  package var root: String
  /// 16 hexadecimal digits.
  package var network: String
  package var signed: Bool
  package var notBefore: Timestamp
  package var expiry: Timestamp
  package var maps: Int
  package var shards: Int
  package var cells: Int
  /// Of the whole file.
  package var sizeBytes: Int
  package var voters: [String]
  /// Digest of the rAthena tree, 64 hexadecimal digits; `nil` when the world was built without one.
  package var tree: String?
  package var treeFiles: Int?
  package var charStatusSize: UInt32?
  /// Name and maps of each shard; only with `show`.
  package var shardMaps: [Shard]?

  package struct Shard: Codable, Hashable, Sendable {
    package var name: String
    package var id: String
    package var cells: Int
    package var maps: [String]

    package init(name: String, id: String, cells: Int, maps: [String]) {
      self.name = name
      self.id = id
      self.cells = cells
      self.maps = maps
    }
  }

  package init(
    file: String, version: UInt64, root: String, network: String, signed: Bool, notBefore: Timestamp,
    expiry: Timestamp, maps: Int, shards: Int, cells: Int, sizeBytes: Int, voters: [String]
  ) {
    self.file = file
    self.version = version
    self.root = root
    self.network = network
    self.signed = signed
    self.notBefore = notBefore
    self.expiry = expiry
    self.maps = maps
    self.shards = shards
    self.cells = cells
    self.sizeBytes = sizeBytes
    self.voters = voters
  }
}

/// `mesh-ctl world diff`
package struct WorldDiffReply: Reply, Hashable {
  package static let schemaName = "mesh.world-diff/1"
  package var schema = WorldDiffReply.schemaName
  package var before: UInt64
  package var after: UInt64
  package var same: Bool
  package var addedMaps: [String]
  package var removedMaps: [String]
  /// Other cells.
  package var changedMaps: [String]
  package var addedShards: [String]
  package var removedShards: [String]
  package var movedMaps: [Move]
  package var changes: [Change]

  package struct Move: Codable, Hashable, Sendable {
    package var map: String
    package var before: String
    package var after: String

    package init(map: String, before: String, after: String) {
      self.map = map
      self.before = before
      self.after = after
    }
  }

  package struct Change: Codable, Hashable, Sendable {
    package var what: String
    package var before: String
    package var after: String

    package init(what: String, before: String, after: String) {
      self.what = what
      self.before = before
      self.after = after
    }
  }

  package init(before: UInt64, after: UInt64) {
    self.before = before
    self.after = after
    same = true
    addedMaps = []
    removedMaps = []
    changedMaps = []
    addedShards = []
    removedShards = []
    movedMaps = []
    changes = []
  }
}
