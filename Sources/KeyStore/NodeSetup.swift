package import Configuration
package import Control
import Glibc

/// The configuration of a node and where its files are: the same rules for `mesh-node` and `mesh-ctl`
/// (docs/commands.md, "Where a node's files are").
package struct NodeSetup: Sendable {
  /// `nil` when the configuration has errors: then nobody knows where the files are.
  package let folder: NodeFolder?
  package let loaded: LoadedSettings
  /// The configuration's first file; `nil` when there is none.
  package let configuration: String?

  package static let configurationName = "p2p_athena.conf"
  /// Where rAthena keeps its configuration.
  package static let rathenaFolder = "conf"

  /// - Parameters:
  ///   - directory: `--dir`; data and keys are in it, whatever the configuration says.
  ///   - configuration: `--config`.
  ///   - options: `--set`, in order.
  ///   - environment: `MESH_DIR` counts like `--dir`.
  package static func load(
    directory: String?, configuration: String?, options: [String], environment: [String: String],
    surroundings: Surroundings = Surroundings()
  ) -> NodeSetup {
    let named = directory ?? environment["MESH_DIR"].flatMap { $0.isEmpty ? nil : $0 }
    let file = configuration ?? standardConfiguration(in: named ?? NodeFolder.standard)
    // Before the other options, so that --set can still put one of them elsewhere.
    let placed = named.map { ["node.data_dir=\(quoted($0 + "/data"))", "node.keys_dir=\(quoted($0 + "/keys"))"] } ?? []
    let loaded = SettingsReader.load(
      file, options: placed + options, surroundings: surroundings, from: SystemFiles())
    let folder = loaded.settings.map { settings in
      NodeFolder(
        keys: settings.node.keysDirectory, data: settings.node.dataDirectory,
        controlSocket: settings.node.controlSocketPath)
    }
    return NodeSetup(folder: folder, loaded: loaded, configuration: file)
  }

  private static func standardConfiguration(in directory: String) -> String? {
    ["\(directory)/\(configurationName)", "\(rathenaFolder)/\(configurationName)"].first(where: PrivateFile.exists)
  }

  private static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  /// Settings and places, or one fault with all errors of the configuration.
  package func get() throws(Fault) -> (settings: Settings, folder: NodeFolder) {
    guard let settings = loaded.settings, let folder else {
      let lines = loaded.messages.errors.flatMap {
        $0.description.split(separator: "\n", omittingEmptySubsequences: false)
      }
      var fault = Fault(
        .configurationBroken, ["errors": Plural.of(loaded.messages.errorCount, "error")],
        evidence: lines.map(String.init))
      if let configuration { fault.help = "mesh-ctl config check \(configuration)" }
      throw fault
    }
    return (settings, folder)
  }
}

/// Configuration files of this machine.
package struct SystemFiles: FileSource {
  package init() {}

  package var user: UInt32 { geteuid() }

  package func read(_ path: String, limit: Int) -> FileReading {
    // O_NONBLOCK: opening a pipe must not wait for somebody at its other end.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      return errno == ENOENT || errno == ENOTDIR ? .missing : .failed(reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return .failed(reason: String(cString: strerror(errno))) }
    let facts = FileFacts(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), owner: status.st_uid, mode: status.st_mode & 0o7777,
      isRegular: status.st_mode & S_IFMT == S_IFREG)
    // What is not regular is refused by its facts; nothing is read from a pipe or a folder.
    guard facts.isRegular else { return .found(facts, bytes: []) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= limit {
      let count = Glibc.read(descriptor, &chunk, min(chunk.count, limit + 1 - bytes.count))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return .failed(reason: String(cString: strerror(errno))) }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    return .found(facts, bytes: bytes)
  }
}
