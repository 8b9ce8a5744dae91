/// What single values cannot tell: settings that do not go together, or not with this machine.
struct Checks<Source: FileSource> {
  let layers: Layers<Source>
  let settings: Settings
  let surroundings: Surroundings

  func run() -> [Message] {
    encryption() + ports() + failover() + copies() + database() + connections() + withoutEffect()
  }

  private func encryption() -> [Message] {
    guard !settings.network.encrypts else { return [] }
    return [
      message(
        .error, .encryptionOff, "network.encryption", "encryption cannot be switched off",
        help: "write `encryption: yes`, or leave it out")
    ]
  }

  private func ports() -> [Message] {
    let count = settings.network.ports.count
    let runsMapServers = !settings.supervisor.rathenaDirectory.isEmpty
    let needed = runsMapServers ? 3 : 2
    if count < needed {
      return [
        message(
          .error, .tooFewPorts, "network.port_range",
          "\(count == 1 ? "one port is" : "\(count) ports are") too few: the first is for the mesh, the second for the door"
            + (runsMapServers ? ", the third and following for map-servers" : ""),
          help: "write a range of \(needed) or more, as in `7000-7999`")
      ]
    }
    if let servers = surroundings.mapServers, servers > count - 2 {
      return [
        message(
          .warning, .fewerPortsThanServers, "network.port_range",
          "\(servers) map-servers need a port each, and the range leaves \(count - 2) for them",
          help: "make the range larger by \(servers - count + 2)")
      ]
    }
    return []
  }

  private func failover() -> [Message] {
    let profile = settings.network.profile
    guard let bound = surroundings.takeoverBound?(profile), settings.maps.failoverTimeout < bound else { return [] }
    let figure = Quantity.time.text(Int(clamping: bound.nanoseconds))
    // Rounded up to whole seconds, as people write it.
    let seconds = bound.seconds + (bound.nanoseconds % 1_000_000_000 == 0 ? 0 : 1)
    return [
      message(
        .error, .failoverTooShort, "map_settings.failover_timeout",
        "with profile `\(profile.rawValue)` a takeover may last \(figure), and the alarm would ring before",
        help: "write `failover_timeout: \(seconds)` or more")
    ]
  }

  private func copies() -> [Message] {
    let maps = settings.maps
    if maps.minimumReplication > maps.replicationFactor {
      return [
        message(
          .error, .moreMinimumThanCopies, "map_settings.min_replication", or: "map_settings.replication_factor",
          "min_replication is \(maps.minimumReplication), but only \(maps.replicationFactor) copies are wanted (replication_factor)",
          help: "raise replication_factor or lower min_replication")
      ]
    }
    if let hosts = surroundings.admittedHosts, hosts < maps.minimumReplication {
      let copies = hosts == 1 ? "1 copy" : "\(hosts) copies"
      return [
        message(
          .warning, .copyMissing, "map_settings.min_replication",
          "\(copies) until \(hosts == 1 ? "a second host joins" : "more hosts join"): min_replication is \(maps.minimumReplication)",
          help: "nothing to do for one host alone; `mesh-ctl admit` lets another in")
      ]
    }
    return []
  }

  private func database() -> [Message] {
    guard case .mariadb = settings.bridge.database, settings.bridge.databaseUser.isEmpty else { return [] }
    return [
      message(
        .error, .incomplete, "bridge.database", "a MariaDB server needs `database_user`, which is not set",
        help: "write `database_user: NAME` in section `bridge`")
    ]
  }

  /// Open files that a node needs besides players' connections: links, transfers, logs, sockets.
  private static var otherFiles: Int { 256 }

  private func connections() -> [Message] {
    guard let limit = surroundings.openFileLimit else { return [] }
    let needed = settings.network.maximumConnections + Checks.otherFiles
    guard needed > limit else { return [] }
    return [
      message(
        .warning, .moreConnectionsThanFiles, "network.max_connections",
        "\(settings.network.maximumConnections) connections need about \(needed) open files, and this process may have \(limit)",
        help: "raise the limit (`LimitNOFILE=\(needed)` in the unit, `ulimit -n \(needed)`), or lower max_connections")
    ]
  }

  /// The operator is told about each setting that he chose in vain. The shipped file, which sets everything to its
  /// default, only gets one note.
  private func withoutEffect() -> [Message] {
    var warnings: [Message] = []
    var untouched: [String] = []
    for (index, setting) in Schema.settings.enumerated() where !setting.isInUse {
      guard let assigned = layers.assigned[index], let spot = assigned.spots.last else { continue }
      if spot.text == layers.first, assigned.value == setting.read(Settings()) {
        untouched.append(setting.name)
      } else {
        warnings.append(
          message(
            .warning, .noEffectYet, setting.path, "`\(setting.name)`: accepted, no effect yet in this version",
            help: "nothing to do; a later version will act upon it"))
      }
    }
    guard !untouched.isEmpty, let first = layers.first else { return warnings }
    let count = untouched.count == 1 ? "1 setting" : "\(untouched.count) settings"
    return warnings + [
      Message(
        severity: .note, code: .noEffectYet,
        text: "\(count) of \(Printable.text(layers.texts[first].name)): accepted, no effect yet in this version: "
          + untouched.joined(separator: ", "))
    ]
  }

  /// Where the setting was set; of two that belong together where the one that was set is.
  private func message(
    _ severity: Message.Severity, _ code: MessageCode, _ path: String, or second: String? = nil, _ text: String,
    help: String
  ) -> Message {
    var message = Message(severity: severity, code: code, text: text, help: help)
    let spots = [path, second].compactMap { path -> Layers<Source>.Spot? in
      guard let path, let setting = Schema.setting(path), let index = Schema.indices[setting.path] else { return nil }
      return layers.assigned[index]?.spots.last
    }
    if let spot = spots.first {
      let source = layers.texts[spot.text]
      message.place = source.place(of: spot.span.lowerBound)
      message.excerpt = source.excerpt(of: spot.span)
    }
    return message
  }
}
