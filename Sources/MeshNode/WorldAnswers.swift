import Control
import EventLoop
import Hashing
import MapShard
import NodeCore
import SecureChannel
import Wire
import WorldData

/// Worlds at the control socket and on the disk.
extension Shell: WorldDiskClient {
  func worldStored(_ token: UInt64, _ fault: Fault?) {
    seen.world = fault
    give(.world(fault == nil ? .stored(token: token) : .storeFailed(token: token)))
  }

  func worldObjects(_ bytes: [UInt8]?, lost: [Digest], for host: HostID) {
    if !lost.isEmpty { give(.world(.damaged(lost))) }
    give(.objects(bytes, to: host))
  }

  func serve(_ serve: WorldEffects.Serve) {
    if let world = node.worlds.store[serve.mark]?.world {
      worldDisk.serve(serve, of: world)
    } else {
      give(.objects(nil, to: serve.to))
    }
  }

  // MARK: Requests

  /// Requests that wait; each is one operator's command.
  static let worldRequestLimit = 16

  func answer(_ request: WorldRequest, for connection: ControlConnection) -> ControlAnswer {
    switch request {
    case .show:
      let voter = WorldVoter(host: identity.host, store: node.shards.store)
      return .line(WorldReply(node.worlds, voter: voter, now: loop.now).line())
    case .document(let version):
      guard let document = node.worlds.store[version: version] else {
        return .line(Fault(.worldUnknown, ["version": "\(version)"]).line())
      }
      return .line(WorldDocumentReply(version: version, document: document.bytes).line())
    case .activate(let version):
      return askWorlds(.activate(version), version: version, for: connection)
    case .publish(let file): return publish(file, for: connection)
    }
  }

  /// Read, examined, its maps written, and then taken: each step only after the one before.
  private func publish(_ file: String, for connection: ControlConnection) -> ControlAnswer {
    let begun = worldDisk.read(file, askedBy: connection.user) { [weak self] result in
      guard let self else { return }
      switch result {
      case .failure(let fault): connection.send(fault.line())
      case .success(let bundle):
        self.prepare(bundle, for: connection)
      }
    }
    return begun ? .later : .line(busy.line())
  }

  private var busy: Fault { Fault(.badRequest, ["reason": "this node is busy with other worlds; ask again"]) }

  private func prepare(_ bundle: WorldBundle, for connection: ControlConnection) {
    let version = bundle.document.mark.version
    let asked = askWorlds(.prepare(bundle.document.bytes)) { [weak self] reply in
      guard let self else { return }
      guard case .prepared = reply else { return self.send(reply, version: version, to: connection) }
      let begun = self.worldDisk.keep(bundle.objects) { fault in
        if let fault { return connection.send(fault.line()) }
        let command = WorldCommand.publish(bundle.document.bytes, objects: bundle.objects.map(\.address))
        let asked = self.askWorlds(command) { self.send($0, version: version, to: connection) }
        if !asked { connection.send(self.busy.line()) }
      }
      if !begun { connection.send(self.busy.line()) }
    }
    if !asked { connection.send(busy.line()) }
  }

  private func askWorlds(
    _ command: WorldCommand, version: UInt64, for connection: ControlConnection
  ) -> ControlAnswer {
    let asked = askWorlds(command) { [weak self] in self?.send($0, version: version, to: connection) }
    return asked ? .later : .line(busy.line())
  }

  private func askWorlds(_ command: WorldCommand, then done: @escaping (WorldOutcome) -> Void) -> Bool {
    guard worldRequests.count < Shell.worldRequestLimit else { return false }
    lastWorldRequest &+= 1
    worldRequests[lastWorldRequest] = done
    give(.world(.command(command, request: lastWorldRequest)))
    return true
  }

  private func send(_ reply: WorldOutcome, version: UInt64, to connection: ControlConnection) {
    let at = Timestamp(nanoseconds: loop.now.wall)
    switch reply {
    case .prepared(let mark):
      connection.send(
        WorldChangeReply(
          at: at, version: mark.version, root: mark.root.hex, state: .incomplete, missing: 0
        ).line())
    case .published(let mark, let missing):
      let isActive = node.worlds.store.state.active == mark
      connection.send(
        WorldChangeReply(
          at: at, version: mark.version, root: mark.root.hex,
          state: isActive ? .active : missing == 0 ? .complete : .incomplete, missing: missing
        ).line())
    case .activated(let mark):
      connection.send(
        WorldChangeReply(at: at, version: mark.version, root: mark.root.hex, state: .active, missing: 0).line())
    case .refused(let refusal):
      let maps = node.worlds.store[version: version]?.world.maps.count ?? 0
      connection.send(refusal.fault(version: version, network: identity.network.name, maps: maps).line())
    case .storeFailed:
      connection.send(
        Fault(.stateNotWritten, ["file": worldDisk.files.folder, "reason": "the write failed"]).line())
    }
  }
}
