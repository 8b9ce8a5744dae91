import Configuration
import Testing

/// Files that are wrong in one way each (or in several): code, place, help.
@Suite struct BrokenFilesTests {
  struct Case: CustomTestStringConvertible {
    var text: String
    /// `CODE line:column`, in the order of the file.
    var expected: [String]
    /// Part of the help of the first message; "" = there is none.
    var help: String
    var testDescription: String { expected.joined(separator: ", ") + " in " + String(text.prefix(60)) }

    init(_ text: String, _ expected: String..., help: String) {
      self.text = text
      self.expected = expected
      self.help = help
    }
  }

  static func inside(_ text: String) -> String { "p2p_settings: {\n\(text)\n}\n" }

  static let cases: [Case] = [
    // Braces.
    Case("p2p_settings: {\n  enable: yes\n", "C001 1:15", help: "put a `}`"),
    Case("p2p_settings: {\n  network: {\n    compression: yes\n  }\n", "C001 1:15", help: "put a `}`"),
    Case(
      "p2p_settings: {\n    network: {\n        compression: yes\n    map_settings: {\n        min_hosts: 1\n    }\n}\n",
      "C001 2:14", help: "put a `}`"),
    Case("p2p_settings: {\n  network: {\n", "C001 1:15", "C001 2:12", help: "put a `}`"),
    Case("p2p_settings: {\n}\n}\n", "C002 3:1", help: "remove it"),
    Case("p2p_settings: {\n  network: {\n  }\n  }\n  enable: yes\n}\n", "C002 6:1", help: "remove it"),
    Case("p2p_settings\n  enable: yes\n}\n", "C015 1:13", help: "write `p2p_settings: {`"),
    Case(inside("  network:\n    compression: yes\n  }"), "C015 2:10", help: "write `network: {`"),
    Case("{\n  enable: yes\n}\n", "C006 1:1", help: "a section has a name"),
    Case(inside("  enable {\n  }"), "C035 2:3", help: "write `enable: `"),
    Case(inside("  netwrk: {\n    compresion: yes\n    anything: 1\n  }"), "C020 2:3", help: "did you mean `network`?"),
    Case(inside("a{a{a{a{a{a{a{a{a{}}}}}}}}}"), "C020 2:1", "C013 2:15", help: "config show"),
    // Colons and values.
    Case(inside("  enable true"), "C005 2:9", help: "write `enable: true`"),
    Case(inside("  enable"), "C005 2:9", help: "write `enable: `"),
    Case(inside("  host requirements {\n    min_cpu_cores: 4\n  }"), "C005 2:7", help: "write `host: requirements {`"),
    Case(inside("  enable:"), "C007 2:3", help: "write a value"),
    Case(inside("  enable: // yes"), "C007 2:3", help: "write a value"),
    Case(inside("  enable: }"), "C007 2:3", "C002 3:1", help: "write a value"),
    Case("import:\n", "C007 1:1", help: "path of a file"),
    Case("@include\n", "C007 1:1", help: "@include \"FILE\""),
    Case("@import x\n", "C006 1:1", help: "@include"),
    Case(inside("  = yes"), "C006 2:3", help: "a name stands before it"),
    Case(inside("  \"enable\": true"), "C006 2:3", help: "without quotes"),
    Case(inside("  $enable: true"), "C006 2:3", help: "an entry is `name: value`"),
    Case(inside("  network..compression: yes"), "C014 2:3", help: "single dots"),
    Case(inside("  .enable: yes"), "C014 2:3", help: "single dots"),
    Case(inside("  network.max_connections: 1,000"), "C005 2:33", help: "1000, not 1,000"),
    // Texts and lists.
    Case(inside("  node.data_dir: \"mesh/data"), "C003 2:18", help: "put a `\"`"),
    Case(inside("  node.data_dir: \"C:\\mesh\""), "C009 2:21", help: "written \\\\"),
    Case(inside("  node.data_dir: \"\\u{110000}\""), "C009 2:19", help: "known are"),
    Case(inside("  node.data_dir: \"a\" b"), "C012 2:22", help: "one entry a line"),
    Case("/* never closed\n" + inside("enable: yes"), "C004 1:1", help: "*/"),
    Case(inside("  network.bootstrap_peers: [a.txt, b.txt"), "C008 2:28", help: "put a `]`"),
    Case(inside("  network.bootstrap_peers: [\"a\" \"b\"]"), "C008 2:28", help: "write `[first, second]`"),
    Case(inside("  network.bootstrap_peers: [a.txt,,b.txt]"), "C007 2:35", help: ""),
    Case(inside("  network.bootstrap_peers: [[[[[[[[[a]]]]]]]]]"), "C013 2:36", help: ""),
    Case(inside("  network.bootstrap_peers: [1,2,3,4,5,6,7,8,9]"), "C037 2:28", help: ""),
    Case(inside("  network.bootstrap_peers: [[a]]"), "C036 2:29", help: "write a path"),
    Case(inside("  network.advertise: [2001:db8::1]:7000"), "C012 2:35", help: "written in quotes"),
    Case(inside("  network.listen: [2001:db8::1]"), "C036 2:19", help: "in quotes"),
    // Names.
    Case(inside("    securty_level: high"), "C020 2:5", help: "did you mean `security_level`?"),
    Case("p2p_setings: {\n  enable: yes\n}\n", "C020 1:1", help: "did you mean `p2p_settings`?"),
    Case(inside("  compression: yes"), "C020 2:3", help: "`compression` lives in `p2p_settings.network`"),
    Case(
      inside("  network.failover_timeout: 30"), "C020 2:11",
      help: "`failover_timeout` lives in `p2p_settings.map_settings`"),
    Case("network: {\n  compression: yes\n}\n", "C020 1:1", help: "write `p2p_settings.network: {`"),
    Case("compression: yes\n", "C020 1:1", help: "`p2p_settings.network.compression`"),
    Case("p2p_settings.netwrok.compression: yes\n", "C020 1:14", help: "did you mean `network`?"),
    Case(inside("  frobnicate: 1"), "C020 2:3", help: "config show --defaults"),
    Case(inside("  network: yes"), "C034 2:3", help: "write `network: {`"),
    Case(inside("  enable.now: yes"), "C035 2:3", help: "p2p_settings.enable"),
    Case(inside("  enable: yes\n  enable: no"), "C030 3:3", help: "remove one"),
    Case(inside("  enable: yes\n  enable_p2p: yes"), "C031 3:3", help: "remove one"),
    Case(inside("  map_settings { check_interval: 300; host_check_interval: 300 }"), "C031 2:39", help: "remove one"),
    Case(inside("  +enable: yes"), "C032 2:4", help: "leave out the `+`"),
    Case(inside("  +network: {\n}"), "C032 2:3", help: "leave out the `+`"),
    Case(inside("  bridge.password: hunter2"), "C033 2:10", help: "passwd_file"),
    Case(inside("  network.secret: abc"), "C033 2:11", help: "mode 0600"),
    Case(inside("  bridge.database: mariadb://root:hunter2@db/mesh"), "C033 2:20", help: "database_password_file"),
    // Values.
    Case(inside("  enable: maybe"), "C022 2:11", help: "yes or no"),
    Case(inside("  enable: ture"), "C022 2:11", help: "did you mean `true`?"),
    Case(inside("  host_requirements.min_cpu_cores: four"), "C023 2:36", help: "a whole number from 0 to 1024"),
    Case(inside("  host_requirements.min_cpu_cores: 4.5"), "C023 2:36", help: "whole number"),
    Case(inside("  host_requirements.min_cpu_cores: 0x10"), "C023 2:36", help: "a whole number"),
    Case(inside("  host_requirements.min_cpu_cores: -1"), "C024 2:36", help: "from 0 to 1024"),
    Case(inside("  host_requirements.min_cpu_cores: 99999999999999999999"), "C024 2:36", help: "from 0 to 1024"),
    Case(inside("  host_requirements.min_cpu_cores: 4 cores"), "C025 2:38", help: "without a unit"),
    Case(inside("  host_requirements.min_memory_gb: 8192000"), "C024 2:36", help: "did you mean `8192000MB`?"),
    Case(inside("  map_settings.failover_timeout: 30000"), "C024 2:34", help: "did you mean `30000ms`?"),
    Case(inside("  map_settings.check_interval: 5MB"), "C025 2:33", help: "ms, s, m, min, h, d"),
    Case(inside("  map_settings.check_interval: 0.0001"), "C023 2:32", help: "finest step is 1ms"),
    Case(inside("  host_requirements.min_uptime_percent: 101"), "C024 2:41", help: "0% to 100%"),
    Case(inside("  network.port_range: 7999-7000   // game side"), "C021 2:23", help: "write `7000-7999`"),
    Case(inside("  network.port_range: 7000:7999"), "C028 2:23", help: "`-` between"),
    Case(inside("  network.port_range: 7000-70000"), "C024 2:23", help: "two ports"),
    Case(inside("  network.port_range: 0-10"), "C024 2:23", help: "two ports"),
    Case(inside("  network.port_range: 7000"), "C051 2:23", help: "2 or more"),
    Case(
      inside("  network.port_range: 7000-7001\n  supervisor.rathena_dir: /srv/rathena"), "C051 2:23", help: "3 or more"),
    Case(inside("  network.profile: lna"), "C026 2:20", help: "did you mean `lan`?"),
    Case(inside("  security_level: extreme"), "C026 2:19", help: "low, medium or high"),
    Case(inside("  network.listen: 0.0.0.0:7000"), "C027 2:19", help: "leave out the port"),
    Case(inside("  network.listen: 300.1.1.1"), "C027 2:19", help: "an IP address without a port"),
    Case(inside("  network.advertise: home.example.org"), "C027 2:22", help: "an IP address"),
    Case(inside("  bridge.char_server: 127.0.0.1"), "C027 2:23", help: "a port is missing"),
    Case(inside("  bridge.char_server: ::1"), "C027 2:23", help: "`\"[::1]:6121\"`"),
    Case(inside("  bridge.char_server: 127.0.0.1:0"), "C027 2:23", help: "a host and a port"),
    Case(inside("  bridge.char_door: \"[::1]:6121\""), "C027 2:21", help: "an IPv4 address"),
    Case(inside("  bridge.database: postgres://x/y"), "C026 2:20", help: "`sqlite` or"),
    Case(inside("  bridge.database: mariadb://db/mesh"), "C054 2:20", help: "database_user"),
    Case(inside("  bridge.userid: s 1"), "C014 2:18", help: "up to 23 letters"),
    Case(inside("  map_settings.shards: auto"), "C026 2:24", help: "`auto N`"),
    Case(inside("  map_settings.shards: auto 0"), "C026 2:24", help: "`auto N`"),
    Case(inside("  map_settings.shards: permap"), "C026 2:24", help: "a file has a `/`"),
    Case(inside("  node.data_dir: \"\""), "C029 2:18", help: "write a path"),
    Case(inside("  node.data_dir: ~/mesh"), "C029 2:18", help: "the whole path"),
    Case(inside("  node.control_socket: /" + String(repeating: "x", count: 107)), "C029 2:24", help: "shorten it"),
    Case(inside("  node.data_dir: \"a\\u{7}b\""), "C010 2:18", help: "write a path"),
    // Settings that do not go together.
    Case(inside("  network.encryption: false"), "C050 2:23", help: "encryption: yes"),
    Case(inside("  map_settings.min_replication: 4"), "C053 2:33", help: "raise replication_factor"),
    Case(inside("  map_settings.replication_factor: 1"), "C053 2:36", help: "raise replication_factor"),
    // Characters.
    Case("p2p_settings: {\n  enable: y\u{0}es\n}\n", "C010 2:12", help: "UTF-8"),
    Case("// \u{1b}[31m\n", "C010 1:4", help: "remove it"),
    // Files.
    Case("import: nowhere.txt\n", "C040 1:9", help: "existing file"),
    Case(
      "import: conf/import/p2p_conf.txt\n", "C040 1:9",
      help: "cp conf/import-tmpl/p2p_conf.txt conf/import/p2p_conf.txt"),
    Case("import: p2p.conf\n", "C041 1:9", help: "remove one"),
    Case("import: [a, b]\n", "C029 1:9", help: "import: conf/import"),
    // Several at once.
    Case(
      inside(
        "  enabel: yes\n  security_level: hi gh\n  network: {\n    port_range 7000-7999\n    encryption: perhaps\n  }\n  bridge.char_server: \"x"
      ),
      "C020 2:3", "C026 3:19", "C005 5:15", "C022 6:17", "C003 8:23", help: "did you mean `enable`?"),
  ]

  @Test(arguments: cases) func isTold(_ broken: Case) {
    let loaded = load(broken.text)
    let found = loaded.messages.errors.map { error in
      "\(error.code.rawValue) \(error.place.map { "\($0.line):\($0.column)" } ?? "nowhere")"
    }
    #expect(found == broken.expected, "\(loaded.messages.description)")
    #expect(loaded.settings == nil)
    for error in loaded.messages.errors { #expect(error.place?.file == "p2p.conf") }
    let help = loaded.messages.errors.first?.help ?? ""
    #expect(broken.help.isEmpty ? help.isEmpty : help.contains(broken.help), "\(help)")
    #expect(!loaded.messages.description.contains("hunter2"), "a secret is shown")
    // The same file with CRLF has the same mistakes in the same places.
    let withCRLF = load(broken.text.replacing("\n", with: "\r\n"))
    #expect(withCRLF.messages.errors.map(\.place) == loaded.messages.errors.map(\.place))
    #expect(withCRLF.messages.errors.map(\.code) == loaded.messages.errors.map(\.code))
  }

  @Test func thereAreManyAndTheyCoverTheCodes() {
    #expect(BrokenFilesTests.cases.count >= 60)
    let covered = Set(BrokenFilesTests.cases.flatMap(\.expected).map { String($0.prefix(4)) })
    // The rest needs other files, the caller's figures or a bootstrap list, and has tests of its own.
    let elsewhere: Set<String> = [
      "C011", "C042", "C043", "C044", "C045", "C046", "C047", "C048", "C052", "C060", "C061", "C062", "C063", "C070",
      "C071", "C072", "C073", "C074", "C075",
    ]
    let missing = Set(MessageCode.allCases.map(\.rawValue)).subtracting(covered).subtracting(elsewhere)
    #expect(missing.isEmpty, "no broken file for \(missing.sorted())")
  }

  @Test func bytesThatAreNoText() {
    for (bytes, place) in [
      ([0xff, 0xfe, 0x70, 0x00] as [UInt8], "1:1"), ([0x23, 0x20, 0xe9, 0x0a], "1:3"), ([0xc0, 0xaf], "1:1"),
      ([0x23, 0xed, 0xa0, 0x80], "1:2"), ([0x23, 0x0a, 0xf4, 0x90, 0x80, 0x80], "2:1"), ([0x23, 0xe2, 0x82], "1:2"),
    ] {
      let errors = load(bytes).messages.errors
      #expect(errors.map(\.code) == [.notUTF8])
      #expect(errors.first?.place.map { "\($0.line):\($0.column)" } == place, "\(bytes)")
      #expect(errors.first?.help?.contains("UTF-8") ?? false)
    }
  }

  @Test func looksAsPromised() {
    let text = "p2p_settings: {\n\n    securty_level: high\n    network.port_range:\t7999-7000   // game side\n}\n"
    let expected = """
      error[C020]: unknown setting `p2p_settings.securty_level`
       --> p2p.conf:3:5
        |
      3 |     securty_level: high
        |     ^^^^^^^^^^^^^
        = help: did you mean `security_level`?

      error[C021]: the range ends before it starts
       --> p2p.conf:4:25
        |
      4 |     network.port_range:    7999-7000   // game side
        |                            ^^^^^^^^^
        = help: write `7000-7999`
      """
    #expect(load(text).messages.description == expected)
  }

  @Test func atMostTenAreShownAndTheRestIsCounted() {
    let lines = (1...5000).map { "nonsense_\($0): 1" }.joined(separator: "\n")
    let messages = load(BrokenFilesTests.inside(lines)).messages
    #expect(messages.errors.count == 10 && messages.errorCount == 5000)
    #expect(messages.description.hasSuffix("… and 4990 more"))
  }

  @Test func secretsAndControlCharactersAreNotRepeated() {
    // As a secret, and as a typing mistake in the name of a setting.
    for name in ["pasword", "passwd_fil"] {
      let loaded = load(BrokenFilesTests.inside("  bridge.\(name): \"hunter2\" // hunter2"))
      let text = loaded.messages.description
      #expect(loaded.messages.errorCount == 1 && !text.contains("hunter2") && text.contains("********"), "\(text)")
    }
    let hostile = load(BrokenFilesTests.inside("  x\u{202e}y\u{200b}: 1")).messages.description
    #expect(!hostile.unicodeScalars.contains("\u{202e}") && hostile.contains("\\u{202e}"))
  }
}
