import Configuration
import Control
import KeyStore
import Wire

/// What commands need of the configuration.
struct Setup {
  let folder: NodeFolder
  let settings: Settings
  let loaded: LoadedSettings
  let configuration: String?

  static func load(_ options: GlobalOptions, environment: [String: String]) throws(Fault) -> Setup {
    let setup = NodeSetup.load(
      directory: options.dir, configuration: options.config, options: options.settings, environment: environment)
    let (settings, folder) = try setup.get()
    return Setup(folder: folder, settings: settings, loaded: setup.loaded, configuration: setup.configuration)
  }

  /// Of certificates that are signed here, in seconds.
  var certificateLifetime: UInt64 { settings.security.certificateLifetime.seconds }
  /// The first port of the range.
  var meshPort: UInt16 { settings.network.ports.first }
  /// `network.advertise`, with the mesh port when it has none.
  var advertised: Endpoint? {
    settings.network.advertised.flatMap { Endpoint(address: $0.host, port: $0.port ?? meshPort) }
  }
}
