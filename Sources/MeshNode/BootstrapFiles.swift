import Configuration
import Control
import Glibc
import KeyStore

/// Where the bootstrap list stands: what `mesh-ctl accept` wrote, then the files of the configuration.
enum BootstrapFiles {
  static func peers(_ settings: Settings, _ files: KeyFiles) throws(Fault) -> [ListedPeer] {
    var peers = try files.bootstrapPeers()
    for path in settings.network.bootstrapFiles { peers += try read(path) }
    return peers.compactMap(ListedPeer.init)
  }

  /// The list holds no secret, but who can write to it chooses whom this host asks.
  private static func read(_ path: String) throws(Fault) -> [BootstrapPeer] {
    switch SystemFiles().read(path, limit: KeyFiles.bootstrapLimit) {
    case .found(let facts, let bytes):
      guard facts.isRegular else { throw Fault(.fileKind, ["file": path, "kind": "something else"], at: path) }
      guard facts.owner == geteuid() || facts.owner == 0, facts.mode & 0o002 == 0 else {
        throw Fault(
          .fileMode, ["file": path, "reason": "may be changed by others", "fix": "chmod o-w \(path)"], at: path)
      }
      let (peers, messages) = BootstrapList.read(bytes, name: path)
      guard let error = messages.errors.first else { return peers }
      throw Fault(
        .bootstrapLine, ["line": error.place.map { "\($0.line)" } ?? "?", "file": path, "reason": error.text],
        at: error.place?.description ?? path, evidence: messages.errors.dropFirst().prefix(5).map(\.text))
    case .missing: throw Fault(.cannotRead, ["file": path, "reason": "there is no such file"], at: path)
    case .failed(let reason): throw Fault(.cannotRead, ["file": path, "reason": reason], at: path)
    }
  }
}
