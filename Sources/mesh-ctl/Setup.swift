import Control
import KeyStore
import Wire

/// The configuration that a node here would have, and where its files are.
struct Setup {
  var folder: NodeFolder
  /// Of certificates that are signed here, in seconds: what security_level stands for.
  var certificateLifetime: UInt64 = 7 * 86_400
  /// `network.advertise`, with the mesh port when it has none.
  var advertised: Endpoint?
  var meshPort: UInt16 = 7000

  static func load(_ options: GlobalOptions, environment: [String: String]) throws(Fault) -> Setup {
    let named = options.dir ?? environment["MESH_DIR"].flatMap { $0.isEmpty ? nil : $0 }
    return Setup(folder: NodeFolder(named ?? NodeFolder.standard))
  }
}
