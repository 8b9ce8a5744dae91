extension Schema {
  /// Sections in the order of the shipped file, with a line about each.
  package static let sections: [(path: String, title: String)] = [
    (root, "The mesh as a whole"),
    (root + ".security", "What `security_level` stands for"),
    (root + ".host_requirements", "What a host needs to own shards"),
    (root + ".map_settings", "Placement, copies and takeover of shards"),
    (root + ".network", "Ports, addresses and peers"),
    (root + ".node", "Files and logs of this node"),
    (root + ".bridge", "The node beside the char-server"),
    (root + ".supervisor", "Map-servers on this host"),
  ]

  private static func seconds(_ range: ClosedRange<Int>) -> Shape {
    .number(.time, range.lowerBound * 1_000_000_000...range.upperBound * 1_000_000_000)
  }

  private static func words<Choice: CaseIterable & RawRepresentable>(_ choice: Choice.Type) -> Shape
  where Choice.RawValue == String { .choice(choice.allCases.map(\.rawValue)) }

  private static let path = Shape.path(mayBeEmpty: false, limit: Shape.pathLimit)
  private static let pathOrNone = Shape.path(mayBeEmpty: true, limit: Shape.pathLimit)

  static let table: [Setting] = [
    // MARK: The mesh as a whole
    Setting(
      "enable", \.isEnabled, .truth, .restart, aliases: ["enable_p2p"],
      "Whether this host takes part in the mesh. With `no`, mesh-node says that the mesh is switched off and ends."),
    Setting(
      "security_level", \.securityLevel, words(SecurityLevel.self), .restart, meshWide: true,
      "A preset for section `security`. low: certificates last 90 days. medium: 30 days. high: 7 days, and a node does not start unless the memory of its keys can be locked. What a host may never do (act with a stale epoch, speak for a player who is not there) is refused at every level."
    ),

    // MARK: Security
    Setting(
      "security.certificate_lifetime", \.security.certificateLifetime, seconds(3600...90 * 86400), .live,
      "How long a certificate lasts that `mesh-ctl admit` or `mesh-ctl renew` signs here. Shorter ones limit what a stolen key is worth; a host is warned from a third of the lifetime before the end. Taken from `security_level` unless set."
    ),
    Setting(
      "security.locked_memory", \.security.lockedMemory, words(LockedMemory.self), .restart,
      "Keys lie in memory that is never written to swap. required: a node that is not allowed to lock it does not start. wanted: it starts and warns. The limit is LimitMEMLOCK= in the unit, `ulimit -l` in a shell; 1 MB is plenty. Taken from `security_level` unless set."
    ),

    // MARK: Host requirements
    Setting(
      "host_requirements.min_cpu_cores", \.hostRequirements.cpuCores, .number(.count, 0...1024), .world,
      meshWide: true,
      "Processor cores that a host needs to own shards. A host below one of these four figures joins, gossips and may hold copies, but owns nothing; `mesh-ctl status` and `mesh-ctl doctor` say which figure failed and which line set it."
    ),
    Setting(
      "host_requirements.min_memory_gb", \.hostRequirements.memoryBytes,
      .number(.gigabytes, 0...65_536_000_000_000), .world, meshWide: true,
      "Memory that a host needs to own shards, in gigabytes of 1,000,000,000 bytes: a machine sold with 8 GB shows its programs a little less than 8 GiB, and it should pass."
    ),
    Setting(
      "host_requirements.min_bandwidth_mbps", \.hostRequirements.bandwidthBitsPerSecond,
      .number(.megabits, 0...1_000_000_000_000), .world, meshWide: true, inUse: false,
      "Bandwidth that a host needs to own shards, in megabits per second, in the slower direction."),
    Setting(
      "host_requirements.min_uptime_percent", \.hostRequirements.uptimePerMille, .number(.percent, 0...1000), .world,
      meshWide: true, inUse: false,
      "Share of the time since its first join that a host was there, to own shards. A new host starts with 100%."),

    // MARK: Maps
    Setting(
      "map_settings.auto_distribute", \.maps.movesByItself, .truth, .world, meshWide: true,
      "Whether shards move by themselves to spread the load. With `no` only pinned shards move; a shard whose owner died is taken over in either case."
    ),
    Setting(
      "map_settings.min_replication", \.maps.minimumReplication, .number(.count, 1...7), .world, meshWide: true,
      "The smallest number of hosts that must hold a critical write before it counts. Below it such writes pause and say so. It is not the number of copies wanted (that is `replication_factor`), and it is never more than the hosts that were admitted: with one host everything works with one copy."
    ),
    Setting(
      "map_settings.check_interval", \.maps.checkInterval, seconds(10...86400), .live,
      aliases: ["host_check_interval"], meshWide: true, inUse: false,
      "How often copies are audited and the load is balanced anew, in seconds. It has nothing to do with noticing that a host died: that takes a few seconds whatever stands here."
    ),
    Setting(
      "map_settings.failover_timeout", \.maps.failoverTimeout, seconds(1...3600), .live, meshWide: true, inUse: false,
      "The alarm for a shard without an owner, in seconds; the mesh works on it far earlier. A node does not start when this is less than what its profile needs in the worst case; the message has the figure."
    ),
    Setting(
      "map_settings.replication_factor", \.maps.replicationFactor, .number(.count, 1...7), .world, meshWide: true,
      "Copies wanted of each shard, the owner's included. With fewer hosts there are fewer copies until more hosts join."
    ),
    Setting(
      "map_settings.min_hosts", \.maps.minimumHosts, .number(.count, 1...4096), .world, meshWide: true,
      "While fewer hosts than this are alive, all shards stay with hosts of role home, if there are any."),
    Setting(
      "map_settings.max_maps_per_host", \.maps.mapsPerHostOrZero, .number(.count, 0...100_000), .world, meshWide: true,
      "The most maps (not shards) that one host may own. 0: no limit."),
    Setting(
      "map_settings.hold_limit", \.maps.holdLimit, seconds(1...3600), .live, meshWide: true, inUse: false,
      "An owner that cannot be sure to be the only one freezes its shard: nothing is lost, players wait. After this time it closes the doors of the shard with a message; the state stays."
    ),
    Setting(
      "map_settings.owners_trust_class", \.maps.ownersTrustClass, .number(.count, 0...2), .world, meshWide: true,
      "Hosts up to this trust class may own shards: 0 the operator's machines, 1 vetted ones, 2 any volunteer. Others hold copies and watch."
    ),
    Setting(
      "map_settings.shards", \.maps.shards, .shards, .world, meshWide: true,
      "How maps are grouped into shards, the unit that is owned, copied and moved. `auto 64`: 64 groups, maps of one region together. `per-map`: each map by itself. Otherwise the path of a file with lines `shard NAME: map map …`."
    ),

    // MARK: Network
    Setting(
      "network.port_range", \.network.ports, .ports, .restart,
      "The ports of this host. The first is the mesh port and must be open for UDP and TCP. The second is the door for players (TCP), open at hosts with role door. Map-servers listen on 127.0.0.1 only, from the third port plus 10,000."
    ),
    Setting(
      "network.max_connections", \.network.maximumConnections, .number(.count, 1...65535), .live, inUse: false,
      "Connections of players that this host's door accepts; the next one is told that the server is full."),
    Setting(
      "network.encryption", \.network.encrypts, .truth, .restart, meshWide: true,
      "Everything between hosts is encrypted and signed. It cannot be switched off: `no` is refused."),
    Setting(
      "network.compression", \.network.compresses, .truth, .restart, meshWide: true,
      "Compresses what goes over links and transfers where that saves a tenth or more, never what carries login ids. Costs little."
    ),
    Setting(
      "network.profile", \.network.profile, words(NetworkProfile.self), .restart, meshWide: true,
      "The timing of failure detection and takeover. lan: machines of one site or of good data centres. lan-fast: the same with quicker detection, for machines that are never short of processor time. wan: hosts at homes and on several continents. All hosts of a network use the same."
    ),
    Setting(
      "network.listen", \.network.listenAddress, .address, .restart,
      "The address on which the mesh port and the door listen. 0.0.0.0: all of IPv4. `::` all of both kinds."),
    Setting(
      "network.advertise", \.network.advertised, .addressOrNone, .restart,
      "The address at which others reach this host, when it is not the one that they see: behind a forwarded port, for example. Without a port it is the mesh port. Empty: as they see it."
    ),
    Setting(
      "network.bootstrap_peers", \.network.bootstrapFiles, .paths(atMost: 8), .live,
      "Files that list peers to call first, one a line: name, address:port, public key. A node remembers peers that it has met, and `mesh-ctl accept` notes those of its welcome line, so most hosts need no list. Names are looked up again at each attempt."
    ),

    // MARK: Node
    Setting(
      "node.data_dir", \.node.dataDirectory, path, .restart,
      "The folder for what this node keeps: generation, remembered peers, copies of shards. Made when missing, with mode 0700."
    ),
    Setting(
      "node.keys_dir", \.node.keysDirectory, path, .restart,
      "The folder with this node's keys, certificate and network secret. Back it up; whoever has it is this host. Mode 0700, files 0600."
    ),
    Setting(
      "node.control_socket", \.node.controlSocket, .path(mayBeEmpty: true, limit: Shape.socketPathLimit), .restart,
      "The Unix socket over which mesh-ctl speaks with this node. Empty: control.sock in `data_dir`."),
    Setting(
      "node.log_format", \.node.logFormat, words(LogFormat.self), .restart,
      "text: rAthena's look. logfmt: for journald and grep. json: one object a line. auto: text on a terminal, logfmt elsewhere."
    ),
    Setting(
      "node.log_level", \.node.logLevel, words(LogLevel.self), .live,
      "The least important kind of line that is logged. notice: what an operator wants to know. warning: what mends itself. error: what needs a person. debug and trace are for developers and show addresses of peers."
    ),

    // MARK: Bridge
    Setting(
      "bridge.enable", \.bridge.isEnabled, .truth, .restart, inUse: false,
      "Whether this node is the bridge: the one that speaks with the char-server for all map-servers. Its certificate needs the role bridge."
    ),
    Setting(
      "bridge.char_server", \.bridge.charServer, .endpoint, .restart, inUse: false,
      "Where the char-server listens, best on the same machine."),
    Setting(
      "bridge.char_door", \.bridge.charDoor, .doorOrNone, .restart, inUse: false,
      "The public IPv4 address and port on which clients reach the char door, which stands before the char-server. Empty: no char door on this host."
    ),
    Setting(
      "bridge.userid", \.bridge.userID, .word(mayBeEmpty: false, limit: 23), .restart, inUse: false,
      "The name with which the bridge logs in at the char-server, as `userid` in rAthena's char_athena.conf and map_athena.conf."
    ),
    Setting(
      "bridge.passwd_file", \.bridge.passwordFile, pathOrNone, .restart, inUse: false,
      "A file that holds the password to `userid` (rAthena's `passwd`) and nothing else, with mode 0600."),
    Setting(
      "bridge.database", \.bridge.database, .database, .restart, inUse: false,
      "Where summaries for operators go (tables p2p_hosts, p2p_maps, p2p_performance). `sqlite`: a file in `data_dir`. `mariadb://HOST/NAME` or `mariadb://HOST:PORT/NAME`: a server. No table of rAthena is touched, and nothing is ever read back."
    ),
    Setting(
      "bridge.database_user", \.bridge.databaseUser, .word(mayBeEmpty: true, limit: 80), .restart, aliases: ["user"],
      inUse: false, "The user at the MariaDB server. Not needed for sqlite."),
    Setting(
      "bridge.database_password_file", \.bridge.databasePasswordFile, pathOrNone, .restart,
      aliases: ["password_file"], inUse: false,
      "A file that holds the password of `database_user` and nothing else, with mode 0600. Not needed for sqlite."),

    // MARK: Supervisor
    Setting(
      "supervisor.rathena_dir", \.supervisor.rathenaDirectory, pathOrNone, .restart, inUse: false,
      "The root of the rAthena that this host starts map-servers of. Empty: no map-servers here; the node still holds copies and map data."
    ),
    Setting(
      "supervisor.inter_config", \.supervisor.interConfiguration, pathOrNone, .restart, inUse: false,
      "The file for `map-server --inter-config`: the local database of a host that must not use the operator's. Empty: rAthena's own."
    ),
    Setting(
      "supervisor.warm_standby", \.supervisor.warmStandbys, .number(.count, 0...64), .live, inUse: false,
      "Map-servers that this host keeps loaded for shards of other owners, ready to take over within milliseconds. About 116 MB of memory each."
    ),
  ]
}
