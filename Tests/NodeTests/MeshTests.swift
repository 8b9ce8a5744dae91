import Control
import Glibc
import MeshLab
import Testing

extension NodeTests {
  @Suite("A mesh of processes", .serialized)
  struct MeshTests {
    @Test("an owner's crash becomes known and loses nothing, the host comes back, all stop cleanly")
    func crashAndReturn() async throws {
      try await onOwnThread {
        let report = try LabRun(nodes: 5, options: Lab.Options(binaries: binaries()), say: { _ in }).once()
        #expect(report.stoppedCleanly)
        #expect(report.maps == 48 && report.owners > 1 && report.acknowledged > 100, "\(report)")
      }
    }

    @Test("a second process with the same data ends with 5 and does not disturb the first")
    func secondProcess() async throws {
      try await onOwnThread {
        let lab = try Lab(Lab.Options(binaries: binaries()))
        defer { lab.stop() }
        let first = lab.members[0]
        try lab.start(first)
        let alone = lab.agree(on: 1, among: [first], within: 20)
        #expect(alone.agreed, explain(alone, lab))
        let running = try #require(first.process)
        try lab.start(first)
        let second = try #require(first.process)
        #expect(second.waitForEnding(within: 20) == .exited(5), "\(second.logTail())")
        #expect(running.isRunning)
        #expect(running.terminate(within: 15) == .exited(0))
      }
    }

    @Test(
      "24 processes: one frozen for 20 s, one that loses 80 % of what it sends, one that moves: nobody else is evicted")
    func twentyFour() async throws {
      try await onOwnThread {
        let scratch = try Lab.scratchFolder()
        defer { Lab.removeScratch(scratch) }
        guard LabNamespace.isPossible(folder: scratch) else {
          print("skipped: no network namespaces here, so no lossy egress")
          return
        }
        let namespace = try LabNamespace("mesh-lab-\(getpid())", folder: scratch)
        var options = Lab.Options(binaries: try binaries())
        options.namespace = namespace
        options.profile = "lan"
        let lab = try Lab(options)
        defer { lab.stop() }
        try lab.admit(count: 23)
        for member in lab.members { try lab.start(member) }
        let joined = lab.agree(on: 24, among: lab.members, within: 60)
        #expect(joined.agreed, explain(joined, lab))

        let frozen = lab.members[5]
        let lossy = lab.members[11]
        let moving = lab.members[17]
        let healthy = Set(lab.members.map(\.name)).subtracting([frozen.name, lossy.name, moving.name])
        try namespace.filter("udp sport \(lossy.port) numgen random mod 100 < 80 drop")
        frozen.process?.freeze()
        moving.process?.kill()
        try lab.move(moving)
        try lab.start(moving)
        // The experiment is 20 s of real time: that is what the process stays frozen.
        LabClock.pause(20)
        frozen.process?.thaw()
        try namespace.filter("")

        let agreed = lab.agree(on: 24, among: lab.members, within: 90)
        #expect(agreed.agreed, explain(agreed, lab))
        #expect(evictions(of: healthy, in: lab) == [])
        let row = lab.members(seenBy: lab.members[0])?.members.first { $0.name == moving.name }
        #expect(row?.address?.hasSuffix(":\(moving.port)") == true, "\(row?.address ?? "no address")")
        #expect(lab.stopAll(), "not all ended by themselves with code 0")
      }
    }

    @Test("a host whose UDP is blocked names port and direction, and joins within 10 s once it is open")
    func blockedUDP() async throws {
      try await onOwnThread {
        let scratch = try Lab.scratchFolder()
        defer { Lab.removeScratch(scratch) }
        guard LabNamespace.isPossible(folder: scratch) else {
          print("skipped: no network namespaces here")
          return
        }
        let left = try LabNamespace("mesh-left-\(getpid())", folder: scratch)
        let right = try LabNamespace("mesh-right-\(getpid())", folder: scratch)
        try LabNamespace.connect(left, "10.77.0.1", right, "10.77.0.2")
        var options = Lab.Options(binaries: try binaries())
        options.namespace = left
        options.address = "10.77.0.1"
        let lab = try Lab(options)
        defer { lab.stop() }
        let home = lab.members[0]
        let away = try lab.admit()
        away.namespace = right
        away.address = "10.77.0.2"
        try lab.start(home)
        let alone = lab.agree(on: 1, among: [home], within: 20)
        #expect(alone.agreed, explain(alone, lab))

        let directions = [
          ("in", "udp dport \(away.port) drop", ""), ("out", "", "udp dport \(home.port) drop"),
        ]
        for (direction, incoming, outgoing) in directions {
          try right.filter(incoming, outgoing: outgoing)
          try lab.start(away)
          #expect(
            LabClock.wait(upTo: 20) { lab.status(of: away, within: 2) != nil }, "\(away.process?.logTail() ?? "")")
          let doctor: DoctorReply? = lab.ask(away, .doctor(checks: ["udp-in", "udp-out"]), within: 30)
          let failed = try #require(doctor?.checks.first { $0.status == .fail }, "doctor found nothing")
          let port = direction == "in" ? away.port : home.port
          #expect(failed.name == "udp-\(direction)", "\(failed)")
          #expect((failed.evidence + [failed.sentence]).joined(separator: " ").contains("\(port)"), "\(failed)")
          try right.filter("")
          let joined = lab.agree(on: 2, among: [home, away], within: 10)
          #expect(joined.agreed, explain(joined, lab))
          #expect(away.process?.terminate(within: 15) == .exited(0))
          let gone = lab.agree(on: 1, among: [home], within: 20)
          #expect(gone.agreed, explain(gone, lab))
        }
      }
    }
  }
}
