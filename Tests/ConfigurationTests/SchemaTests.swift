import Configuration
import Testing

@Suite struct SchemaTests {
  @Test func everySettingIsWhole() {
    #expect(Schema.settings.count == 42)
    #expect(Set(Schema.settings.map(\.path)).count == Schema.settings.count)
    let sections = Set(Schema.sections.map(\.path))
    for setting in Schema.settings {
      #expect(sections.contains(setting.section), "\(setting.path)")
      #expect(setting.explanation.count > 40 && setting.explanation.hasSuffix("."), "\(setting.path)")
      #expect(!setting.explanation.contains("\n"))
      #expect(!setting.allowed.isEmpty)
      // The built-in default is one that a file may have.
      let loaded = load("\(setting.path): \(setting.defaultText)")
      #expect(loaded.messages.errors.isEmpty, "\(loaded.messages.description)")
      #expect(loaded.settings?.differences(to: Settings()) == [])
      for alias in setting.aliases { #expect(Schema.setting(setting.section + "." + alias)?.path == setting.path) }
    }
    #expect(Schema.setting("enable_p2p")?.path == "p2p_settings.enable")
    #expect(Schema.setting("map_settings.host_check_interval")?.path == "p2p_settings.map_settings.check_interval")
  }

  /// A value of each setting that is not its default.
  static let others: [(path: String, texts: [String])] = [
    ("enable", ["no"]), ("security_level", ["low", "medium"]),
    ("security.certificate_lifetime", ["90d", "1h", "5400s"]),
    ("security.locked_memory", ["wanted"]), ("host_requirements.min_cpu_cores", ["0", "1024"]),
    ("host_requirements.min_memory_gb", ["0GB", "1500MB", "1B", "65536GB"]),
    ("host_requirements.min_bandwidth_mbps", ["1gbps", "1500kbps"]),
    ("host_requirements.min_uptime_percent", ["0%", "99.9%", "100%"]), ("map_settings.auto_distribute", ["no"]),
    ("map_settings.min_replication", ["1", "3"]), ("map_settings.check_interval", ["10s", "1d", "10001ms"]),
    ("map_settings.failover_timeout", ["1s", "1h", "1500ms"]), ("map_settings.replication_factor", ["2", "7"]),
    ("map_settings.min_hosts", ["4096"]), ("map_settings.max_maps_per_host", ["100000"]),
    ("map_settings.hold_limit", ["1001ms"]), ("map_settings.owners_trust_class", ["0", "2"]),
    ("map_settings.shards", ["per-map", "auto 1200", "conf/shards.txt", "\"a, b.txt\""]),
    ("network.port_range", ["1-2", "65534-65535"]), ("network.max_connections", ["1", "65535"]),
    ("network.compression", ["no"]), ("network.profile", ["lan-fast", "wan"]),
    ("network.listen", ["::", "::1", "2001:db8::192.0.2.1", "127.0.0.1"]),
    ("network.advertise", ["192.0.2.1", "192.0.2.1:7000", "2001:db8::1", "\"[2001:db8::1]:7000\""]),
    ("network.bootstrap_peers", ["[a]", "[a, b, c, d, e, f, g, h]", "[\"a, b\", \"c\\\"d\", \"é\"]"]),
    ("node.data_dir", ["/srv/my mesh", "\"x # y\"", "\"C:\\\\mesh\"", "http://x", "\" blanks \"", "\"// x\"", "a//b"]),
    ("node.keys_dir", ["k"]), ("node.control_socket", ["/run/mesh/control.sock"]),
    ("node.log_format", ["text", "logfmt", "json"]), ("node.log_level", ["trace", "critical"]),
    ("bridge.enable", ["yes"]),
    ("bridge.char_server", ["char.example.org:6121", "\"[::1]:6121\""]), ("bridge.char_door", ["198.51.100.7:6121"]),
    ("bridge.userid", ["mesh-1"]), ("bridge.passwd_file", ["keys/inter"]),
    ("bridge.database", ["mariadb://db/mesh", "mariadb://db.example.org:3307/mesh", "\"mariadb://[::1]:3306/mesh\""]),
    ("bridge.database_user", ["root"]), ("bridge.database_password_file", ["keys/db"]),
    ("supervisor.rathena_dir", ["/srv/rathena"]), ("supervisor.inter_config", ["conf/inter.conf"]),
    ("supervisor.warm_standby", ["64"]),
  ]

  /// What `config show` prints can be read again, with and without origins, and gives the same settings.
  @Test(arguments: others) func everySettingSurvivesTheRoundTrip(path: String, texts: [String]) throws {
    for text in texts {
      let user = path == "bridge.database" ? "p2p_settings.bridge.database_user: u\n" : ""
      let loaded = load("\(user)p2p_settings.\(path): \(text)")
      let settings = try #require(loaded.settings, "\(loaded.messages.description)")
      let changed = Settings().differences(to: settings).map(\.path)
      #expect(changed.contains("p2p_settings.\(path)"), "\(text) changed nothing")
      for shown in [Reports.show(settings), Reports.show(settings, origins: loaded.origins)] {
        let again = load(shown)
        #expect(again.messages.errors.isEmpty, "\(again.messages.description)")
        #expect(try #require(again.settings).differences(to: settings) == [])
        #expect(try #require(again.settings).canonicalBytes == settings.canonicalBytes)
      }
    }
  }

  @Test func theRoundTripCoversEverySetting() {
    let covered = Set(SchemaTests.others.map { "p2p_settings." + $0.path } + ["p2p_settings.network.encryption"])
    #expect(Set(Schema.settings.map(\.path)).subtracting(covered).isEmpty)
  }

  @Test(
    arguments: [
      (["true", "yes", "on", "1", "oui", "ja", "si", "sim", "TRUE", "Yes", "\"on\""], true),
      (["false", "no", "off", "0", "non", "nein", "nao", "OFF", "Nein"], false),
    ])
  func wordsForYesAndNo(words: [String], truth: Bool) throws {
    for word in words {
      let settings = try #require(load("p2p_settings.enable: \(word)").settings, "\(word)")
      #expect(settings.isEnabled == truth, "\(word)")
    }
  }

  @Test(
    arguments: [
      ("30", 30_000), ("300ms", 300), ("5m", 300_000), ("5 min", 300_000), ("0.5h", 1_800_000), ("0.25 s", 250),
      ("1H", 3_600_000), ("\"7\"", 7_000),
    ])
  func times(text: String, milliseconds: UInt32) throws {
    // hold_limit starts at 1 s, so shorter ones are measured through the message.
    let loaded = load("p2p_settings.map_settings.hold_limit: \(text)")
    if milliseconds < 1000 {
      #expect(loaded.messages.errors.map(\.code) == [.outOfRange])
    } else {
      #expect(try #require(loaded.settings).maps.holdLimit == Span(milliseconds: milliseconds))
    }
  }

  @Test func commentsAndSeparators() throws {
    let text = """
      /* a */ p2p_settings: { // b
        # c
        enable: no, security_level: low; network.compression: no /* d */
        node.data_dir: http://x//y#z   // e
        node.keys_dir: "a // b" # f
        network: { profile = wan }, ;
        bridge.userid: s1/* not a comment */
      }
      """
    let broken = load(text)
    #expect(broken.messages.errors.map(\.code) == [.badName], "a comment needs a blank before it")
    let settings = try #require(load(text.replacing("s1/*", with: "s2 /*")).settings)
    #expect(!settings.isEnabled && settings.securityLevel == .low && !settings.network.compresses)
    #expect(settings.node.dataDirectory == "http://x//y#z" && settings.node.keysDirectory == "a // b")
    #expect(settings.network.profile == .wan && settings.bridge.userID == "s2")
  }

  /// Only a blank, the start of a line or the end of an entry makes room for a comment.
  @Test(arguments: [("node.data_dir:#x", "#x"), ("node.data_dir=//x", "//x"), ("node.data_dir: a#b//c", "a#b//c")])
  func valuesThatLookLikeComments(text: String, path: String) throws {
    #expect(try #require(load("p2p_settings.\(text)").settings).node.dataDirectory == path)
    #expect(try #require(load("p2p_settings {\(text)}# end").settings).node.dataDirectory == path)
  }

  // MARK: Explanations

  @Test(arguments: MessageCode.allCases) func everyCodeIsExplained(code: MessageCode) throws {
    let text = try #require(Reports.explain(code.rawValue))
    #expect(text.hasPrefix("\(code.rawValue): ") && code.explanation.count > 50, "\(code.rawValue)")
    #expect(!code.explanation.contains("\n") && !code.explanation.contains("|"))
    // The command is one of mesh-ctl, and what it names exists.
    let words = code.helpCommand.split(separator: " ").map(String.init)
    #expect(words.first == "mesh-ctl")
    switch words.dropFirst().first {
    case "config":
      switch words.dropFirst(2).first {
      case "check": #expect(words.dropFirst(3) == ["FILE"])
      case "show": #expect(["--origin", "--defaults"].contains(words.dropFirst(3).joined(separator: " ")))
      case "explain": #expect(words.count == 4 && Schema.setting(words[3]) != nil, "\(code.helpCommand)")
      default: Issue.record("\(code.helpCommand)")
      }
    case "doctor", "members": #expect(words.count == 2)
    default: Issue.record("\(code.helpCommand)")
    }
  }

  @Test func settingsAndSectionsAreExplained() throws {
    for setting in Schema.settings {
      #expect(try #require(Reports.explain(setting.path)).contains(setting.explanation))
    }
    #expect(Reports.explain("network.port_range") == Reports.explain("p2p_settings.network.port_range"))
    #expect(try #require(Reports.explain("network")).contains("port_range: two ports"))
    #expect(try #require(Reports.explain("c020")).hasPrefix("C020: "))
    #expect(
      try #require(Reports.explain("security_level")).contains("low: p2p_settings.security.certificate_lifetime: 90d"))
    let loaded = load("\n\np2p_settings.network.profile: wan")
    #expect(try #require(Reports.explain("network.profile", in: loaded)).contains("value    wan   (p2p.conf:3)"))
    #expect(Reports.explain("network.prot_range") == nil && Reports.explain("") == nil)
    #expect(Reports.unknownSubject("network.prot_range").hasSuffix("did you mean `port_range`?"))
    #expect(Reports.unknownSubject("compresion").contains("did you mean `compression` in `p2p_settings.network`?"))
  }

  @Test func checkSaysTheVerdictFirst() {
    #expect(Reports.check(load("p2p_settings.network.profile: wan")) == "OK: p2p.conf: 1 setting, 0 warnings")
    let bad = Reports.check(load("p2p_settings.network.profile: wna"))
    #expect(bad.hasPrefix("BAD: 1 error, 0 warnings in p2p.conf\n\nerror[C026]"), "\(bad)")
  }

  // MARK: Differences and the digest

  @Test func differencesTellWhatIsLive() throws {
    let before = try #require(load("p2p_settings { network.profile: lan; node.log_level: info }").settings)
    let after = try #require(
      load("p2p_settings { network.profile: wan; node.log_level: debug; map_settings.min_hosts: 3 }").settings)
    let list = before.differences(to: after)
    #expect(
      list.map(\.path) == [
        "p2p_settings.map_settings.min_hosts", "p2p_settings.network.profile", "p2p_settings.node.log_level",
      ])
    #expect(list.map(\.change) == [.world, .restart, .live])
    #expect(list.map(\.before) == ["1", "lan", "info"] && list.map(\.after) == ["3", "wan", "debug"])
    #expect(Reports.differences(list).contains("p2p_settings.node.log_level: info -> debug  (at once)"))
    #expect(Reports.differences([]) == "nothing changes")
  }

  @Test func canonicalBytesAreOfTheMesh() throws {
    let canonical = String(decoding: Settings().canonicalBytes, as: UTF8.self)
    #expect(canonical.hasPrefix("mesh-settings/1\np2p_settings.security_level: high\n"))
    for setting in Schema.settings {
      #expect(canonical.contains(setting.path + ": ") == setting.isMeshWide, "\(setting.path)")
    }
    func bytes(_ text: String) throws -> [UInt8] { try #require(load(text).settings).canonicalBytes }
    // Another spelling of the same value is the same; another value of a mesh-wide setting is not; a local one is.
    #expect(try bytes("p2p_settings.map_settings.check_interval: 5m") == Settings().canonicalBytes)
    #expect(try bytes("p2p_settings.map_settings.check_interval: 301") != Settings().canonicalBytes)
    #expect(
      try bytes("p2p_settings.network.port_range: 1-9\np2p_settings.bridge.passwd_file: x") == Settings().canonicalBytes
    )
  }
}
