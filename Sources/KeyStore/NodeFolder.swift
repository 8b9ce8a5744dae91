/// Where the files of one node are. `mesh-node` and `mesh-ctl` find them by the same rules (docs/commands.md):
///
/// ```
/// DIR                     --dir, else MESH_DIR, else `mesh` in the working folder
///   p2p_athena.conf       read when it is there and no --config is given
///   keys/                 0700; setting node.keys_dir
///     identity            this host's secret keys (`Identity`)
///     network             name, operators' public keys and the network's secret (`Network`)
///     certificate         what the operator says about this host (`Certificate`)
///     operator            the operator's signing key, encrypted; only where the network was made
///     bootstrap           peers of the welcome line, one a line: `name address:port public-key`
///   data/                 0700; setting node.data_dir; state of the node
///     control.sock        0660; setting node.control_socket
/// ```
package struct NodeFolder: Hashable, Sendable {
  package var keys: String
  package var data: String
  package var controlSocket: String

  /// The folder that is used when nobody names one.
  package static let standard = "mesh"

  package init(_ directory: String = NodeFolder.standard) {
    self.init(keys: directory + "/keys", data: directory + "/data")
  }

  /// From settings; `controlSocket` is in the data folder unless set.
  package init(keys: String, data: String, controlSocket: String? = nil) {
    self.keys = keys
    self.data = data
    self.controlSocket = controlSocket ?? data + "/control.sock"
  }

  package var identity: String { keys + "/identity" }
  package var network: String { keys + "/network" }
  package var certificate: String { keys + "/certificate" }
  package var operatorKey: String { keys + "/operator" }
  package var bootstrap: String { keys + "/bootstrap" }
}
