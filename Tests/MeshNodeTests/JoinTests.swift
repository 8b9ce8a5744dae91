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
  /// Whole nodes, as processes on loopback, through every layer.
  @Suite("Nodes that find each other", .serialized)
  struct JoinTests {
    /// Hosts of one network; the first is on every bootstrap list.
    private final class Mesh {
      let scratch = ScratchFolder()
      let network: TestNetwork
      let binaries: String
      private(set) var hosts: [Host] = []

      final class Host {
        let name: String
        let folder: String
        let key: HostKey
        var port: UInt16
        var process: LabProcess?
        init(name: String, folder: String, key: HostKey, port: UInt16) {
          self.name = name
          self.folder = folder
          self.key = key
          self.port = port
        }

        func ask<Answer: Reply>(_ request: ControlRequest, within seconds: Int = 5) -> Answer? {
          guard let client = try? ControlClient(socket: folder + "/data/control.sock", timeout: .seconds(seconds))
          else { return nil }
          return try? client.ask(request)
        }

        var status: StatusReply? { ask(.status) }
        func member(_ name: String) -> MemberReport? {
          (ask(.members) as MembersReply?)?.members.first { $0.name == name }
        }
        var events: [EventReport] { (ask(.events(EventsQuery())) as EventsReply?)?.events ?? [] }
      }

      init(_ count: Int) throws {
        network = try TestNetwork()
        binaries = try StartupTests.binaries()
        for index in 1...count { try admit("n\(index)") }
      }

      @discardableResult
      func admit(_ name: String, lifetime: UInt64 = 7 * 86_400, knows: Bool = true) throws -> Host {
        let folder = scratch.path + "/" + name
        let first = hosts.first.map {
          BootstrapPeer(name: $0.name, host: "127.0.0.1", port: $0.port, publicKey: $0.key.exchange + $0.key.signing)
        }
        let key = try network.admit(
          name, into: folder, from: SystemClock.now.wallSeconds - 60, lifetime: lifetime,
          peers: knows ? [first].compactMap { $0 } : [])
        let host = Host(name: name, folder: folder, key: key, port: try StartupTests.freePort())
        hosts.append(host)
        return host
      }

      func start(_ host: Host, _ more: [String] = []) throws {
        host.process = try LabProcess(
          name: host.name, executable: binaries + "/mesh-node",
          arguments: [
            "--dir", host.folder, "--set", "network.listen=127.0.0.1", "--set",
            "network.port_range=\(host.port)-\(host.port + 3)", "--set", "network.profile=lan-fast",
          ] + more, logPath: host.folder + "/node.log")
      }

      func startAll() throws { for host in hosts { try start(host) } }

      /// Until all of these see exactly so many alive and agree.
      func agree(_ alive: Int, _ observers: [Host]? = nil, within seconds: Double = 30) -> Bool {
        LabClock.wait(upTo: seconds) {
          let replies = (observers ?? hosts).map(\.status)
          guard replies.allSatisfy({ $0?.hosts.alive == alive && $0?.hosts.suspect == 0 }) else { return false }
          return Set(replies.compactMap { $0?.view.digest }).count == 1
        }
      }

      var tails: Comment {
        Comment(rawValue: hosts.map { "\($0.name):\n\($0.process?.logTail(lines: 12) ?? "-")" }.joined(separator: "\n"))
      }

      deinit { for host in hosts { host.process?.kill() } }
    }

    @Test("three nodes join, agree, and leave one after the other")
    func joinAndLeave() async throws {
      try await onOwnThread {
        let mesh = try Mesh(3)
        try mesh.startAll()
        #expect(mesh.agree(3), mesh.tails)
        let status = try #require(mesh.hosts[1].status)
        #expect(status.own.state == .member || status.own.state == .synchronizing)
        #expect(status.own.address == "127.0.0.1:\(mesh.hosts[1].port)")
        #expect(LabClock.wait(upTo: 20) { mesh.hosts[1].status?.view.heard == 3 }, mesh.tails)
        let row = try #require(mesh.hosts[0].member("n2"))
        #expect(row.state == .alive && row.address == "127.0.0.1:\(mesh.hosts[1].port)" && row.roles == ["host"])
        #expect(LabClock.wait(upTo: 20) { mesh.hosts[0].member("n2")?.memoryRatio != nil }, "no load record came")
        #expect(LabClock.wait(upTo: 20) { mesh.hosts[0].member("n2")?.lossRatio != nil }, "no probe ended")
        let program = try #require(ProgramDigest.measure(mesh.binaries + "/mesh-node"))
        let digits = program.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        for name in ["n1", "n2", "n3"] { #expect(mesh.hosts[0].member(name)?.build == digits) }
        let doctor = try #require(mesh.hosts[1].ask(.doctor(checks: ["clock", "mtu"]), within: 20) as DoctorReply?)
        #expect(doctor.checks.map(\.status) == [.ok, .ok], "\(doctor.checks)")
        #expect(doctor.checks.last?.sentence == "datagrams of full size (1232 bytes) pass both ways with 2 of 2 hosts")

        #expect(mesh.hosts[2].process?.terminate(within: 15) == .exited(0), mesh.tails)
        #expect(mesh.agree(2, Array(mesh.hosts[..<2])), mesh.tails)
        #expect(mesh.hosts[0].member("n3")?.state == .left)
        let left: LeaveReply? = mesh.hosts[1].ask(.leave)
        #expect(left?.state == .leaving)
        #expect(mesh.hosts[1].process?.waitForEnding(within: 15) == .exited(0), mesh.tails)
        let trail = AuditTrail(folder: mesh.hosts[1].folder + "/data")
        #expect(try trail.entries(limit: 9).entries.map(\.verb) == ["leave"] && trail.check().isWhole)
        #expect(mesh.hosts[0].process?.terminate(within: 15) == .exited(0), mesh.tails)
      }
    }

    @Test("a killed node comes back with a later life, through the peers that it remembers")
    func restart() async throws {
      try await onOwnThread {
        let mesh = try Mesh(3)
        try mesh.startAll()
        #expect(mesh.agree(3), mesh.tails)
        let host = mesh.hosts[2]
        let before = try #require(host.status?.own.generation)
        #expect(LabClock.wait(upTo: 40) { access(host.folder + "/data/peers", F_OK) == 0 }, "no peers were written")
        host.process?.kill()
        unlink(host.folder + "/keys/bootstrap")
        try mesh.start(host)
        #expect(mesh.agree(3), mesh.tails)
        let after = try #require(host.status?.own.generation)
        #expect(after > before)
      }
    }

    @Test("revoked at one node: gone everywhere, refused at the next start, also after a restart of the others")
    func revoke() async throws {
      try await onOwnThread {
        let mesh = try Mesh(3)
        try mesh.startAll()
        #expect(mesh.agree(3), mesh.tails)
        let victim = mesh.hosts[2]
        // It will look for the second host, which is on no list, by itself.
        let peers = victim.folder + "/data/peers"
        #expect(LabClock.wait(upTo: 40) { access(peers, F_OK) == 0 }, Comment(rawValue: peers))
        let revocation = Revocation(
          of: victim.key, in: mesh.network.network.id, reason: .keyStolen, issued: SystemClock.now.wallSeconds,
          by: mesh.network.signer)
        let bytes = [UInt8](unsafeUninitializedCapacity: Revocation.size) { buffer, count in
          var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
          revocation.write(to: &writer)
          count = writer.count
        }
        var forged = bytes
        forged[80] ^= 1
        let refused: RevokeReply? = mesh.hosts[0].ask(.revoke(revocation: forged, reason: "no"))
        #expect(refused == nil && mesh.hosts[0].member("n3")?.state == .alive)
        let reply: RevokeReply? = mesh.hosts[0].ask(.revoke(revocation: bytes, reason: "stolen"))
        #expect(reply?.state == .adopted)
        for host in mesh.hosts[..<2] {
          #expect(
            LabClock.wait(upTo: 10) { host.status?.hosts.revoked == 1 && host.status?.hosts.alive == 2 }, mesh.tails)
        }
        let again: RevokeReply? = mesh.hosts[1].ask(.revoke(revocation: bytes, reason: ""))
        #expect(again?.state == .known)
        let written = try AuditTrail(folder: mesh.hosts[0].folder + "/data").entries(limit: 9).entries
        #expect(written.map(\.result) == [.failed, .done] && written.allSatisfy { $0.verb == "revoke" })
        #expect(written.last?.target == "n3 \(victim.key.hostID)" && written.last?.reason == "stolen")
        victim.process?.kill()
        // A host keeps it over a restart, with nobody there to tell it again.
        let host = mesh.hosts[1]
        let kept = host.folder + "/data/revocations"
        #expect(LabClock.wait(upTo: 40) { access(kept, F_OK) == 0 }, Comment(rawValue: kept))
        for other in mesh.hosts[..<2] { other.process?.kill() }
        try mesh.start(host)
        #expect(LabClock.wait(upTo: 20) { host.status != nil }, mesh.tails)
        try mesh.start(victim)
        #expect(!LabClock.wait(upTo: 5) { (host.status?.hosts.alive ?? 0) > 1 }, mesh.tails)
      }
    }

    @Test("a renewed certificate reaches its host, is written, and is used after a restart")
    func renew() async throws {
      try await onOwnThread {
        let mesh = try Mesh(1)
        let host = try mesh.admit("n2", lifetime: 100_000)
        try mesh.startAll()
        #expect(mesh.agree(2), mesh.tails)
        let renewed = try mesh.network.certificate(for: host.key, "n2", from: SystemClock.now.wallSeconds - 1)
        let reply: RenewReply? = mesh.hosts[0].ask(.renew(certificates: [renewed.bytes]))
        #expect(reply?.results.map(\.state) == [.sent], "\(reply as Any)")
        let end = Timestamp(seconds: renewed.notAfter)
        #expect(LabClock.wait(upTo: 20) { host.status?.own.certificateNotAfter == end }, mesh.tails)
        #expect(StartupTests.content(host.folder + "/keys/certificate") == renewed.bytes)
        #expect(LabClock.wait(upTo: 20) { mesh.hosts[0].member("n2")?.certificateNotAfter == end }, mesh.tails)
        host.process?.kill()
        try mesh.start(host)
        #expect(mesh.agree(2), mesh.tails)
        #expect(host.status?.own.certificateNotAfter == end)
      }
    }

    /// Two hosts: the twins hear of each other only through the one witness, whose session each takes from the other.
    @Test("a copied key is told by peers; the copy ends with 5, the original goes on")
    func copiedKey() async throws {
      try await onOwnThread {
        let mesh = try Mesh(2)
        try mesh.startAll()
        #expect(mesh.agree(2), mesh.tails)
        let original = mesh.hosts[1]
        let copy = mesh.scratch.path + "/copy"
        mkdir(copy, 0o700)
        mkdir(copy + "/keys", 0o700)
        for name in ["identity", "network", "certificate", "bootstrap"] {
          let content = try #require(StartupTests.content(original.folder + "/keys/" + name))
          mesh.scratch.write("copy/keys/" + name, content)
        }
        let port = try StartupTests.freePort()
        let arguments = [
          "--dir", copy, "--set", "network.listen=127.0.0.1", "--set", "network.port_range=\(port)-\(port + 3)",
          "--set", "network.profile=lan-fast",
        ]
        let second = try LabProcess(
          name: "copy", executable: mesh.binaries + "/mesh-node", arguments: arguments, logPath: copy + "/node.log")
        defer { second.kill() }
        let witness = mesh.hosts[0]
        #expect(second.waitForEnding(within: 30) == .exited(5), "\(mesh.tails)\ncopy:\n\(second.logTail())")
        #expect(
          witness.events.contains { $0.name.rawValue == "peer.identity.conflict" && $0.subject?.name == "n2" },
          mesh.tails)
        #expect(mesh.agree(2), mesh.tails)
        #expect(original.process?.isRunning == true, mesh.tails)
        #expect(witness.member("n2")?.address == "127.0.0.1:\(original.port)")
      }
    }

    @Test("--run-once comes up, leaves and ends with 0; a wrong network stays out")
    func once() async throws {
      try await onOwnThread {
        let mesh = try Mesh(2)
        try mesh.start(mesh.hosts[0])
        #expect(mesh.agree(1, [mesh.hosts[0]]), mesh.tails)
        try mesh.start(mesh.hosts[1], ["--run-once"])
        #expect(mesh.hosts[1].process?.waitForEnding(within: 20) == .exited(0), mesh.tails)
        #expect(LabClock.wait(upTo: 10) { mesh.hosts[0].member("n2")?.state == .left }, mesh.tails)

        let stranger = try TestNetwork()
        let folder = mesh.scratch.path + "/stranger"
        let home = mesh.hosts[0]
        try stranger.admit(
          "n3", into: folder, from: SystemClock.now.wallSeconds - 60,
          peers: [
            BootstrapPeer(
              name: "n1", host: "127.0.0.1", port: home.port, publicKey: home.key.exchange + home.key.signing)
          ])
        let port = try StartupTests.freePort()
        let process = try LabProcess(
          name: "stranger", executable: mesh.binaries + "/mesh-node",
          arguments: [
            "--dir", folder, "--set", "network.listen=127.0.0.1", "--set", "network.port_range=\(port)-\(port + 3)",
            "--join-timeout", "3s",
          ], logPath: folder + "/node.log")
        #expect(process.waitForEnding(within: 20) == .exited(69), Comment(rawValue: process.logTail()))
        #expect(home.status?.hosts.alive == 1)
      }
    }
  }
}
