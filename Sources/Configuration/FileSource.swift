/// How the reader gets at files: the shell and the tools give the real ones, tests give bytes from memory.
///
/// A source follows no rule of its own: it reports what it found, `FileReader` judges it.
package protocol FileSource {
  /// The effective user of this process; a configuration file belongs to it or to root.
  var user: UInt32 { get }

  /// Reads at most `limit` + 1 bytes of a file (one more than allowed shows that there are too many), without
  /// following rules about owner or mode. A relative path counts from the working folder.
  func read(_ path: String, limit: Int) -> FileReading
}

/// What a source found at a path.
package enum FileReading {
  case found(FileFacts, bytes: [UInt8])
  case missing
  /// It exists but cannot be read; the reason in the words of the system.
  case failed(reason: String)
}

/// What `fstat` says of an open file.
package struct FileFacts: Hashable, Sendable {
  /// Device and inode: two paths to one file have the same.
  package var device: UInt64
  package var inode: UInt64
  package var owner: UInt32
  /// Permission bits.
  package var mode: UInt32
  package var isRegular: Bool

  package init(device: UInt64, inode: UInt64, owner: UInt32, mode: UInt32, isRegular: Bool = true) {
    self.device = device
    self.inode = inode
    self.owner = owner
    self.mode = mode
    self.isRegular = isRegular
  }
}
