import Glibc
import MeshLab

/// Debian's Redis and etcd, unpacked into a folder, and the processes of them that run. `stop` (or the end of its life)
/// leaves nothing running and removes the data.
final class StatePeers {
  /// Where `usr/bin/redis-server`, `usr/bin/etcd` and the libraries that they need stand.
  private let root: String
  private let folder: String
  private(set) var processes: [LabProcess] = []
  private(set) var ports: [UInt16] = []

  private static let patience = 30.0

  init(root: String) throws(LabError) {
    self.root = root
    folder = try Lab.scratchFolder()
  }

  deinit { stop() }

  func stop() {
    for process in processes where process.isRunning { kill(process.identifier, SIGTERM) }
    for process in processes where process.waitForEnding(within: 5) == nil { process.kill() }
    processes = []
    Lab.removeScratch(folder)
  }

  func has(_ program: String) -> Bool { access(path(program), X_OK) == 0 }

  func path(_ program: String) -> String { root + "/usr/bin/" + program }

  /// Libraries of the unpacked packages; Debian keeps them in a folder named after the machine.
  private var libraryPath: String {
    ["x86_64-linux-gnu", "aarch64-linux-gnu"].map { root + "/usr/lib/" + $0 }.joined(separator: ":")
  }

  func words(_ program: String, _ arguments: [String]) -> [String] {
    ["LD_LIBRARY_PATH=" + libraryPath, path(program)] + arguments
  }

  private func start(_ name: String, _ program: String, _ arguments: [String]) throws(LabError) -> LabProcess {
    try LabProcess(
      name: name, executable: "/usr/bin/env", arguments: words(program, arguments), logPath: "\(folder)/\(name).log")
  }

  private func place(_ name: String) throws(LabError) -> String {
    let path = "\(folder)/\(name)"
    guard mkdir(path, 0o700) == 0 else { throw LabError("cannot make \(path)") }
    return path
  }

  private func wait(_ what: String, _ condition: () -> Bool) throws(LabError) {
    let isThere = LabClock.wait(upTo: StatePeers.patience, every: 0.1) {
      BenchInterrupt.came || processes.contains { !$0.isRunning } || condition()
    }
    if BenchInterrupt.came { throw LabError("interrupted") }
    if let gone = processes.first(where: { !$0.isRunning }) {
      throw LabError("\(gone.name) ended: \(gone.logTail(lines: 3))")
    }
    guard isThere else { throw LabError("\(what) within \(Int(StatePeers.patience)) s") }
  }

  // MARK: Redis

  /// One that takes writes and two that follow it.
  func startRedis(synchronizing policy: String) throws(LabError) {
    ports = try Lab.freePorts(3)
    for (index, port) in ports.enumerated() {
      var arguments = [
        "--bind", "127.0.0.1", "--port", "\(port)", "--appendonly", "yes", "--appendfsync", policy, "--save", "",
        "--repl-diskless-sync-delay", "0", "--dir", try place("redis-\(index)"),
      ]
      if index > 0 { arguments += ["--replicaof", "127.0.0.1 \(ports[0])"] }
      processes.append(try start("redis-server-\(index)", "redis-server", arguments))
    }
    // With less WAIT answers 0 in the beginning.
    let first = ports[0]
    try wait("Redis' replicas were not in sync") {
      let text = BenchExchange.text(first, "INFO replication\r\n") { $0.contains("repl_backlog_histlen") }
      return text?.split(whereSeparator: \.isNewline).count { $0.hasPrefix("slave") && $0.contains("state=online") }
        == 2
    }
  }

  // MARK: etcd

  private var etcdArguments: [[String]] = []

  func startEtcd() throws(LabError) {
    let all = try Lab.freePorts(6)
    ports = Array(all[..<3])
    let peers = all[3...].map { "http://127.0.0.1:\($0)" }
    let cluster = peers.enumerated().map { "n\($0.offset)=\($0.element)" }.joined(separator: ",")
    for index in 0..<3 {
      let client = "http://127.0.0.1:\(ports[index])"
      etcdArguments.append([
        "--name", "n\(index)", "--data-dir", try place("etcd-\(index)"), "--listen-client-urls", client,
        "--advertise-client-urls", client, "--listen-peer-urls", peers[index], "--initial-advertise-peer-urls",
        peers[index], "--initial-cluster", cluster, "--initial-cluster-state", "new", "--log-level", "error",
      ])
    }
    for index in 0..<3 { processes.append(try startEtcd(member: index)) }
    try waitForEtcd()
  }

  private func startEtcd(member: Int) throws(LabError) -> LabProcess {
    try start("etcd-\(member)", "etcd", etcdArguments[member])
  }

  func killEtcd(member: Int) { processes[member].kill() }

  func restartEtcd(member: Int) throws(LabError) { processes[member] = try startEtcd(member: member) }

  /// Until all three name the same leader.
  func waitForEtcd() throws(LabError) {
    let ports = ports
    try wait("etcd had no leader") {
      let leaders = ports.map { StatePeers.etcdStatus($0)?.leader }
      return leaders[0] != nil && Set(leaders).count == 1
    }
  }

  /// The member that leads; `nil` without one.
  var etcdLeader: Int? {
    ports.firstIndex { port in StatePeers.etcdStatus(port).map { $0.leader == $0.member } ?? false }
  }

  private static func etcdStatus(_ port: UInt16) -> (leader: String, member: String)? {
    let request = "POST /v3/maintenance/status HTTP/1.1\r\nHost: etcd\r\nContent-Length: 2\r\n\r\n{}"
    guard let text = BenchExchange.text(port, request, until: { HTTPAnswer(Array($0.utf8)[...]) != nil }),
      let leader = field("leader", of: text), let member = field("member_id", of: text), leader != "0"
    else { return nil }
    return (leader, member)
  }

  private static func field(_ name: String, of text: String) -> String? {
    let mark = "\"\(name)\":\""
    guard let start = text.firstRange(of: mark)?.upperBound else { return nil }
    return String(text[start...].prefix { $0 != "\"" })
  }

  /// What etcd's own load generator finds (gRPC, 500 clients, keys of 256 and values of 1,024 bytes, a minute), in writes
  /// per second; `nil` when it says something else.
  func etcdOwnCheck() throws(LabError) -> Double? {
    let output = folder + "/check"
    let process = try LabProcess(
      name: "etcdctl", executable: "/usr/bin/env",
      arguments: ["ETCDCTL_API=3"]
        + words(
          "etcdctl",
          ["--endpoints", ports.map { "127.0.0.1:\($0)" }.joined(separator: ","), "check", "perf", "--load=l"]),
      logPath: output)
    defer { process.kill() }
    let limit = LabClock.now + 90
    while process.isRunning, !BenchInterrupt.came, LabClock.now < limit { LabClock.pause(0.1) }
    let text = process.logTail(lines: 20)
    guard let line = text.split(separator: "\n").first(where: { $0.contains("hroughput") }) else { return nil }
    return line.split(separator: " ").compactMap { Double($0) }.first
  }
}

/// One question and its answer on a connection of its own.
enum BenchExchange {
  /// `nil` when nobody answers within a second.
  static func text(_ port: UInt16, _ request: String, until isWhole: (String) -> Bool) -> String? {
    guard let handle = try? StatePlace.loopback(port: port).open() else { return nil }
    defer { close(handle) }
    guard send(handle, request, request.utf8.count, Int32(MSG_NOSIGNAL)) == request.utf8.count else { return nil }
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    let limit = LabClock.now + 1
    while LabClock.now < limit {
      var entry = pollfd(fd: handle, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 100) > 0 else { continue }
      let count = recv(handle, &chunk, chunk.count, 0)
      guard count > 0 else { return nil }
      answer += chunk[..<count]
      let text = String(decoding: answer, as: UTF8.self)
      if isWhole(text) { return text }
    }
    return nil
  }
}
