package import Control
package import Wire
package import WorldData

/// What a node's worlds look like to people.
extension Control.WorldReply {
  /// - Parameter voter: this host and its data directory, as a first world names its voters.
  package init(_ sync: WorldSync, voter: WorldVoter, now: Now) {
    let store = sync.store
    let active = store.state.active
    let versions = store.worlds.map { document in
      let missing = store.missing(of: document).count
      var version = Version(
        version: document.mark.version, root: document.mark.root.hex,
        state: document.mark == active ? .active : missing == 0 ? .complete : .incomplete,
        maps: document.world.maps.count, mapsHere: document.world.maps.count - missing,
        shards: document.world.shards.count, notBefore: Timestamp(seconds: document.world.notBefore),
        expiry: Timestamp(seconds: document.world.expiry))
      if version.state == .complete, document.mark.version > active?.version ?? 0 {
        do throws(WorldRefusal) {
          _ = try store.checkActivation(document.mark.version, now: now)
        } catch {
          version.waits = error.cause
        }
      }
      return version
    }
    let download = sync.progress.map { progress in
      Download(
        version: progress.mark.version, maps: progress.total, mapsHere: progress.objects, bytes: progress.bytes,
        bytesPerSecond: progress.bytesPerSecond, secondsLeft: progress.secondsLeft)
    }
    self.init(
      at: Timestamp(nanoseconds: now.wall), voter: voter.description, active: active?.version, versions: versions,
      download: download)
  }
}

extension WorldRefusal {
  /// For people.
  package var cause: String {
    switch self {
    case .malformed: "it is damaged, or no world"
    case .signature: "it is not signed by an operator of this network, or was altered"
    case .otherNetwork(let network): "it is of another network (\(network))"
    case .older(let version, let newest): "version \(version) is older than \(newest), which was here already"
    case .conflict(let version): "there is another version \(version) here already"
    case .otherVoters(let version, let active):
      "version \(version) names other voters than version \(active), by which this host works; "
        + "the voters change only by a set that the operator signs, never by a world"
    case .known: "it is here already"
    case .unasked: "nobody asked for it"
    case .unknownVersion(let version): "there is no version \(version) here"
    case .notYet(let time): "its time comes on \(Timestamp(seconds: time))"
    case .expired(let time): "it has ended on \(Timestamp(seconds: time))"
    case .incomplete(let missing): "\(Plural.of(missing, "map")) of it are not here yet"
    case .tree(let difference): "the rAthena tree of this host is another one: \(difference.sentence)"
    case .charStatus(let here, let world): "mmo_charstatus has \(here) bytes here, \(world) in the world"
    }
  }

  /// The answer to a command about this version.
  package func fault(version: UInt64, network: String, maps: Int) -> Fault {
    switch self {
    case .signature: Fault(.worldUntrusted, ["version": "\(version)", "network": network])
    case .unknownVersion: Fault(.worldUnknown, ["version": "\(version)"])
    case .incomplete(let missing):
      Fault(.worldIncomplete, ["version": "\(version)", "have": "\(maps - missing)", "total": "\(maps)"])
    case .tree, .charStatus: Fault(.worldTree, ["reason": cause])
    default: Fault(.worldRefused, ["version": "\(version)", "reason": cause])
    }
  }
}
