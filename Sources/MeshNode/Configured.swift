package import Configuration
import Control
import Glibc
import KeyStore

/// The real files, for the reader of the configuration.
package struct SystemFiles: FileSource {
  package let user: UInt32 = geteuid()

  package init() {}

  package func read(_ path: String, limit: Int) -> FileReading {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      return errno == ENOENT || errno == ENOTDIR ? .missing : .failed(reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return .failed(reason: String(cString: strerror(errno))) }
    let facts = FileFacts(
      device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(truncatingIfNeeded: status.st_ino),
      owner: status.st_uid, mode: UInt32(status.st_mode & 0o7777), isRegular: status.st_mode & S_IFMT == S_IFREG)
    guard facts.isRegular else { return .found(facts, bytes: []) }
    var bytes = [UInt8](repeating: 0, count: limit + 1)
    var count = 0
    while count < bytes.count {
      let result = bytes[count...].withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if result < 0, errno == EINTR { continue }
      guard result >= 0 else { return .failed(reason: String(cString: strerror(errno))) }
      if result == 0 { break }
      count += result
    }
    return .found(facts, bytes: Array(bytes[..<count]))
  }
}

/// The configuration of a node, by the rules that `mesh-ctl` follows too: `--config`, else `p2p_athena.conf` in the
/// folder if it is there; keys and data are in the folder unless a setting says otherwise.
package struct Configured {
  package let loaded: LoadedSettings
  /// `nil` when there is an error.
  package let settings: Settings?
  /// `p2p_athena.conf + import/p2p_conf.txt`, or what there is instead.
  package let origin: String

  package init(_ options: RunOptions) {
    let standard = options.folder + "/p2p_athena.conf"
    let path = options.configuration ?? (PrivateFile.exists(standard) ? standard : nil)
    var surroundings = Surroundings()
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      surroundings.openFileLimit = Int(clamping: limit.rlim_cur)
    }
    loaded = SettingsReader.load(
      path, options: options.assignments, surroundings: surroundings, from: SystemFiles())
    var settings = loaded.settings
    if loaded.origin(of: "p2p_settings.node.data_dir") == .builtIn {
      settings?.node.dataDirectory = options.folder + "/data"
    }
    if loaded.origin(of: "p2p_settings.node.keys_dir") == .builtIn {
      settings?.node.keysDirectory = options.folder + "/keys"
    }
    self.settings = settings
    origin =
      loaded.files.isEmpty ? "built-in settings" : loaded.files.map { $0.printable() }.joined(separator: " + ")
  }
}

extension Settings {
  var nodeFolder: NodeFolder {
    NodeFolder(keys: node.keysDirectory, data: node.dataDirectory, controlSocket: node.controlSocketPath)
  }
}
