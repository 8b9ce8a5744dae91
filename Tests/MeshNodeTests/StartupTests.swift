import Configuration
import Control
import EventLoop
import Glibc
import KeyStore
import MeshLab
import MeshNode
import SecureChannel
import Testing
import Wire

extension ShellTests {
  /// The built program refuses what it should, with the codes of DESIGN 10 and a reason that a person can act on.
  @Suite("Start and end of mesh-node", .serialized)
  struct StartupTests {
    /// The folder of the binaries under test: the tests are built beside them.
    static func binaries() throws -> String {
      let own = try #require(
        CommandLine.arguments.first.flatMap { realpath($0, nil) }.map { pointer in
          defer { free(pointer) }
          return String(cString: pointer)
        })
      var folder = own[...]
      while let slash = folder.lastIndex(of: "/") {
        folder = folder[..<slash]
        if access(folder + "/mesh-node", X_OK) == 0 { return String(folder) }
      }
      throw LabError("mesh-node is not beside the tests (\(own)); build everything first")
    }

    /// A host of a network, and its node's processes.
    private final class Host {
      let scratch = ScratchFolder()
      let network: TestNetwork
      let key: HostKey
      let port: UInt16
      let binaries: String
      private var runs = 0

      var folder: String { scratch.path + "/n1" }
      var socket: String { folder + "/data/control.sock" }

      /// `peers` are the bootstrap list; `age` is how long ago its certificate began.
      init(age: UInt64 = 60, lifetime: UInt64 = 7 * 86_400, peers: [BootstrapPeer] = []) throws {
        binaries = try StartupTests.binaries()
        network = try TestNetwork()
        port = try StartupTests.freePort()
        key = try network.admit(
          "n1", into: scratch.path + "/n1", from: SystemClock.now.wallSeconds - age, lifetime: lifetime, peers: peers)
      }

      /// Starts mesh-node with these words, and waits for its end.
      func run(_ arguments: [String], environment: [String] = [], within seconds: Double = 20) throws -> (
        ending: LabProcess.Ending?, words: String
      ) {
        let process = try start(arguments, environment: environment)
        let ending = process.waitForEnding(within: seconds)
        process.kill()
        return (ending, process.logTail(lines: 100))
      }

      func start(_ arguments: [String], environment: [String] = []) throws -> LabProcess {
        runs += 1
        let standing = [
          "--dir", folder, "--set", "network.listen=127.0.0.1", "--set", "network.port_range=\(port)-\(port + 3)",
          "--log-format", "text",
        ]
        return try LabProcess(
          name: "mesh-node", executable: "/usr/bin/env",
          arguments: environment + [binaries + "/mesh-node"] + standing + arguments,
          logPath: scratch.path + "/run\(runs).log")
      }

      func ask<Answer: Reply>(_ request: ControlRequest) -> Answer? {
        guard let client = try? ControlClient(socket: socket, timeout: .seconds(5)) else { return nil }
        return try? client.ask(request)
      }

      /// Until it answers on its control socket.
      func waitUntilUp() -> StatusReply? {
        var status: StatusReply?
        _ = LabClock.wait(upTo: 20) {
          status = ask(.status)
          return status != nil
        }
        return status
      }
    }

    /// A port of 127.0.0.1 that nobody has now, UDP and TCP.
    static func freePort() throws -> UInt16 {
      for _ in 0..<100 {
        let port = UInt16.random(in: 21_000...28_000)
        if isFree(port, SOCK_DGRAM), isFree(port, SOCK_STREAM) { return port }
      }
      throw LabError("no port is free")
    }

    static func isFree(_ port: UInt16, _ type: __socket_type) -> Bool {
      let probe = bound(to: port, type)
      defer { if probe >= 0 { close(probe) } }
      return probe >= 0
    }

    /// A socket that has the port, or -1.
    static func bound(to port: UInt16, _ type: __socket_type) -> Int32 {
      // Or a child that starts meanwhile keeps the port.
      let probe = socket(AF_INET, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(probe, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      if result == 0 { return probe }
      close(probe)
      return -1
    }

    @Test("version, help with an example first, and a wrong option")
    func words() async throws {
      try await onOwnThread {
        let host = try Host()
        let version = try host.run(["--version"])
        #expect(version.ending == .exited(0) && version.words == "mesh-node \(ProductVersion.text)")
        let help = try host.run(["--help"])
        #expect(help.ending == .exited(0) && help.words.contains("mesh-ctl network create izlude && mesh-node"))
        #expect(try host.run(["--fly"]).ending == .exited(64))
        #expect(try host.run(["--join-timeout", "0s"]).ending == .exited(64))
      }
    }

    @Test("78: a configuration with errors, named by place; --check-config says the same")
    func configuration() async throws {
      try await onOwnThread {
        let host = try Host()
        let bad = try host.run(["--set", "network.profil=lan"])
        #expect(bad.ending == .exited(78) && bad.words.contains("did you mean `profile`?"), "\(bad.words)")
        let check = try host.run(["--check-config", "--set", "security_level=hihg"])
        #expect(check.ending == .exited(78) && check.words.contains("high"), "\(check.words)")
        let good = try host.run(["--check-config"])
        #expect(good.ending == .exited(0) && good.words.hasPrefix("OK"), "\(good.words)")
        let missing = try host.run(["--config", host.scratch.path + "/nowhere.conf"])
        #expect(missing.ending == .exited(78), "\(missing.words)")
      }
    }

    @Test("78: a port that is taken, by UDP or by TCP")
    func port() async throws {
      try await onOwnThread {
        let host = try Host()
        for type in [SOCK_DGRAM, SOCK_STREAM] {
          let taken = StartupTests.bound(to: host.port, type)
          defer { close(taken) }
          if type == SOCK_STREAM { listen(taken, 1) }
          let run = try host.run([])
          #expect(run.ending == .exited(78) && run.words.contains("127.0.0.1:\(host.port)"), "\(run.words)")
          #expect(run.words.contains(type == SOCK_DGRAM ? "(UDP)" : "(TCP)"), "\(run.words)")
        }
      }
    }

    @Test("77: a key file that others may read; 1: no keys, damaged keys")
    func keys() async throws {
      try await onOwnThread {
        let host = try Host()
        let identity = host.folder + "/keys/identity"
        chmod(identity, 0o640)
        let open = try host.run([])
        #expect(open.ending == .exited(77) && open.words.contains("chmod 600 \(identity)"), "\(open.words)")
        chmod(identity, 0o600)
        chmod(host.folder + "/keys", 0o777)
        #expect(try host.run([]).ending == .exited(77))
        chmod(host.folder + "/keys", 0o700)

        rename(identity, identity + ".away")
        let none = try host.run([])
        #expect(none.ending == .exited(1) && none.words.contains("M047"), "\(none.words)")
        symlink(identity + ".away", identity)
        #expect(try host.run([]).ending == .exited(77), "a symbolic link is no key file")
        unlink(identity)
        rename(identity + ".away", identity)
        truncate(identity, 40)
        let cut = try host.run([])
        #expect(cut.ending == .exited(1) && cut.words.contains("M052"), "\(cut.words)")
      }
    }

    @Test("73: a data folder that cannot be written")
    func data() async throws {
      try await onOwnThread {
        let host = try Host()
        let file = host.scratch.path + "/a-file"
        close(creat(file, 0o600))
        let run = try host.run(["--set", "node.data_dir=\(file)/data"])
        #expect(run.ending == .exited(73) && run.words.contains("a-file"), "\(run.words)")
      }
    }

    @Test("5: a second process with the same data, which names the first and does not disturb it")
    func second() async throws {
      try await onOwnThread {
        let host = try Host()
        let first = try host.start([])
        defer { first.kill() }
        #expect(host.waitUntilUp() != nil, "\(first.logTail())")
        let second = try host.run([])
        #expect(second.ending == .exited(5) && second.words.contains("process \(first.identifier)"), "\(second.words)")
        #expect(first.isRunning && host.waitUntilUp() != nil)
        #expect(first.terminate(within: 15) == .exited(0), "\(first.logTail())")
        // The lock of a process that was killed holds nobody up.
        let third = try host.start([])
        defer { third.kill() }
        #expect(host.waitUntilUp() != nil, "\(third.logTail())")
        third.kill()
        let fourth = try host.start([])
        #expect(host.waitUntilUp() != nil, "a socket file was left behind\n\(fourth.logTail())")
        #expect(fourth.terminate(within: 15) == .exited(0), "\(fourth.logTail())")
      }
    }

    @Test("78: an environment that makes hashing predictable")
    func environment() async throws {
      try await onOwnThread {
        let host = try Host()
        let run = try host.run([], environment: ["SWIFT_DETERMINISTIC_HASHING=1"])
        #expect(run.ending == .exited(78) && run.words.contains("SWIFT_DETERMINISTIC_HASHING"), "\(run.words)")
      }
    }

    @Test("1: a certificate that was altered")
    func certificate() async throws {
      try await onOwnThread {
        let host = try Host()
        let path = host.folder + "/keys/certificate"
        guard let certificate = StartupTests.content(path) else {
          return #expect(Bool(false), "no certificate") as Void
        }
        var changed = certificate
        changed[60] ^= 1
        StartupTests.replace(path, changed)
        let run = try host.run([])
        #expect(run.ending == .exited(1) && run.words.contains("M052"), "\(run.words)")
        StartupTests.replace(path, certificate)
        #expect(try host.run(["--run-once"]).ending == .exited(0))
      }
    }

    @Test("1: a certificate that has expired; a warning for one that soon will")
    func expired() async throws {
      try await onOwnThread {
        let old = try Host(age: 90_000, lifetime: 86_400).run([])
        #expect(old.ending == .exited(1) && old.words.contains("M017"), "\(old.words)")
        let soon = try Host(age: 80_000, lifetime: 86_400)
        let process = try soon.start([])
        defer { process.kill() }
        let status = soon.waitUntilUp()
        #expect(status?.warnings.contains { $0.code == "M016" } == true, "\(process.logTail())")
        #expect(process.terminate(within: 15) == .exited(0))
      }
    }

    @Test("69: with --join-timeout, when no peer answers")
    func joinTimeout() async throws {
      try await onOwnThread {
        let away = try StartupTests.freePort()
        let stranger = try TestNetwork()
        let key = try stranger.admit("home", into: ScratchFolder().path, from: SystemClock.now.wallSeconds)
        let host = try Host(peers: [
          BootstrapPeer(name: "home", host: "127.0.0.1", port: away, publicKey: key.exchange + key.signing)
        ])
        let process = try host.start(["--join-timeout", "2s"])
        defer { process.kill() }
        #expect(process.waitForEnding(within: 20) == .exited(69), "\(process.logTail())")
        #expect(process.logTail().contains("M030"))
        #expect(process.logTail().contains("127.0.0.1:\(away): "), "\(process.logTail())")
      }
    }

    @Test("SIGTERM leaves, and nothing is left listening; SIGHUP reads the configuration again")
    func signals() async throws {
      try await onOwnThread {
        let host = try Host()
        let process = try host.start([])
        defer { process.kill() }
        let status = host.waitUntilUp()
        #expect(status?.own.name == "n1" && status?.own.processId == Int(process.identifier), "\(process.logTail())")
        kill(process.identifier, SIGHUP)
        #expect(LabClock.wait(upTo: 5) { process.logTail(lines: 100).contains("reloaded; nothing changed at once") })
        #expect(process.terminate(within: 15) == .exited(0), "\(process.logTail())")
        #expect(access(host.socket, F_OK) != 0, "the control socket is still there")
        #expect(process.logTail().contains("leaving the mesh"))
        #expect(!process.logTail().contains("did not close cleanly"), "\(process.logTail())")
        #expect(StartupTests.isFree(host.port, SOCK_DGRAM) && StartupTests.isFree(host.port, SOCK_STREAM))
      }
    }

    @Test("SIGHUP: what changed at once, what needs a restart, and nothing at all when there are errors")
    func reload() async throws {
      try await onOwnThread {
        let host = try Host()
        let file = host.scratch.write("n1/p2p_athena.conf", "p2p_settings.node.log_level: notice\n")
        let process = try host.start([])
        defer { process.kill() }
        #expect(host.waitUntilUp() != nil, "\(process.logTail())")
        func reloaded(_ text: String, _ words: String) -> Bool {
          host.scratch.write("n1/p2p_athena.conf", text)
          kill(process.identifier, SIGHUP)
          return LabClock.wait(upTo: 10) { process.logTail(lines: 100).contains(words) }
        }
        #expect(
          reloaded(
            "p2p_settings.node.log_level: info\np2p_settings.network.profile: wan\n",
            "changed: p2p_settings.node.log_level; after a restart: p2p_settings.network.profile"),
          "\(process.logTail())")
        #expect(reloaded("p2p_settings.node.log_level: loud\n", "has errors, so nothing was changed"), "\(file)")

        // The same by request, with an answer and a line in the audit log for each.
        let client = try ControlClient(socket: host.socket, timeout: .seconds(5))
        let refused = #expect(throws: Fault.self) { try client.ask(.reload) as ReloadReply }
        #expect(refused?.code == ErrorCode.configurationBroken.rawValue && refused?.evidence.isEmpty == false)
        host.scratch.write("n1/p2p_athena.conf", "p2p_settings.node.log_level: debug\n")
        let reply: ReloadReply = try client.ask(.reload)
        #expect(reply.changed == ["p2p_settings.node.log_level"] && reply.afterRestart.isEmpty, "\(reply)")
        #expect(process.terminate(within: 15) == .exited(0), "\(process.logTail())")
        let trail = AuditTrail(folder: host.scratch.path + "/n1/data")
        let entries = try trail.entries(limit: 9).entries
        #expect(entries.map(\.verb) == ["reload", "reload"] && entries.map(\.result) == [.failed, .done])
        #expect(entries.allSatisfy { $0.user == geteuid() })
        #expect(entries.last?.detail == "changed: p2p_settings.node.log_level")
        #expect(try trail.check().isWhole)

        func audit(_ words: String...) throws -> (ending: LabProcess.Ending?, words: String) {
          let log = host.scratch.path + "/audit\(words.joined()).txt"
          let command = try LabProcess(
            name: "mesh-ctl", executable: host.binaries + "/mesh-ctl",
            arguments: ["--dir", host.folder, "audit"] + words,
            logPath: log)
          let ending = command.waitForEnding(within: 20)
          return (ending, command.logTail(lines: 20))
        }
        let shown = try audit("--plain")
        #expect(shown.ending == .exited(0) && shown.words.contains("\treload\t-\tdone\t"), "\(shown)")
        #expect(try audit("verify").ending == .exited(0))
        let written = try #require(host.scratch.read("n1/data/audit.log"))
        host.scratch.write(
          "n1/data/audit.log", String(decoding: written, as: UTF8.self).replacing("failed", with: "done"))
        let broken = try audit("verify", "--plain")
        #expect(broken.ending == .exited(4) && broken.words.hasPrefix("broken\t2\t1\t2\t"), "\(broken)")
      }
    }

    @Test("the service manager hears that we are ready, alive and stopping")
    func notices() async throws {
      try await onOwnThread {
        let host = try Host()
        let path = host.scratch.path + "/notify"
        let manager = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(manager) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(manager, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
          }
        }
        #expect(bound == 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        func next(_ beginning: String) -> Bool {
          var bytes = [UInt8](repeating: 0, count: 4_096)
          while true {
            let count = recv(manager, &bytes, bytes.count, 0)
            if count <= 0 { return false }
            if String(decoding: bytes[..<count], as: UTF8.self).hasPrefix(beginning) { return true }
          }
        }
        let process = try host.start([], environment: ["NOTIFY_SOCKET=\(path)", "WATCHDOG_USEC=900000"])
        defer { process.kill() }
        #expect(next("READY=1\nSTATUS="), "\(process.logTail())")
        #expect(next("WATCHDOG=1") && next("WATCHDOG=1"))
        kill(process.identifier, SIGTERM)
        #expect(next("STOPPING=1"))
        #expect(process.waitForEnding(within: 15) == .exited(0))
      }
    }

    @Test("a process that holds keys gives no core, cannot be traced, gains no rights")
    func hardening() async throws {
      try await onOwnThread {
        let host = try Host()
        // Where cores are allowed, as far as this user may allow them.
        let process = try host.start([], environment: ["sh", "-c", "ulimit -c unlimited; exec \"$0\" \"$@\""])
        defer { process.kill() }
        #expect(host.waitUntilUp() != nil, "\(process.logTail())")
        let status = ProcText.lines(of: "/proc/\(process.identifier)/status")
        #expect(status.contains { $0.hasPrefix("NoNewPrivs:") && $0.hasSuffix("1") })
        #expect(status.contains { $0.hasPrefix("VmLck:") && !$0.hasSuffix(" 0 kB") }, "no locked memory")
        let limits = ProcText.lines(of: "/proc/\(process.identifier)/limits")
        let core = limits.first { $0.hasPrefix("Max core file size") }?.split(separator: " ")
        #expect(core?[4] == "0", "\(core ?? [])")
      }
    }

    static func content(_ path: String) -> [UInt8]? {
      let descriptor = open(path, O_RDONLY)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      var bytes = [UInt8](repeating: 0, count: 4_096)
      let count = read(descriptor, &bytes, bytes.count)
      return count < 0 ? nil : Array(bytes[..<count])
    }

    static func replace(_ path: String, _ bytes: [UInt8]) {
      let descriptor = open(path, O_WRONLY | O_TRUNC)
      defer { close(descriptor) }
      #expect(write(descriptor, bytes, bytes.count) == bytes.count)
    }
  }
}

extension ProcText {
  fileprivate static func lines(of path: String) -> [Substring] {
    (ShellTests.StartupTests.content(path).map { String(decoding: $0, as: UTF8.self) } ?? "").split(separator: "\n")
  }
}
