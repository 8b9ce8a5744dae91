import Glibc

/// A file of /proc or of a control group that is read again and again: opened once, read from its start each time.
final class ProcFile {
  /// More than any line that is looked for needs; the rest of a longer file is not read.
  static let limit = 4_096

  private let descriptor: Int32

  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
  }

  deinit { close(descriptor) }

  /// The first `limit` bytes as text; `nil` when the file cannot be read any more (its group is gone).
  func text(limit: Int = ProcFile.limit) -> String? {
    var count = 0
    let text = String(unsafeUninitializedCapacity: limit) { buffer in
      repeat { count = pread(descriptor, buffer.baseAddress, buffer.count, 0) } while count < 0 && errno == EINTR
      return max(0, count)
    }
    return count < 0 ? nil : text
  }

  /// A file that is read once.
  static func text(_ path: String, limit: Int = ProcFile.limit) -> String? { ProcFile(path)?.text(limit: limit) }
}
