import Glibc
import Testing

/// Everything here that runs a loop or a process runs one after the other, on threads of its own.
@Suite("The shell of a node", .serialized)
enum ShellTests {}

/// A folder of its own, removed at the end of its life.
final class ScratchFolder {
  let path: String

  init() {
    var template = Array("/tmp/mesh-shell-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress, let made = mkdtemp(base) else { return "" }
      return String(cString: made)
    }
    precondition(!path.isEmpty, "no scratch folder: \(String(cString: strerror(errno)))")
  }

  deinit { remove(path) }

  private func remove(_ path: String) {
    if let directory = opendir(path) {
      var names: [String] = []
      while let entry = readdir(directory) {
        names.append(
          withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
          })
      }
      closedir(directory)
      for name in names where name != "." && name != ".." { remove(path + "/" + name) }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  /// Writes a file below the folder, with the folders above it.
  @discardableResult
  func write(_ name: String, _ text: String, mode: mode_t = 0o600) -> String {
    write(name, Array(text.utf8), mode: mode)
  }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o600) -> String {
    let full = path + "/" + name
    var end = full.index(full.startIndex, offsetBy: path.count + 1)
    while let slash = full[end...].firstIndex(of: "/") {
      mkdir(String(full[..<slash]), 0o700)
      end = full.index(after: slash)
    }
    let descriptor = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    precondition(descriptor >= 0)
    bytes.withUnsafeBytes { precondition(Glibc.write(descriptor, $0.baseAddress, $0.count) == $0.count) }
    fchmod(descriptor, mode)
    close(descriptor)
    return full
  }

  func read(_ name: String) -> [UInt8]? {
    let descriptor = open(path + "/" + name, O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
    return count < 0 ? nil : Array(bytes[..<count])
  }

  func exists(_ name: String) -> Bool { access(path + "/" + name, F_OK) == 0 }
}

/// Runs `body` on a thread of its own and waits for it without blocking the cooperative pool.
func onOwnThread(_ body: @escaping @Sendable () throws -> Void) async throws {
  try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
    let work = Unmanaged.passRetained(ThreadWork { continuation.resume(with: Result { try body() }) })
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    precondition(result == 0, "no thread: \(result)")
    pthread_detach(thread)
  }
}

private final class ThreadWork {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}
