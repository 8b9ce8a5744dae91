import Control
package import EventLoop

/// One client of the control socket: lines in, lines out, one request at a time.
///
/// Its limits are its own: what a client sends, does not send or does not read costs the node a bounded buffer and, at
/// the latest after `requestLimit`, nothing.
package final class ControlConnection: StreamClient {
  /// Longest time from the first byte of a request to its last, and from an answer to its being read (`security.md` 3.10).
  package static let requestLimit: UInt64 = 5_000_000_000
  /// A client that asks nothing gives its place to others.
  static let idleLimit: UInt64 = 60_000_000_000
  /// A follower that reads nothing for so long is gone.
  static let followLimit: UInt64 = 600_000_000_000
  /// Bytes that may wait for a follower; further events wait in the event log.
  static let followBacklog = 256 << 10
  static let eventsPerLine = 64

  private enum Phase { case waiting, answering, following(next: UInt64), ending }

  let stream: EventLoop.Stream
  package let user: UInt32
  let isPrivileged: Bool
  private unowned let server: ControlSocket
  private var phase = Phase.waiting
  private var buffer: [UInt8] = []
  /// Bytes of `buffer` that hold no line feed.
  private var searched = 0
  /// Answering at once must not begin the next request inside the last one.
  private var isTakingLines = false
  /// When the current wait (for the rest of a request, for a reader, for anything) has to be over.
  private var limit: UInt64

  init(_ stream: EventLoop.Stream, user: UInt32, isPrivileged: Bool, server: ControlSocket, now: UInt64) {
    self.stream = stream
    self.user = user
    self.isPrivileged = isPrivileged
    self.server = server
    limit = now &+ ControlConnection.idleLimit
    stream.writeLimit = replyLineLimit + ControlConnection.followBacklog
  }

  var isOpen: Bool { stream.isOpen }

  /// It has got its last words, and takes no place of others any more.
  var isEnding: Bool {
    if case .ending = phase { return true }
    return false
  }

  // MARK: Requests

  package func received(_ bytes: UnsafeRawBufferPointer, on stream: EventLoop.Stream) {
    switch phase {
    case .ending: return
    case .following: return  // a follower has nothing more to say; closing ends it
    case .waiting, .answering: break
    }
    if buffer.isEmpty { limit = server.monotonic &+ ControlConnection.requestLimit }
    buffer.append(contentsOf: bytes)
    // One line and what may be the beginning of the next.
    if buffer.count > 2 * ControlRequest.lineLimit { stream.pauseReading() }
    takeLines()
  }

  private func takeLines() {
    guard !isTakingLines else { return }
    isTakingLines = true
    defer { isTakingLines = false }
    while case .waiting = phase, let end = buffer[searched...].firstIndex(of: 0x0a) {
      let line = buffer[..<end]
      searched = 0
      let request: ControlRequest
      do throws(Fault) {
        request = try ControlRequest(line: line)
      } catch {
        return refuse(error)
      }
      buffer.removeSubrange(...end)
      limit = server.monotonic &+ (buffer.isEmpty ? ControlConnection.idleLimit : ControlConnection.requestLimit)
      answer(request)
    }
    guard case .waiting = phase else { return }
    searched = buffer.count
    if buffer.count > ControlRequest.lineLimit {
      refuse(Fault(.badRequest, ["reason": "longer than \(ControlRequest.lineLimit) bytes"]))
    } else {
      stream.resumeReading()
    }
  }

  private func answer(_ request: ControlRequest) {
    phase = .answering
    server.count(request.verb)
    guard isPrivileged || !request.changesSomething else {
      server.refusedChange(request, by: user)
      return send(Fault(.requestNotPermitted, ["user": "\(user)", "request": request.verb]).line())
    }
    switch server.answer(request, self) {
    case .line(let line): send(line)
    case .later: limit = .max
    case .follow(let query): follow(query)
    }
  }

  /// The answer that was to come later, or one of several.
  package func send(_ line: [UInt8], isLast: Bool = true) {
    guard put(line, isLast: isLast), isLast else { return }
    if case .answering = phase { phase = .waiting }
    takeLines()
  }

  /// The last words: after them the connection ends.
  package func finish(_ line: [UInt8]) {
    guard put(line) else { return }
    phase = .ending
    stream.finish()
  }

  /// With more to come the client may wait for it, however long that takes.
  private func put(_ line: [UInt8], isLast: Bool = true) -> Bool {
    switch stream.write(line) {
    case .sent:
      limit = isLast ? server.monotonic &+ ControlConnection.idleLimit : .max
      return true
    case .queued:
      limit = server.monotonic &+ ControlConnection.requestLimit
      return true
    case .refused:
      stream.close()
      return false
    }
  }

  private func refuse(_ fault: Fault) {
    server.count("refused")
    buffer.removeAll()
    searched = 0
    finish(fault.line())
  }

  // MARK: Following events

  private func follow(_ query: EventsQuery) {
    let reply = server.events.reply(to: query, at: server.wall)
    guard put(reply.line()) else { return }
    buffer.removeAll()
    phase = .following(next: server.events.nextSequence)
    limit = server.monotonic &+ ControlConnection.followLimit
  }

  /// Sends what has happened since, as far as the client reads.
  func pump() {
    guard case .following(var next) = phase else { return }
    while next < server.events.nextSequence, stream.isOpen,
      stream.queuedBytes < ControlConnection.followBacklog
    {
      let (events, missed) = server.events.events(from: next, limit: ControlConnection.eventsPerLine)
      next = events.last.map { $0.sequence + 1 } ?? server.events.nextSequence
      let line = EventsReply(at: server.wall, events: events, missed: missed).line()
      guard stream.write(line) != .refused else { return stream.close() }
      limit = server.monotonic &+ ControlConnection.followLimit
    }
    phase = .following(next: next)
  }

  package func drained(_ stream: EventLoop.Stream) {
    switch phase {
    case .following:
      limit = server.monotonic &+ ControlConnection.followLimit
      pump()
    case .answering: limit = .max
    case .waiting, .ending: limit = server.monotonic &+ ControlConnection.idleLimit
    }
  }

  // MARK: Ending

  /// Called once a second.
  func check(at monotonic: UInt64) {
    if monotonic >= limit { stream.close() }
    // Nothing to read: a follower waits for events for ever, as long as it takes what comes.
    if case .following = phase, stream.queuedBytes == 0 { limit = monotonic &+ ControlConnection.followLimit }
  }

  package func ended(_ stream: EventLoop.Stream) {
    // The client has asked everything; it still gets the answer that is under way. One that has gone looks the same, and
    // an answer that waits for a dead copy may be long in coming: its place is not kept for ever.
    if case .answering = phase {
      limit = server.monotonic &+ ControlConnection.requestLimit
      return
    }
    stream.finish()
  }

  package func closed(_ stream: EventLoop.Stream, _ error: UVError?) { server.ended(self) }
}
