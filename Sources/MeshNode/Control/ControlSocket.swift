package import Control
package import EventLoop
import Glibc

/// How a request is answered.
package enum ControlAnswer {
  case line([UInt8])
  /// By a later call of `ControlConnection.send`.
  case later
  case follow(EventsQuery)
}

/// Who knows the answers.
package protocol ControlAnswering: AnyObject {
  var events: EventLog { get }
  func answer(_ request: ControlRequest, for connection: ControlConnection) -> ControlAnswer
  /// Somebody who may not asked for a change.
  func refusedChange(_ request: ControlRequest, by user: UInt32)
}

/// The control socket: a Unix socket (mode 0660) that speaks to `mesh-ctl` and to nobody else. The kernel says who is at
/// the other end; whoever can open the socket may look, root, our own user and our group may change something.
package final class ControlSocket: ListenerClient {
  /// Programs that write state keep one each, and one that waits for a copy that is gone keeps it for seconds: they must
  /// not shut out whoever wants to know why.
  package static let connectionLimit = 64
  /// Above the limit so many are told why before they are closed; the rest is just closed.
  static let refusalLimit = 8

  package let path: String
  package private(set) var requests: [String: UInt64] = [:]
  package private(set) var refusedConnections: UInt64 = 0

  private unowned let answering: any ControlAnswering
  private let loop: Loop
  private var listener: Listener?
  private var connections: [ControlConnection] = []
  private var isClosing = false

  package init(_ loop: Loop, path: String, answering: any ControlAnswering) throws(Fault) {
    self.loop = loop
    self.path = path
    self.answering = answering
    do throws(UVError) {
      listener = try loop.listen(
        onPath: path, limit: ControlSocket.connectionLimit + ControlSocket.refusalLimit, client: self)
    } catch .nameTooLong {
      throw Fault(.socketPathTooLong, ["socket": path, "length": "\(path.utf8.count)"], at: path)
    } catch {
      throw Fault(.cannotWrite, ["file": path, "reason": error.message], at: path)
    }
  }

  var events: EventLog { answering.events }
  var monotonic: UInt64 { SystemClock.monotonic }
  var wall: Timestamp { Timestamp(nanoseconds: SystemClock.wall) }

  package func accepted(_ stream: EventLoop.Stream, by listener: Listener) -> (any StreamClient)? {
    guard !isClosing, let peer = try? stream.peerCredentials() else { return nil }
    let isPrivileged = peer.user == 0 || peer.user == geteuid() || peer.group == getegid()
    let connection = ControlConnection(
      stream, user: peer.user, isPrivileged: isPrivileged, server: self, now: monotonic)
    let isFull = connections.count { !$0.isEnding } >= ControlSocket.connectionLimit
    connections.append(connection)
    if isFull {
      refusedConnections &+= 1
      connection.finish(Fault(.tooManyClients, ["limit": "\(ControlSocket.connectionLimit)"]).line())
    }
    return connection
  }

  package func acceptFailed(_ error: UVError, by listener: Listener) { refusedConnections &+= 1 }

  func answer(_ request: ControlRequest, _ connection: ControlConnection) -> ControlAnswer {
    answering.answer(request, for: connection)
  }

  func refusedChange(_ request: ControlRequest, by user: UInt32) { answering.refusedChange(request, by: user) }

  /// Verbs are a fixed set, so this table is bounded.
  func count(_ verb: String) { requests[verb, default: 0] &+= 1 }

  func ended(_ connection: ControlConnection) { connections.removeAll { $0 === connection } }

  /// An event was appended.
  package func eventHappened() {
    for connection in connections { connection.pump() }
  }

  /// Once a second: ends what has waited for too long.
  package func tick(at monotonic: UInt64) {
    for connection in connections { connection.check(at: monotonic) }
  }

  /// Takes no more clients; the connections get what was written to them.
  package func close() {
    isClosing = true
    listener?.close()
    listener = nil
    for connection in connections { connection.stream.finish(within: 500_000_000) }
  }
}
