import Control
import EventLoop
import KeyStore
import Logging
import MapShard
import Wire

/// The store of a host at the start of a life: its id, its files, and what they gave back.
struct StoreStart {
  let id: UInt64
  let path: String
  let settings: LogSettings
  let recovered: RecoveredLog

  /// Draws the id of a new data directory and keeps it before anything is written under it: a voter that has lost its
  /// disk has to come back as another one.
  init(dataFolder: String, host: HostID, state: SavedState, entropy: any Entropy) throws(Fault) {
    if let known = state.store {
      id = known
    } else {
      id = entropy.u64()
      let path = StateFolder.path(of: .store, in: dataFolder)
      let bytes = StateEnvelope.wrap(.store, of: host, StateBody.number(id))
      let written = bytes.withUnsafeBytes { bytes in
        Result { () throws(Fault) in try PrivateFile.write(path, bytes, replacing: .always) }
      }
      try written.get()
    }
    path = dataFolder + "/" + StoreDisk.folderName
    do throws(UVError) {
      if (try? Files.information(path)) == nil {
        try Files.makeDirectory(path)
        try Files.synchronizeDirectory(of: path)
      }
      // A folder that cannot be listed must not look like an empty store.
      _ = try Files.list(path)
    } catch {
      throw Fault(.cannotWrite, ["file": path, "reason": error.message], at: path)
    }
    settings = LogSettings(store: id)
    recovered = LogRecovery.run(StoreFolder(path), settings: settings)
  }

  /// What was found wrong on the disk, for the log.
  var notices: [Announcement] {
    recovered.shards.faults.map { fault in
      Announcement(
        name: .nodeStateDamaged, level: .warning, health: .degraded,
        text: "\(path)/\(fault.file) is damaged at byte \(fault.offset) (\(fault.kind)); "
          + "what it held comes again from other hosts",
        code: .fileDamaged)
    }
  }
}
