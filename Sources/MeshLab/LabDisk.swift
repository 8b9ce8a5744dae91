import Glibc

/// A small file system of its own for a folder of a member, to fill it. Needs root.
package final class LabDisk {
  package let folder: String
  private let scratch: String
  private var isMounted = true

  /// Mounts `megabytes` of memory over `folder`, which must be empty or not matter; `nil` where that is not possible.
  package init?(over folder: String, megabytes: Int, scratch: String) {
    self.folder = folder
    self.scratch = scratch
    // The node makes its folders at its first start, which is later.
    if let slash = folder.lastIndex(of: "/") { mkdir(String(folder[..<slash]), 0o700) }
    mkdir(folder, 0o700)
    guard getuid() == 0,
      let result = try? LabCommand.run(
        "/usr/bin/env", ["mount", "-t", "tmpfs", "-o", "size=\(megabytes)m,mode=0700", "tmpfs", folder], folder: scratch
      ),
      result.status == 0
    else { return nil }
  }

  deinit { remove() }

  /// Takes all the room that is left.
  package func fill() throws(LabError) {
    let file = open(folder + "/ballast", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw LabError("no ballast: \(String(cString: strerror(errno)))") }
    defer { close(file) }
    for size in [64 << 10, 4_096] {
      let chunk = [UInt8](repeating: 0x55, count: size)
      while write(file, chunk, size) > 0 {}
    }
    guard errno == ENOSPC else { throw LabError("the disk cannot be filled: \(String(cString: strerror(errno)))") }
  }

  package func empty() { unlink(folder + "/ballast") }

  /// After its last user.
  package func remove() {
    guard isMounted else { return }
    isMounted = false
    _ = try? LabCommand.run("/usr/bin/env", ["umount", "--lazy", folder], folder: scratch)
  }
}
