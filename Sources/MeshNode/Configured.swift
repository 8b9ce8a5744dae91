package import Configuration
import Control
import Glibc
import KeyStore

/// The configuration of a node, by the rules that `mesh-ctl` follows too.
package struct Configured {
  package let loaded: LoadedSettings
  /// `nil` when there is an error.
  package let settings: Settings?
  /// `p2p_athena.conf + import/p2p_conf.txt`, or what there is instead.
  package let origin: String

  package init(_ options: RunOptions) {
    var surroundings = Surroundings()
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      surroundings.openFileLimit = Int(clamping: limit.rlim_cur)
    }
    let environment = ["MESH_DIR": ServiceNotice.environmentValue("MESH_DIR") ?? ""]
    let setup = NodeSetup.load(
      directory: options.folder, configuration: options.configuration, options: options.assignments,
      environment: environment, surroundings: surroundings)
    loaded = setup.loaded
    settings = setup.loaded.settings
    origin = loaded.files.isEmpty ? "built-in settings" : loaded.files.map { $0.printable() }.joined(separator: " + ")
  }
}

extension Settings {
  var nodeFolder: NodeFolder {
    NodeFolder(keys: node.keysDirectory, data: node.dataDirectory, controlSocket: node.controlSocketPath)
  }
}
