import Control
import Glibc
import MeshLab
import MeshNode
import Testing

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

    /// A network of one host, and its node's process.
    private final class Host {
      let lab: Lab
      var member: Lab.Member { lab.members[0] }
      private var runs = 0

      init() throws { lab = try Lab(Lab.Options(binaries: try StartupTests.binaries())) }

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
        let words =
          environment + [lab.options.binaries + "/mesh-node", "--dir", member.folder] + standing + arguments
        return try LabProcess(
          name: "mesh-node", executable: "/usr/bin/env", arguments: words, logPath: lab.folder + "/run\(runs).log")
      }

      var standing: [String] {
        [
          "--set", "network.listen=127.0.0.1", "--set", "network.port_range=\(member.port)-\(member.port + 3)",
          "--log-format", "text",
        ]
      }

      /// Until it answers on its control socket.
      func waitUntilUp() -> StatusReply? {
        var status: StatusReply?
        _ = LabClock.wait(upTo: 20) {
          status = lab.status(of: member, within: 2)
          return status != nil
        }
        return status
      }
    }

    @Test("version, help with an example first, and a wrong option")
    func words() async throws {
      try await onOwnThread {
        let host = try Host()
        defer { host.lab.stop() }
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
        defer { host.lab.stop() }
        let bad = try host.run(["--set", "network.profil=lan"])
        #expect(bad.ending == .exited(78) && bad.words.contains("did you mean `profile`?"), "\(bad.words)")
        let check = try host.run(["--check-config", "--set", "security_level=hihg"])
        #expect(check.ending == .exited(78) && check.words.contains("high"), "\(check.words)")
        let good = try host.run(["--check-config"])
        #expect(good.ending == .exited(0) && good.words.hasPrefix("OK"), "\(good.words)")
        let missing = try host.run(["--config", host.lab.folder + "/nowhere.conf"])
        #expect(missing.ending == .exited(78), "\(missing.words)")
      }
    }

    @Test("78: a port that is taken, by UDP or by TCP")
    func port() async throws {
      try await onOwnThread {
        let host = try Host()
        defer { host.lab.stop() }
        for type in [SOCK_DGRAM, SOCK_STREAM] {
          let taken = socket(AF_INET, Int32(type.rawValue), 0)
          defer { close(taken) }
          var address = sockaddr_in()
          address.sin_family = sa_family_t(AF_INET)
          address.sin_port = host.member.port.bigEndian
          address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
          let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
              bind(taken, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
          }
          #expect(bound == 0)
          if type == SOCK_STREAM { listen(taken, 1) }
          let run = try host.run([])
          #expect(run.ending == .exited(78) && run.words.contains("127.0.0.1:\(host.member.port)"), "\(run.words)")
          #expect(run.words.contains(type == SOCK_DGRAM ? "(UDP)" : "(TCP)"), "\(run.words)")
        }
      }
    }

    @Test("77: a key file that others may read; 1: no keys, damaged keys")
    func keys() async throws {
      try await onOwnThread {
        let host = try Host()
        defer { host.lab.stop() }
        let identity = host.member.folder + "/keys/identity"
        chmod(identity, 0o640)
        let open = try host.run([])
        #expect(open.ending == .exited(77) && open.words.contains("chmod 600 \(identity)"), "\(open.words)")
        chmod(identity, 0o600)
        chmod(host.member.folder + "/keys", 0o777)
        #expect(try host.run([]).ending == .exited(77))
        chmod(host.member.folder + "/keys", 0o700)

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
        defer { host.lab.stop() }
        let file = host.lab.folder + "/a-file"
        close(creat(file, 0o600))
        let run = try host.run(["--set", "node.data_dir=\(file)/data"])
        #expect(run.ending == .exited(73) && run.words.contains("a-file"), "\(run.words)")
      }
    }

    @Test("5: a second process with the same data, which names the first and does not disturb it")
    func second() async throws {
      try await onOwnThread {
        let host = try Host()
        defer { host.lab.stop() }
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
        defer { host.lab.stop() }
        let run = try host.run([], environment: ["SWIFT_DETERMINISTIC_HASHING=1"])
        #expect(run.ending == .exited(78) && run.words.contains("SWIFT_DETERMINISTIC_HASHING"), "\(run.words)")
      }
    }

    @Test("1: a certificate that was altered")
    func certificate() async throws {
      try await onOwnThread {
        let host = try Host()
        defer { host.lab.stop() }
        let path = host.member.folder + "/keys/certificate"
        guard let certificate = StartupTests.content(path) else { return #expect(Bool(false), "no certificate") as Void }
        var changed = certificate
        changed[60] ^= 1
        StartupTests.replace(path, changed)
        let run = try host.run([])
        #expect(run.ending == .exited(1) && run.words.contains("M052"), "\(run.words)")
        StartupTests.replace(path, certificate)
        #expect(try host.run(["--run-once"]).ending == .exited(0))
      }
    }

    @Test("69: with --join-timeout, when no peer answers")
    func joinTimeout() async throws {
      try await onOwnThread {
        let lab = try Lab(Lab.Options(binaries: try StartupTests.binaries()))
        defer { lab.stop() }
        let member = try lab.admit()
        let process = try LabProcess(
          name: "mesh-node", executable: lab.options.binaries + "/mesh-node",
          arguments: [
            "--dir", member.folder, "--set", "network.listen=127.0.0.1", "--set",
            "network.port_range=\(member.port)-\(member.port + 3)", "--join-timeout", "2s", "--log-format", "text",
          ], logPath: lab.folder + "/join.log")
        #expect(process.waitForEnding(within: 20) == .exited(69), "\(process.logTail())")
        #expect(process.logTail().contains("M030"))
        #expect(process.logTail().contains("127.0.0.1:\(lab.members[0].port): "), "\(process.logTail())")
      }
    }

    @Test("SIGTERM leaves, and nothing is left listening; SIGHUP reads the configuration again")
    func signals() async throws {
      try await onOwnThread {
        let host = try Host()
        defer { host.lab.stop() }
        let process = try host.start([])
        defer { process.kill() }
        let status = host.waitUntilUp()
        #expect(status?.own.name == "n1" && status?.own.processId == Int(process.identifier), "\(process.logTail())")
        kill(process.identifier, SIGHUP)
        #expect(LabClock.wait(upTo: 5) { process.logTail(lines: 100).contains("reloaded; nothing changed at once") })
        #expect(process.terminate(within: 15) == .exited(0), "\(process.logTail())")
        #expect(access(host.member.socket, F_OK) != 0, "the control socket is still there")
        #expect(process.logTail().contains("leaving the mesh"))
        for type in [SOCK_DGRAM, SOCK_STREAM] {
          let probe = socket(AF_INET, Int32(type.rawValue), 0)
          defer { close(probe) }
          var address = sockaddr_in()
          address.sin_family = sa_family_t(AF_INET)
          address.sin_port = host.member.port.bigEndian
          address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
          let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
              bind(probe, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
          }
          #expect(bound == 0, "somebody still has the port")
        }
      }
    }

    @Test("a process that holds keys gives no core, cannot be traced, gains no rights")
    func hardening() async throws {
      try await onOwnThread {
        let host = try Host()
        defer { host.lab.stop() }
        let process = try host.start([])
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
