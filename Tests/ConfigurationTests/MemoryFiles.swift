import Configuration

/// Files from memory. Each has an inode of its own unless it is a link.
struct MemoryFiles: FileSource {
  struct File {
    var bytes: [UInt8]
    var owner: UInt32 = 1000
    var mode: UInt32 = 0o644
    var isRegular = true
    var inode: UInt64
  }

  var user: UInt32 = 1000
  var files: [String: File] = [:]
  var failing: [String: String] = [:]

  init(_ texts: [(String, String)] = []) {
    for (path, text) in texts { set(path, Array(text.utf8)) }
  }

  mutating func set(_ path: String, _ bytes: [UInt8]) {
    files[path] = File(bytes: bytes, inode: UInt64(files.count + 1))
  }

  func read(_ path: String, limit: Int) -> FileReading {
    if let reason = failing[path] { return .failed(reason: reason) }
    guard let file = files[path] else { return .missing }
    let facts = FileFacts(
      device: 1, inode: file.inode, owner: file.owner, mode: file.mode, isRegular: file.isRegular)
    return .found(facts, bytes: Array(file.bytes.prefix(limit + 1)))
  }
}

/// Loads one text as `p2p.conf`.
func load(_ text: String, options: [String] = [], surroundings: Surroundings = Surroundings()) -> LoadedSettings {
  load(Array(text.utf8), options: options, surroundings: surroundings)
}

func load(_ bytes: [UInt8], options: [String] = [], surroundings: Surroundings = Surroundings()) -> LoadedSettings {
  var files = MemoryFiles()
  files.set("p2p.conf", bytes)
  return SettingsReader.load("p2p.conf", options: options, surroundings: surroundings, from: files)
}
