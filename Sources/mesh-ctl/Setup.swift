import Control
import KeyStore

/// The configuration that a node here would have, and where its files are.
struct Setup {
  var folder: NodeFolder

  static func load(_ options: GlobalOptions, environment: [String: String]) throws(Fault) -> Setup {
    let named = options.dir ?? environment["MESH_DIR"].flatMap { $0.isEmpty ? nil : $0 }
    return Setup(folder: NodeFolder(named ?? NodeFolder.standard))
  }
}
