import Configuration
import Testing

@Suite struct LayersTests {
  static func read(_ files: MemoryFiles, options: [String] = []) -> LoadedSettings {
    SettingsReader.load("conf/main.conf", options: options, from: files)
  }

  // MARK: Which value wins

  @Test func laterLayersWin() throws {
    let files = MemoryFiles([
      (
        "conf/main.conf",
        "p2p_settings { network.max_connections: 1\nnode.data_dir: a }\nimport: import/mine.txt\np2p_settings.node.keys_dir: main"
      ),
      ("conf/import/mine.txt", "p2p_settings { network.max_connections: 2\nnode.data_dir: b; node.keys_dir: mine }"),
    ])
    let loaded = LayersTests.read(
      files, options: ["network.max_connections=3", "p2p_settings.network.max_connections = 4"])
    let settings = try #require(loaded.settings, "\(loaded.messages.description)")
    #expect(settings.network.maximumConnections == 4)
    #expect(settings.node.dataDirectory == "b")
    // An import counts where it stands: what follows it in the file is later.
    #expect(settings.node.keysDirectory == "main")
    #expect(loaded.origin(of: "node.data_dir")?.description == "conf/import/mine.txt:2")
    #expect(loaded.origin(of: "node.keys_dir")?.description == "conf/main.conf:4")
    #expect(loaded.origin(of: "network.max_connections")?.description == "--set")
    #expect(loaded.origin(of: "node.log_level") == .builtIn)
    #expect(loaded.origin(of: "security.locked_memory") == .preset(.high))
    #expect(loaded.files == ["conf/main.conf", "conf/import/mine.txt"])
  }

  @Test(
    arguments: [(SecurityLevel.low, 90, LockedMemory.wanted), (.medium, 30, .wanted), (.high, 7, .required)])
  func presetsLieBelowFiles(level: SecurityLevel, days: Int, memory: LockedMemory) throws {
    let plain = try #require(load("p2p_settings.security_level: \(level.rawValue)").settings)
    #expect(plain.security.certificateLifetime == Span(days: UInt16(days)) && plain.security.lockedMemory == memory)
    // Wherever the level stands, a value that was set itself stays.
    let other = load("p2p_settings.security.certificate_lifetime: 2h", options: ["security_level=\(level.rawValue)"])
    #expect(try #require(other.settings).security.certificateLifetime == Span(seconds: 7200))
    #expect(other.origin(of: "security.locked_memory") == .preset(level))
  }

  @Test func listsReplaceOrAppend() throws {
    let files = MemoryFiles([
      ("conf/main.conf", "p2p_settings.network.bootstrap_peers: [a, // first\n \"b\",]\nimport: x.txt"),
      ("conf/x.txt", "p2p_settings: { network: { +bootstrap_peers: c } }\n"),
    ])
    let loaded = LayersTests.read(files, options: ["+network.bootstrap_peers=[d, e]"])
    #expect(try #require(loaded.settings).network.bootstrapFiles == ["a", "b", "c", "d", "e"])
    #expect(loaded.origin(of: "network.bootstrap_peers")?.description == "conf/main.conf:1, conf/x.txt:1, --set")
    let replaced = LayersTests.read(files, options: ["network.bootstrap_peers=/etc/x y.txt"])
    #expect(try #require(replaced.settings).network.bootstrapFiles == ["/etc/x y.txt"])
    let tooMany = LayersTests.read(files, options: ["+network.bootstrap_peers=[1,2,3,4,5,6]"])
    #expect(tooMany.messages.errors.map(\.code) == [.tooLong])
  }

  @Test(
    arguments: [
      ("network.compresion=no", MessageCode.unknownSetting, "--set:1:9"),
      ("network.compression", .badOption, "--set:1:20"),
      ("=5", .badOption, "--set:1:1"), ("network.compression=", .missingValue, "--set:1:1"),
      ("a\nb=1", .badOption, "--set:1:1"),
      ("enable=perhaps", .notATruth, "--set:1:8"), ("network.advertise=[::1]:7000", .textAfterValue, "--set:1:24"),
      ("node.data_dir=\"open", .openText, "--set:1:15"), ("enable=y\u{0}es", .controlCharacter, "--set:1:9"),
    ])
  func brokenOptions(option: String, code: MessageCode, place: String) {
    let errors = load("", options: [option]).messages.errors
    #expect(errors.map(\.code) == [code], "\(errors.map(\.description))")
    #expect(errors.first?.place?.description == place)
    #expect(errors.first?.help != nil || code == .badOption)
  }

  @Test func aBareOptionGoesToItsEnd() throws {
    let settings = try #require(load("", options: ["node.data_dir=/srv/a,b;c // d # e"]).settings)
    #expect(settings.node.dataDirectory == "/srv/a,b;c // d # e")
    #expect(
      try #require(SettingsReader.load(nil, options: ["enable=no"], from: MemoryFiles()).settings).isEnabled == false)
  }

  // MARK: Files

  @Test func importsAreLookedForInTheWorkingFolderFirst() throws {
    var files = MemoryFiles([
      ("conf/main.conf", "import: x.txt"), ("x.txt", "p2p_settings.node.data_dir: working"),
      ("conf/x.txt", "p2p_settings.node.data_dir: beside"),
    ])
    #expect(try #require(LayersTests.read(files).settings).node.dataDirectory == "working")
    files.files["x.txt"] = nil
    #expect(try #require(LayersTests.read(files).settings).node.dataDirectory == "beside")
    // An absolute path is looked for only there.
    files.set("conf/main.conf", Array("@include \"/x.txt\"".utf8))
    #expect(LayersTests.read(files).messages.errors.map(\.code) == [.missingFile])
  }

  @Test func missingFilesNameTheCommand() {
    let files = MemoryFiles([
      ("conf/main.conf", "import: import/p2p_conf.txt"), ("conf/import-tmpl/p2p_conf.txt", "// yours"),
    ])
    let error = LayersTests.read(files).messages.errors.first
    #expect(error?.code == .missingFile && error?.place == Place(file: "conf/main.conf", line: 1, column: 9))
    #expect(error?.help == "mkdir -p conf/import && cp conf/import-tmpl/p2p_conf.txt conf/import/p2p_conf.txt")
    #expect(error?.text == "there is no file `import/p2p_conf.txt` and no `conf/import/p2p_conf.txt`")
    let nothing = SettingsReader.load("none.conf", from: MemoryFiles())
    #expect(nothing.messages.errors.map(\.code) == [.missingFile] && nothing.settings == nil)
    #expect(nothing.messages.errors.first?.help?.contains("--config") ?? false)
  }

  @Test func circlesAreShownAsAChain() {
    let files = MemoryFiles([
      ("conf/main.conf", "import: a"), ("conf/a", "// a\nimport: b"), ("conf/b", "p2p_settings.enabel: no\nimport: a"),
    ])
    let errors = LayersTests.read(files).messages.errors
    #expect(errors.map(\.code) == [.unknownSetting, .importCycle], "the rest of the files is read all the same")
    #expect(errors.last?.text == "this import closes a circle: conf/a -> conf/b -> conf/a")
    #expect(errors.last?.place == Place(file: "conf/b", line: 2, column: 9))
    // Two names of one file are one file.
    var linked = MemoryFiles([("conf/main.conf", "import: again\nimport: other"), ("other", "")])
    linked.files["again"] = linked.files["conf/main.conf"]
    #expect(LayersTests.read(linked).messages.errors.map(\.code) == [.importCycle])
  }

  @Test func aFileIsReadOnce() {
    let files = MemoryFiles([("conf/main.conf", "import: a\nimport: b"), ("a", "import: b"), ("b", "")])
    let errors = LayersTests.read(files).messages.errors
    #expect(errors.map(\.code) == [.importedTwice] && errors[0].place?.line == 2)
  }

  @Test func filesAndDepthAreLimited() {
    func chain(_ count: Int) -> MemoryFiles {
      var files = MemoryFiles([("conf/main.conf", "import: 1")])
      for number in 1...count { files.set("\(number)", Array((number < count ? "import: \(number + 1)" : "").utf8)) }
      return files
    }
    #expect(LayersTests.read(chain(7)).settings != nil)
    #expect(LayersTests.read(chain(8)).messages.errors.map(\.code) == [.importsTooDeep])
    func row(_ count: Int) -> MemoryFiles {
      var files = MemoryFiles([("conf/main.conf", (1...count).map { "import: \($0)\n" }.joined())])
      for number in 1...count { files.set("\(number)", []) }
      return files
    }
    #expect(LayersTests.read(row(31)).settings != nil)
    #expect(LayersTests.read(row(32)).messages.errors.map(\.code) == [.tooManyFiles])
  }

  @Test func filesThatOthersCouldWriteAreRefused() {
    func refusal(_ change: (inout MemoryFiles.File) -> Void) -> Message? {
      var files = MemoryFiles([("conf/main.conf", "import: x"), ("x", "")])
      if var file = files.files["x"] {
        change(&file)
        files.files["x"] = file
      }
      return LayersTests.read(files).messages.errors.first
    }
    let world = refusal { $0.mode = 0o666 }
    #expect(world?.code == .unsafeFile && world?.text == "everybody may write to `x` (mode 0666)")
    #expect(world?.help == "chmod o-w x" && world?.place == Place(file: "conf/main.conf", line: 1, column: 9))
    let foreign = refusal { $0.owner = 1001 }
    #expect(
      foreign?.code == .unsafeFile && foreign?.text.contains("user 1001") ?? false && foreign?.help == "chown 1000 x")
    #expect(refusal { $0.isRegular = false }?.code == .unsafeFile)
    #expect(
      refusal {
        $0.owner = 0; $0.mode = 0o664
      } == nil)
    var first = MemoryFiles([("conf/main.conf", "")])
    first.files["conf/main.conf"]?.mode = 0o777
    #expect(LayersTests.read(first).messages.errors.map(\.code) == [.unsafeFile])
    var failing = MemoryFiles([("conf/main.conf", "import: x")])
    failing.failing["x"] = "permission denied"
    #expect(LayersTests.read(failing).messages.errors.map(\.text) == ["cannot read `x`: permission denied"])
  }

  @Test func mistakesOfAllFilesComeAtOnceInTheirOrder() {
    let files = MemoryFiles([
      ("conf/main.conf", "p2p_settings.enabel: no\nimport: a\nimport: gone\np2p_settings.enable: perhaps\nx y"),
      ("a", "p2p_settings.network.port_range: 9-1\n}"),
    ])
    let errors = LayersTests.read(files, options: ["nonsense=1"]).messages.errors
    #expect(
      errors.map { $0.place?.description ?? "" } == [
        "conf/main.conf:1:14", "conf/main.conf:3:9", "conf/main.conf:4:22", "conf/main.conf:5:2", "a:1:34", "a:2:1",
        "--set:1:1",
      ])
  }

  // MARK: Surroundings

  @Test func surroundingsAreChecked() {
    var surroundings = Surroundings()
    surroundings.takeoverBound = { $0 == .wan ? Span(milliseconds: 5100) : Span(milliseconds: 1700) }
    surroundings.admittedHosts = 1
    surroundings.mapServers = 9
    surroundings.openFileLimit = 1024
    func codes(_ text: String) -> [String] {
      load(text, surroundings: surroundings).messages.list.filter { $0.code != .noEffectYet }.map(\.code.rawValue)
    }
    #expect(codes("") == ["C061", "C063"])
    let few = "p2p_settings { map_settings.min_replication: 1; network.max_connections: 100; "
    #expect(codes(few + "}") == [])
    #expect(codes(few + "network.port_range: 7000-7005 }") == ["C062"])
    #expect(codes(few + "map_settings.failover_timeout: 1 }") == ["C052"])
    #expect(codes(few + "map_settings.failover_timeout: 5; network.profile: wan }") == ["C052"])
    #expect(codes(few + "map_settings.failover_timeout: 6; network.profile: wan }") == [])
    let error = load(few + "map_settings.failover_timeout: 5; network.profile: wan }", surroundings: surroundings)
      .messages.errors.first
    #expect(error?.text.contains("5100ms") ?? false && error?.help == "write `failover_timeout: 6` or more")
    #expect(error?.place?.line == 1 && error?.excerpt != nil)
  }

  @Test func aSettingWithoutEffectWarnsWhoeverChoseIt() {
    #expect(load("p2p_settings.map_settings.hold_limit: 60").messages.warnings.map(\.code) == [.noEffectYet])
    #expect(load("", options: ["map_settings.hold_limit=60"]).messages.warnings.map(\.code) == [.noEffectYet])
    #expect(load("p2p_settings.map_settings.hold_limit: 10").messages.warnings.isEmpty)
    #expect(load("p2p_settings.network.profile: wan").messages.list.isEmpty)
  }
}
