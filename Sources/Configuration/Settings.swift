/// What a node reads: one typed value for each setting, already checked.
///
/// The initial value of a property is the built-in default of its setting (the first layer); `Schema` says the rest:
/// name in the file, unit, range, explanation. Paths are as written in the file: relative to the working folder.
package struct Settings: Sendable {
  /// `p2p_settings.enable`: false = `mesh-node` says that the mesh is switched off and ends.
  package var isEnabled = true
  /// `p2p_settings.security_level`: chooses the values of `security` unless they are set themselves.
  package var securityLevel = SecurityLevel.high
  package var security = Security()
  package var hostRequirements = HostRequirements()
  package var maps = MapSettings()
  package var network = Network()
  package var node = Node()
  package var bridge = Bridge()
  package var supervisor = Supervisor()

  package init() {}

  /// `p2p_settings.security`: what `security_level` stands for.
  package struct Security: Sendable {
    /// Lifetime of a certificate that `mesh-ctl admit` and `renew` sign.
    package var certificateLifetime = Span(days: 7)
    /// Whether a node may run when the memory of its keys cannot be locked.
    package var lockedMemory = LockedMemory.required
  }

  /// `p2p_settings.host_requirements`: a host below one of them joins and holds copies, but owns nothing.
  package struct HostRequirements: Sendable {
    package var cpuCores = 4
    /// Decimal gigabytes in the file, because a machine sold with 8 GB shows its programs a little less than 8 GiB.
    package var memoryBytes: UInt64 = 8_000_000_000
    package var bandwidthBitsPerSecond: UInt64 = 10_000_000
    /// 0...1000; the file has percent.
    package var uptimePerMille = 950
  }

  /// `p2p_settings.map_settings`: placement and replication.
  package struct MapSettings: Sendable {
    /// False: only pinned shards move.
    package var movesByItself = true
    /// The smallest in-sync set at which critical writes go on (while that many hosts are admitted).
    package var minimumReplication = 2
    /// Period of audit and rebalancing; not failure detection.
    package var checkInterval = Span(seconds: 300)
    /// The alarm for a shard without an owner; start-up refuses less than promise and takeover need.
    package var failoverTimeout = Span(seconds: 30)
    /// Copies wanted of each shard, the owner's included.
    package var replicationFactor = 3
    /// Below this many hosts all shards go to hosts with role home.
    package var minimumHosts = 1
    /// `nil`: no limit.
    package var maximumMapsPerHost: Int? { mapsPerHostOrZero == 0 ? nil : mapsPerHostOrZero }
    var mapsPerHostOrZero = 0
    /// A shard held for longer closes its doors.
    package var holdLimit = Span(seconds: 10)
    /// Hosts up to this trust class may own shards.
    package var ownersTrustClass = 1
    package var shards = ShardRule.automatic(shards: 64)
  }

  /// `p2p_settings.network`.
  package struct Network: Sendable {
    /// First: mesh (UDP and TCP). Second: door. From the third, plus 10,000: map-servers on 127.0.0.1.
    package var ports = PortRange(first: 7000, last: 7999)
    /// Connections of players at this host's door.
    package var maximumConnections = 1000
    /// lz4 for links and transfers.
    package var compresses = true
    package var profile = NetworkProfile.lan
    /// An IP address in its usual text form, without a port.
    package var listenAddress = "0.0.0.0"
    /// What others are told to reach this host at; `nil`: as they see it. Without a port: the mesh port.
    package var advertised: Address?
    /// Files that list peers (`BootstrapList`), read in order.
    package var bootstrapFiles: [String] = []
    /// Cannot be switched off; kept because the setting has a name.
    var encrypts = true
  }

  /// `p2p_settings.node`.
  package struct Node: Sendable {
    package var dataDirectory = "mesh/data"
    package var keysDirectory = "mesh/keys"
    /// Of the control socket; `control.sock` in the data folder unless set.
    package var controlSocketPath: String { controlSocket.isEmpty ? dataDirectory + "/control.sock" : controlSocket }
    var controlSocket = ""
    package var logFormat = LogFormat.auto
    package var logLevel = LogLevel.notice
  }

  /// `p2p_settings.bridge`: read only at a host with role bridge.
  package struct Bridge: Sendable {
    package var isEnabled = false
    /// The host may be a name.
    package var charServer = HostAndPort(host: "127.0.0.1", port: 6121)
    /// Where clients reach the char door, an IP address; `nil`: no char door here.
    package var charDoor: HostAndPort?
    /// The name with which the bridge logs in at the char-server (rAthena's `userid`).
    package var userID = "s1"
    /// A file with the password to it; empty: none set.
    package var passwordFile = ""
    package var database = SummaryDatabase.sqlite
    package var databaseUser = ""
    /// A file with the password of `databaseUser`; empty: none set.
    package var databasePasswordFile = ""
  }

  /// `p2p_settings.supervisor`: this host's map-servers.
  package struct Supervisor: Sendable {
    /// The rAthena root; empty: no map-servers here, the node serves map data and copies alone.
    package var rathenaDirectory = ""
    /// For `map-server --inter-config`; empty: rAthena's own.
    package var interConfiguration = ""
    /// Map-servers that this host keeps loaded for shards of others.
    package var warmStandbys = 0
  }
}

/// `security_level`.
package enum SecurityLevel: String, CaseIterable, Sendable { case low, medium, high }

/// `security.locked_memory`.
package enum LockedMemory: String, CaseIterable, Sendable {
  /// A node whose memory cannot be locked does not start.
  case required
  /// It starts and warns.
  case wanted
}

/// `network.profile`: the timing of failure detection and ownership.
package enum NetworkProfile: String, CaseIterable, Sendable {
  case lan
  case lanFast = "lan-fast"
  case wan
}

/// `node.log_format`.
package enum LogFormat: String, CaseIterable, Sendable {
  /// `text` on a terminal, `logfmt` elsewhere.
  case auto
  /// In rAthena's look.
  case text
  case logfmt
  case json
}

/// `node.log_level`, in the words of swift-log.
package enum LogLevel: String, CaseIterable, Sendable { case trace, debug, info, notice, warning, error, critical }

/// `map_settings.shards`: how maps are grouped.
package enum ShardRule: Equatable, Sendable {
  case automatic(shards: Int)
  case perMap
  /// A file with lines `shard NAME: map map …`.
  case file(String)
}

/// `bridge.database`.
package enum SummaryDatabase: Equatable, Sendable {
  /// A file in the data folder.
  case sqlite
  case mariadb(HostAndPort, name: String)
}

/// An IP address in its usual text form, with or without a port.
package struct Address: Hashable, Sendable {
  package var host: String
  package var port: UInt16?

  package init(host: String, port: UInt16? = nil) {
    self.host = host
    self.port = port
  }
}

/// An IP address or a name to look up, and a port. An IPv6 address stands here without brackets.
package struct HostAndPort: Hashable, Sendable {
  package var host: String
  package var port: UInt16

  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }
}

/// Ports from `first` to `last`, both included.
package struct PortRange: Hashable, Sendable {
  package var first: UInt16
  package var last: UInt16

  package init(first: UInt16, last: UInt16) {
    self.first = first
    self.last = last
  }

  /// 0 when the range ends before it starts.
  package var count: Int { max(0, Int(last) - Int(first) + 1) }
}

/// A span of time.
package struct Span: Hashable, Comparable, Sendable {
  package var nanoseconds: UInt64

  package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }
  package init(milliseconds: UInt32) { nanoseconds = UInt64(milliseconds) * 1_000_000 }
  package init(seconds: UInt32) { nanoseconds = UInt64(seconds) * 1_000_000_000 }
  package init(days: UInt16) { nanoseconds = UInt64(days) * 86_400_000_000_000 }

  /// Whole seconds, rounded down.
  package var seconds: UInt64 { nanoseconds / 1_000_000_000 }

  package static func < (left: Span, right: Span) -> Bool { left.nanoseconds < right.nanoseconds }
}
