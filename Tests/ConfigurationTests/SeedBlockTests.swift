import Configuration
import Testing

/// The block of the plan is what operators paste first.
@Suite struct SeedBlockTests {
  static let leaves: [(path: String, text: String, line: Int)] = [
    ("enable", "yes", 2), ("security_level", "high", 3), ("host_requirements.min_cpu_cores", "4", 6),
    ("host_requirements.min_memory_gb", "8GB", 7), ("host_requirements.min_bandwidth_mbps", "10mbps", 8),
    ("host_requirements.min_uptime_percent", "95%", 9), ("map_settings.auto_distribute", "yes", 13),
    ("map_settings.min_replication", "2", 14), ("map_settings.check_interval", "300s", 15),
    ("map_settings.failover_timeout", "30s", 16), ("network.port_range", "7000-7999", 20),
    ("network.max_connections", "1000", 21), ("network.encryption", "yes", 22), ("network.compression", "yes", 23),
  ]

  static let forms: [(name: String, text: String)] = [
    ("verbatim", ShippedFile.seedBlock), ("with a last newline", ShippedFile.seedBlock + "\n"),
    ("CRLF", ShippedFile.seedBlock.replacing("\n", with: "\r\n")), ("BOM", "\u{feff}" + ShippedFile.seedBlock),
    ("BOM and CRLF", "\u{feff}" + ShippedFile.seedBlock.replacing("\n", with: "\r\n")),
    ("tabs", ShippedFile.seedBlock.replacing("    ", with: "\t")),
  ]

  @Test(arguments: forms) func loads(name: String, text: String) throws {
    let loaded = load(text)
    #expect(loaded.messages.errors.isEmpty && loaded.messages.warnings.isEmpty, "\(loaded.messages.description)")
    let settings = try #require(loaded.settings)
    for leaf in SeedBlockTests.leaves {
      let setting = try #require(Schema.setting(leaf.path))
      #expect(setting.text(in: settings) == leaf.text)
      guard case .set(let places) = loaded.origin(of: leaf.path) else {
        Issue.record("\(leaf.path) has no place")
        continue
      }
      #expect(places.map(\.line) == [leaf.line] && places[0].file == "p2p.conf")
    }
    #expect(loaded.origins.count { if case .set = $0 { true } else { false } } == 14)
    // A setting without effect yet says so, without being a warning.
    let notes = loaded.messages.notes
    #expect(notes.count == 1 && notes[0].code == .noEffectYet)
    #expect(notes[0].text.contains("failover_timeout") && !notes[0].text.contains("port_range"))
  }

  /// Different from every default, so that reading nothing at all cannot pass.
  @Test func typedValuesArrive() throws {
    let text = ShippedFile.seedBlock.replacing("enable: true", with: "enable: nein").replacing("high", with: "low")
      .replacing("min_cpu_cores: 4", with: "min_cpu_cores: 6").replacing("min_memory_gb: 8", with: "min_memory_gb: 1.5")
      .replacing("mbps: 10", with: "mbps: 2gbps").replacing("percent: 95", with: "percent: 99.5%")
      .replacing("auto_distribute: true", with: "auto_distribute: off").replacing(
        "min_replication: 2", with: "min_replication: 3"
      )
      .replacing("check_interval: 300", with: "check_interval: 5m").replacing("timeout: 30", with: "timeout: 1500ms")
      .replacing("7000-7999", with: "7100 - 7149").replacing("1000", with: "77").replacing(
        "compression: true", with: "compression: 0")
    let settings = try #require(load(text).settings)
    #expect(!settings.isEnabled && settings.securityLevel == .low)
    #expect(settings.security.certificateLifetime == Span(days: 90) && settings.security.lockedMemory == .wanted)
    #expect(settings.hostRequirements.cpuCores == 6 && settings.hostRequirements.memoryBytes == 1_500_000_000)
    #expect(settings.hostRequirements.bandwidthBitsPerSecond == 2_000_000_000)
    #expect(settings.hostRequirements.uptimePerMille == 995)
    #expect(!settings.maps.movesByItself && settings.maps.minimumReplication == 3)
    #expect(settings.maps.checkInterval == Span(seconds: 300))
    #expect(settings.maps.failoverTimeout == Span(milliseconds: 1500))
    #expect(settings.network.ports == PortRange(first: 7100, last: 7149) && settings.network.ports.count == 50)
    #expect(settings.network.maximumConnections == 77 && !settings.network.compresses)
  }

  @Test(
    arguments: [
      ("p2p_settings.network.max_connections: 50", 50), ("p2p_settings: { network { max_connections = 50 } }", 50),
      ("p2p_settings.network:\r\n{\r\n\tmax_connections : 50 // fifty\r\n}\r\n", 50),
      ("p2p_settings { network.max_connections: 50; }", 50), ("# nothing", 1000), ("", 1000),
    ])
  func operatorsFileOverrides(text: String, expected: Int) throws {
    var files = MemoryFiles([("conf/p2p_athena.conf", ShippedFile.text)])
    files.set("conf/import/p2p_conf.txt", Array(text.utf8))
    let loaded = SettingsReader.load("conf/p2p_athena.conf", from: files)
    #expect(loaded.messages.errors.isEmpty, "\(loaded.messages.description)")
    #expect(try #require(loaded.settings).network.maximumConnections == expected)
    guard case .set(let places) = loaded.origin(of: "network.max_connections") else {
      Issue.record("no place")
      return
    }
    #expect(places[0].file == (expected == 50 ? "conf/import/p2p_conf.txt" : "conf/p2p_athena.conf"))
    // The operator chose something that does nothing yet, and is told.
    #expect(loaded.messages.warnings.map(\.code) == (expected == 50 ? [.noEffectYet] : []))
  }
}
