import Glibc

/// The client's end of a control socket: blocking, with a limit on every wait. Not thread-safe.
package final class ControlClient {
  /// `sun_path` has 108 bytes with its final zero.
  package static let pathLimit = 107

  private let path: String
  private let timeout: Duration
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  /// Bytes of `buffer` that hold no line feed.
  private var searched = 0
  /// Called once when the node has said nothing for half a second.
  package var onSlow: (() -> Void)?

  /// Connects. `timeout` is the longest wait for the connection, for sending and for each answer.
  package init(socket path: String, timeout: Duration) throws(Fault) {
    self.path = path
    self.timeout = timeout
    let bytes = Array(path.utf8)
    guard bytes.count <= ControlClient.pathLimit else {
      throw Fault(.socketPathTooLong, ["socket": path, "length": "\(bytes.count)"])
    }
    let descriptor = socket(
      AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw Fault(.cannotRead, ["file": path, "reason": ControlClient.reason(errno)]) }
    self.descriptor = descriptor
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let deadline = ContinuousClock.now + timeout
    while true {
      let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
      }
      if result == 0 { return }
      let failure = errno
      // EAGAIN: the node's backlog is full, and there is nothing to poll for.
      if failure == EINTR || failure == EAGAIN, ContinuousClock.now < deadline {
        if failure == EAGAIN { _ = poll(nil, 0, 20) }
        continue
      }
      throw ControlClient.fault(connecting: failure, path: path, timeout: timeout)
    }
  }

  deinit { close(descriptor) }

  private static func fault(connecting failure: Int32, path: String, timeout: Duration) -> Fault {
    switch failure {
    case ENOENT, ENOTDIR, ECONNREFUSED, ENOTSOCK:
      let seen = failure == ECONNREFUSED ? "the socket is there, but nobody listens" : "there is no such socket"
      return Fault(.noNode, ["socket": path], evidence: [seen])
    case EACCES, EPERM: return Fault(.socketNotPermitted, ["socket": path])
    case EAGAIN: return Fault(.noAnswer, ["socket": path, "time": timeout.shown])
    default: return Fault(.cannotRead, ["file": path, "reason": reason(failure)])
    }
  }

  /// One request, one answer.
  package func ask<Answer: Reply>(_ request: ControlRequest, for type: Answer.Type = Answer.self) throws(Fault)
    -> Answer
  {
    try send(request)
    guard let answer = try next(type, within: timeout) else {
      throw Fault(.badReply, ["socket": path, "reason": "the node closed the connection"])
    }
    return answer
  }

  package func send(_ request: ControlRequest) throws(Fault) {
    let line = request.line()
    let deadline = ContinuousClock.now + timeout
    var sent = 0
    while sent < line.count {
      // A node that is gone must not kill this process by SIGPIPE.
      let count = line[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        sent += count
      } else if errno == EAGAIN {
        try wait(for: Int16(POLLOUT), until: deadline)
      } else if errno != EINTR {
        throw Fault(.badReply, ["socket": path, "reason": ControlClient.reason(errno)])
      }
    }
  }

  /// The next answer; `nil` when the node closed the connection between two answers. Without `limit` it waits for ever.
  package func next<Answer: Reply>(_ type: Answer.Type = Answer.self, within limit: Duration?) throws(Fault) -> Answer?
  {
    guard let line = try nextLine(until: limit.map { ContinuousClock.now + $0 }) else { return nil }
    guard let head = JSONLine.decode(Head.self, from: line) else {
      throw Fault(.badReply, ["socket": path, "reason": "not a JSON object with `schema`"])
    }
    if head.schema == Fault.schemaName, let fault = JSONLine.decode(Fault.self, from: line) { throw fault }
    guard head.schema == Answer.schemaName, let answer = JSONLine.decode(type, from: line) else {
      throw Fault(
        .badReply,
        ["socket": path, "reason": "`\(head.schema.printable(limit: 40))` instead of `\(Answer.schemaName)`"])
    }
    return answer
  }

  private struct Head: Decodable { var schema: String }

  private func nextLine(until deadline: ContinuousClock.Instant?) throws(Fault) -> [UInt8]? {
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0a) {
        let line = Array(buffer[..<end])
        buffer.removeSubrange(...end)
        searched = 0
        return line
      }
      searched = buffer.count
      guard buffer.count <= replyLineLimit else {
        throw Fault(.badReply, ["socket": path, "reason": "a line of more than \(replyLineLimit) bytes"])
      }
      let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
      if count > 0 {
        buffer.append(contentsOf: chunk[..<count])
      } else if count == 0 {
        if buffer.isEmpty { return nil }
        throw Fault(.badReply, ["socket": path, "reason": "the connection ended inside an answer"])
      } else if errno == EAGAIN {
        try wait(for: Int16(POLLIN), until: deadline)
      } else if errno == ECONNRESET {
        return nil
      } else if errno != EINTR {
        throw Fault(.badReply, ["socket": path, "reason": ControlClient.reason(errno)])
      }
    }
  }

  private func wait(for events: Int16, until deadline: ContinuousClock.Instant?) throws(Fault) {
    var entry = pollfd(fd: descriptor, events: events, revents: 0)
    while true {
      let left = deadline.map { $0 - ContinuousClock.now }
      if let left, left <= .zero { throw Fault(.noAnswer, ["socket": path, "time": timeout.shown]) }
      let milliseconds = left.map { $0 / .milliseconds(1) + 1 } ?? 60_000
      let step = onSlow == nil || deadline == nil ? milliseconds : min(milliseconds, 500)
      let ready = poll(&entry, 1, Int32(min(step, 60_000)))
      if ready > 0 { return }
      if ready == 0, step == 500 {
        onSlow?()
        onSlow = nil
      }
      guard ready >= 0 || errno == EINTR else {
        throw Fault(.badReply, ["socket": path, "reason": ControlClient.reason(errno)])
      }
    }
  }

  private static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
}

extension Duration {
  /// `5 s`, `250 ms`.
  package var shown: String { Figures.short(self / .seconds(1)) }
}
