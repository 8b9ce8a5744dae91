package import Control
import Glibc
import Synchronization

/// A mesh of real processes on this machine's loopback, in a folder of its own: for the demonstration, for tests and
/// for benchmarks. It goes the way that people go: `mesh-ctl network create`, `init`, `admit`, `accept`, `mesh-node`.
///
/// Not thread-safe. `stop` (or the end of its life) leaves nothing running and removes the folder.
package final class Lab {
  package struct Options {
    /// Where `mesh-node` and `mesh-ctl` stand.
    package var binaries: String
    package var profile = "lan-fast"
    /// The address that nodes listen on unless one says otherwise.
    package var address = "127.0.0.1"
    /// The namespace in which nodes run unless one says otherwise.
    package var namespace: LabNamespace?
    /// Keep the folder (logs, data) after `stop`.
    package var keepsFolder = false

    package init(binaries: String) { self.binaries = binaries }
  }

  package final class Member {
    package let name: String
    package let folder: String
    package internal(set) var port: UInt16
    package internal(set) var process: LabProcess?
    /// Settings of this node alone, `key=value`.
    package var settings: [String] = []
    /// The namespace that it runs in.
    package var namespace: LabNamespace?
    /// Where it listens.
    package var address: String

    init(name: String, folder: String, port: UInt16, address: String) {
      self.name = name
      self.folder = folder
      self.port = port
      self.address = address
    }

    package var socket: String { folder + "/data/control.sock" }
    package var logPath: String { folder + "/node.log" }
    package var isRunning: Bool { process?.isRunning ?? false }
    package var isFrozen: Bool { process?.isFrozen ?? false }
  }

  package let options: Options
  package let folder: String
  package private(set) var members: [Member] = []
  private var lastPort: UInt16
  /// Labs that this process has made.
  private static let labs = Mutex<UInt32>(0)
  let passphraseFile: String

  package init(_ options: Options, network: String = "lab") throws(LabError) {
    self.options = options
    folder = try LabFiles.temporaryFolder()
    passphraseFile = folder + "/passphrase"
    // Labs of one machine look for ports from different places, so that they seldom meet; those of one process never.
    let earlier = Lab.labs.withLock { count in
      defer { count += 1 }
      return count
    }
    lastPort = 17_000 + UInt16((UInt32(bitPattern: getpid()) &* 37 &+ earlier &* 400) % 11_000)
    try LabFiles.write("a passphrase for an hour\n", to: passphraseFile)
    let first = try add(name: "n1")
    try control([
      "network", "create", network, "--name", first.name, "--dir", first.folder, "--passphrase-file", passphraseFile,
      "--address", "\(options.address):\(first.port)", "--no-input",
    ])
  }

  deinit { stop() }

  /// The hosts of a lab are this machine, several times, and do not see each other for long: whatever it is, they are fit.
  static let requirements = ["min_cpu_cores", "min_memory_gb", "min_bandwidth_mbps", "min_uptime_percent"]
    .map { "host_requirements.\($0)=0" }

  package var operatorFolder: String { members[0].folder }

  private func add(name: String) throws(LabError) -> Member {
    let port = try LabFiles.freePort(after: &lastPort)
    lastPort += 3
    let member = Member(name: name, folder: folder + "/" + name, port: port, address: options.address)
    member.namespace = options.namespace
    members.append(member)
    return member
  }

  /// Admits another host; it does not run yet.
  @discardableResult
  package func admit() throws(LabError) -> Member { try admit(count: 1)[0] }

  /// Admits several hosts by one use of the operator's key.
  @discardableResult
  package func admit(count: Int) throws(LabError) -> [Member] {
    var joining: [Member] = []
    var requests: [String] = []
    for _ in 0..<count {
      let member = try add(name: "n\(members.count + 1)")
      joining.append(member)
      requests.append(try control(["init", "--name", member.name, "--dir", member.folder, "--no-input"]).lastLine)
    }
    let welcomes = try control(
      ["admit"] + requests + ["--dir", operatorFolder, "--passphrase-file", passphraseFile, "--no-input"])
    let lines = welcomes.output.split(separator: "\n").filter { $0.hasPrefix("mesh-welcome") }.map(String.init)
    guard lines.count == count else { throw LabError("admit printed \(lines.count) welcome lines for \(count) hosts") }
    for (member, line) in zip(joining, lines) {
      try control(["accept", line, "--dir", member.folder, "--no-input"])
    }
    return joining
  }

  package func start(_ member: Member) throws(LabError) {
    var arguments = ["--dir", member.folder]
    let settings =
      [
        "network.profile=\(options.profile)", "network.listen=\(member.address)",
        "network.port_range=\(member.port)-\(member.port + 3)", "node.log_format=logfmt",
      ] + Lab.requirements + member.settings
    for setting in settings { arguments += ["--set", setting] }
    let words = (member.namespace?.prefix ?? []) + [options.binaries + "/mesh-node"] + arguments
    member.process = try LabProcess(
      name: member.name, executable: "/usr/bin/env", arguments: words, logPath: member.logPath)
  }

  /// Gives a member another port, as if its machine had come back elsewhere. It must not run.
  package func move(_ member: Member) throws(LabError) {
    member.port = try LabFiles.freePort(after: &lastPort)
    lastPort += 3
  }

  /// Asks all processes to leave; true when each did so by itself with code 0.
  package func stopAll(within seconds: Double = 15) -> Bool {
    let running = members.compactMap(\.process).filter(\.isRunning)
    for process in running { kill(process.identifier, SIGTERM) }
    let limit = LabClock.now + seconds
    var clean = true
    for process in running {
      if process.waitForEnding(within: max(0.1, limit - LabClock.now)) != .exited(0) { clean = false }
    }
    return clean
  }

  /// Ends all processes (politely, then by force) and removes the folder.
  package func stop() {
    for member in members { member.process?.thaw() }
    _ = stopAll()
    for member in members { member.process?.kill() }
    if !options.keepsFolder { LabFiles.remove(folder) }
  }

  // MARK: looking

  package func status(of member: Member, within seconds: Double = 5) -> StatusReply? {
    ask(member, .status, within: seconds)
  }

  package func members(seenBy member: Member, within seconds: Double = 5) -> MembersReply? {
    ask(member, .members, within: seconds)
  }

  package func ask<Answer: Reply>(_ member: Member, _ request: ControlRequest, within seconds: Double) -> Answer? {
    guard let client = try? ControlClient(socket: member.socket, timeout: .milliseconds(Int64(seconds * 1000)))
    else { return nil }
    return try? client.ask(request)
  }

  /// Waits until each of `observers` sees exactly `alive` hosts alive, nobody suspect, and holds one and the same
  /// member table. Says whom and what it still waits for when the time is over.
  package func agree(on alive: Int, among observers: [Member], within seconds: Double) -> Agreement {
    let start = LabClock.now
    var missing: [String] = []
    let agreed = LabClock.wait(upTo: seconds, every: 0.1) {
      missing = []
      var digests: Set<String> = []
      for observer in observers {
        guard let status = status(of: observer, within: 2) else {
          missing.append("\(observer.name): no answer")
          continue
        }
        digests.insert(status.view.digest)
        if status.hosts.alive != alive || status.hosts.suspect != 0 {
          missing.append("\(observer.name): \(status.hosts.alive) alive, \(status.hosts.suspect) suspect")
        }
      }
      if missing.isEmpty, digests.count > 1 { missing = ["\(digests.count) different views"] }
      return missing.isEmpty
    }
    return Agreement(agreed: agreed, seconds: LabClock.now - start, missing: missing)
  }

  package struct Agreement {
    package let agreed: Bool
    package let seconds: Double
    package let missing: [String]
  }

  /// A folder for what outlives a lab, such as the rules of a namespace that the lab runs in.
  package static func scratchFolder() throws(LabError) -> String { try LabFiles.temporaryFolder() }
  package static func removeScratch(_ folder: String) { LabFiles.remove(folder) }

  /// Ports of 127.0.0.1 that nobody uses now, for other programs beside a lab.
  package static func freePorts(_ count: Int) throws(LabError) -> [UInt16] {
    var last = 17_000 + UInt16(UInt32(bitPattern: getpid()) &* 53 % 11_000)
    var ports: [UInt16] = []
    for _ in 0..<count { ports.append(try LabFiles.freePort(after: &last)) }
    return ports
  }

  // MARK: mesh-ctl

  package struct Output {
    package let status: Int32
    package let output: String
    package let errors: String

    /// Pastes are the last line of what a command prints.
    package var lastLine: String {
      output.split(separator: "\n").last.map(String.init) ?? ""
    }
  }

  /// Runs `mesh-ctl` and demands success.
  @discardableResult
  package func control(_ arguments: [String]) throws(LabError) -> Output {
    let output = try runControl(arguments)
    guard output.status == 0 else {
      throw LabError("mesh-ctl \(arguments.first ?? "") ended with \(output.status): \(output.errors)")
    }
    return output
  }

  /// Runs `mesh-ctl` and tells how it ended.
  package func runControl(_ arguments: [String]) throws(LabError) -> Output {
    try LabCommand.run(options.binaries + "/mesh-ctl", arguments, folder: folder)
  }
}
