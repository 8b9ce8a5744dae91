import Glibc
import MeshLab

/// Writers of etcd that go on at another member when theirs is gone, on one thread.
struct EtcdFailover {
  private struct Writer {
    var member: Int
    var descriptor: Int32 = -1
    var sequence = 0
    var isWaiting = false
    /// Of the write under way: when it is tried elsewhere. Otherwise: when the next one begins.
    var deadline = 0.0
    var received: [UInt8] = []
    var acknowledged: [Double] = []
  }

  // As the writers of the mesh have it (`LabLoad`).
  private static let writers = 12
  private static let pause = 0.02
  private static let answerTime = 0.9
  private static let retryPause = 0.01
  private static let takeoverLimit = 30.0

  private let peers: StatePeers
  private var writers: [Writer]

  static func run(peers root: String, kills: Int) throws(LabError) -> StateFailover.Result {
    let peers = try StatePeers(root: root)
    defer { peers.stop() }
    try peers.startEtcd()
    var run = EtcdFailover(peers)
    defer { for index in run.writers.indices { run.disconnect(index) } }
    var gaps: [Double] = []
    for number in 1...kills {
      let found = try run.killLeader()
      gaps += found
      BenchNote.say("kill \(number) of \(kills) of etcd's leader: longest gap \((found.max() ?? 0).shown) s")
    }
    let missing = run.missing()
    return StateFailover.Result(
      gaps: gaps.sorted(), acknowledged: run.writers.reduce(0) { $0 + $1.acknowledged.count }, missing: missing)
  }

  private init(_ peers: StatePeers) {
    self.peers = peers
    writers = (0..<EtcdFailover.writers).map { _ in Writer(member: 0) }
  }

  private mutating func killLeader() throws(LabError) -> [Double] {
    guard let leader = peers.etcdLeader else { throw LabError("etcd has no leader") }
    for index in writers.indices {
      disconnect(index)
      writers[index].member = leader
    }
    try write(untilEachHas: 10, since: LabClock.now)
    let moment = LabClock.now
    peers.killEtcd(member: leader)
    try write(untilEachHas: 10, since: moment)
    let gaps = writers.map { writer in
      zip(writer.acknowledged, writer.acknowledged.dropFirst()).filter { $1 > moment }.map { $1 - $0 }.max()
        ?? .infinity
    }
    try peers.restartEtcd(member: leader)
    try peers.waitForEtcd()
    return gaps
  }

  private mutating func write(untilEachHas count: Int, since start: Double) throws(LabError) {
    let limit = LabClock.now + EtcdFailover.takeoverLimit
    while !writers.allSatisfy({ $0.acknowledged.suffix(count).count { $0 > start } == count }) {
      if BenchInterrupt.came { throw LabError("interrupted") }
      guard LabClock.now < limit else { throw LabError("etcd acknowledges nothing") }
      for index in writers.indices where LabClock.now >= writers[index].deadline {
        if writers[index].isWaiting { turn(index) } else { send(index) }
      }
      var entries = writers.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
      guard poll(&entries, nfds_t(entries.count), 2) > 0 else { continue }
      for index in entries.indices where entries[index].revents != 0 { receive(index) }
    }
  }

  private func key(_ writer: Int, _ sequence: Int) -> String { "once/\(writer)/\(sequence)" }
  private func value(_ writer: Int, _ sequence: Int) -> String {
    let text = "\(sequence) of \(writer) "
    return text + String(repeating: "x", count: max(0, StateWorkload.valueSize - text.utf8.count))
  }

  /// Sends the open write of a writer: the same again until it is acknowledged.
  private mutating func send(_ index: Int) {
    if writers[index].descriptor < 0 {
      let port = peers.ports[writers[index].member]
      guard let descriptor = try? StatePlace.loopback(port: port).open() else { return turn(index) }
      writers[index].descriptor = descriptor
    }
    let sequence = writers[index].sequence
    let request = EtcdFailover.request(
      "put", "{\"key\":\"\(base64(key(index, sequence)))\",\"value\":\"\(base64(value(index, sequence)))\"}")
    guard Glibc.send(writers[index].descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL)) == request.utf8.count
    else { return turn(index) }
    writers[index].isWaiting = true
    writers[index].deadline = LabClock.now + EtcdFailover.answerTime
  }

  private mutating func receive(_ index: Int) {
    var chunk = [UInt8](repeating: 0, count: 4_096)
    let count = recv(writers[index].descriptor, &chunk, chunk.count, 0)
    if count < 0, errno == EAGAIN || errno == EINTR { return }
    guard count > 0, writers[index].isWaiting else { return turn(index) }
    writers[index].received += chunk[..<count]
    guard let answer = HTTPAnswer(writers[index].received[...]) else { return }
    writers[index].received.removeFirst(answer.length)
    guard answer.status == 200 else { return turn(index) }
    writers[index].acknowledged.append(LabClock.now)
    writers[index].sequence += 1
    writers[index].isWaiting = false
    writers[index].deadline = LabClock.now + EtcdFailover.pause
  }

  /// To the next member; an answer that comes late is read by nobody.
  private mutating func turn(_ index: Int) {
    disconnect(index)
    writers[index].member = (writers[index].member + 1) % peers.ports.count
    writers[index].deadline = LabClock.now + EtcdFailover.retryPause
  }

  private mutating func disconnect(_ index: Int) {
    if writers[index].descriptor >= 0 { close(writers[index].descriptor) }
    writers[index].descriptor = -1
    writers[index].isWaiting = false
    writers[index].received = []
  }

  /// Acknowledged writes that are not there when they are read back.
  private func missing() -> Int {
    var count = 0
    for index in writers.indices {
      for sequence in 0..<writers[index].sequence {
        let request = EtcdFailover.request("range", "{\"key\":\"\(base64(key(index, sequence)))\"}")
        let expected = "\"value\":\"\(base64(value(index, sequence)))\""
        let answer = peers.ports.lazy.compactMap { port in
          BenchExchange.text(port, request) { HTTPAnswer(Array($0.utf8)[...]) != nil }
        }.first
        if answer?.contains(expected) != true { count += 1 }
      }
    }
    return count
  }

  private static func request(_ verb: String, _ body: String) -> String {
    "POST /v3/kv/\(verb) HTTP/1.1\r\nHost: etcd\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  private func base64(_ text: String) -> String { String(decoding: Base64.encode(Array(text.utf8)), as: UTF8.self) }
}
