package import Control
import EventLoop
import KeyStore
import Logging
package import MapShard
package import Wire

/// The store of a host at the start of a life: its id, its files, and what they gave back.
package struct StoreStart {
  package let id: UInt64
  /// The file with the id was damaged; the log had it.
  package let hasFoundID: Bool
  let path: String
  let settings: LogSettings
  package let recovered: RecoveredLog

  /// The id of the data directory, kept before anything is written under it: drawn for a new one, because a voter that has
  /// lost its disk has to come back as another one; read from the log when only the file with it is damaged, because
  /// another id would make everything that is stored another's.
  package init(dataFolder: String, host: HostID, state: SavedState, entropy: any Entropy) throws(Fault) {
    path = dataFolder + "/" + StoreDisk.folderName
    let found = state.isStoreDamaged ? LogRecovery.storeID(StoreFolder(path)) : nil
    hasFoundID = found != nil
    id = state.store ?? found ?? entropy.u64()
    if state.store == nil {
      let file = StateFolder.path(of: .store, in: dataFolder)
      let bytes = StateEnvelope.wrap(.store, of: host, StateBody.number(id))
      let written = bytes.withUnsafeBytes { bytes in
        Result { () throws(Fault) in try PrivateFile.write(file, bytes, replacing: .always) }
      }
      try written.get()
    }
    let folder = StoreFolder(path)
    do throws(UVError) {
      if (try? Files.information(path)) == nil {
        try Files.makeDirectory(path)
        try Files.synchronizeDirectory(of: path)
      }
      // A folder that cannot be listed must not look like an empty store.
      _ = try Files.list(path)
      try folder.synchronize()
    } catch {
      throw Fault(.cannotWrite, ["file": path, "reason": error.message], at: path)
    }
    settings = LogSettings(store: id)
    recovered = LogRecovery.run(folder, settings: settings)
  }

  /// What was found wrong on the disk, for the log.
  func notices(_ name: (ShardID) -> String) -> [Announcement] {
    var faults = recovered.shards.faults
    if let stray = recovered.shards.strayLoss, !faults.contains(stray) { faults.append(stray) }
    var notices = faults.map { fault in
      let isStray = fault == recovered.shards.strayLoss
      let hurt = recovered.shards.shards.filter { $0.value.damage == fault }.keys.sorted()
      return Announcement(
        name: .nodeStateDamaged, level: .warning, health: .degraded,
        text: "\(path)/\(fault.file) is damaged at byte \(fault.offset) (\(fault.kind)); "
          + StoreStart.consequence(hurt.map(name), isStray: isStray),
        code: .fileDamaged)
    }
    if recovered.shards.registerDamaged {
      notices.append(
        Announcement(
          name: .nodeStateDamaged, level: .error, health: .degraded,
          text: "\(path) may have lost a part of the register: if this host is a voter, it does not vote any more",
          code: .fileDamaged))
    }
    if hasFoundID {
      notices.append(
        Announcement(
          name: .nodeStateDamaged, level: .warning, health: .degraded,
          text: "the file with the store's id was damaged; the log in \(path) names it, and it is written anew",
          code: .fileDamaged))
    }
    return notices
  }

  /// What a fault at the start means: a copy that lacks something is filled up by others, the rest hurts nobody.
  package static func consequence(_ shards: [String], isStray: Bool) -> String {
    var words: [String] = []
    if !shards.isEmpty {
      let named = shards.prefix(5).joined(separator: ", ") + (shards.count > 5 ? " and \(shards.count - 5) more" : "")
      words.append("this host's copy of \(named) lacks something, which comes again from other hosts that have it")
    }
    if isStray {
      words.append("nobody can tell which other shards stood there, so none is recovered from this disk alone")
    }
    return words.isEmpty ? "nothing that counts is missing" : words.joined(separator: "; ")
  }
}
