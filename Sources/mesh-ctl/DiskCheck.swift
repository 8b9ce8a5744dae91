import Control
import Glibc
import KeyStore

/// `doctor disk`: can the node write its state, how long does it take until it is durable, is there room?
struct DiskCheck {
  let folder: NodeFolder
  let fixes: Bool

  /// A write that must not be lost delays what waits for it; a good disk needs a few ms.
  static let slow = 0.1
  /// Logs, snapshots and map data of an ordinary host are below 1 GB.
  static let scarce: UInt64 = 1_000_000_000

  func finding() -> Finding {
    var evidence: [String] = []
    var status = stat()
    if stat(folder.data, &status) != 0, errno == ENOENT {
      guard fixes else {
        return Finding(
          .disk, .warn, "there is no data folder \(folder.data) yet; the node makes it when it starts",
          fix: "mesh-ctl doctor disk --fix")
      }
      do throws(Fault) {
        try PrivateFile.makeFolder(folder.data)
        evidence.append("made \(folder.data)")
      } catch {
        return Finding(.disk, .fail, error.sentence, fix: "ls -ld \(folder.data)")
      }
    }
    if fixes, removeStaleSocket() { evidence.append("removed the socket of a node that is gone") }

    let seconds: Double
    switch timeOfDurableWrite() {
    case .success(let measured): seconds = measured
    case .failure(let reason):
      return Finding(
        .disk, .fail, "cannot write to \(folder.data): \(reason.text)", evidence: evidence,
        fix: "df -h \(folder.data)")
    }
    var room = statvfs()
    let free = statvfs(folder.data, &room) == 0 ? UInt64(room.f_bavail) &* UInt64(room.f_frsize) : nil
    let figures = "durable in \(Figures.short(seconds))" + (free.map { ", \(Figures.bytes($0)) free" } ?? "")
    if let free, free < DiskCheck.scarce {
      return Finding(.disk, .warn, "\(figures): little room", evidence: evidence, fix: "df -h \(folder.data)")
    }
    if seconds > DiskCheck.slow {
      return Finding(
        .disk, .warn, "\(figures): slow",
        evidence: evidence + ["Every change that must not be lost waits that long."], fix: "mesh-ctl doctor disk")
    }
    return Finding(.disk, .ok, ([figures] + evidence).joined(separator: "; "))
  }

  private struct Reason: Error { var text: String }

  private func timeOfDurableWrite() -> Result<Double, Reason> {
    func failure() -> Result<Double, Reason> { .failure(Reason(text: String(cString: strerror(errno)))) }
    let path = "\(folder.data)/.doctor.\(getpid())"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return failure() }
    defer {
      close(descriptor)
      unlink(path)
    }
    // A page, as a log record would be.
    let page = [UInt8](repeating: 0x6d, count: 4_096)
    let start = ContinuousClock.now
    guard write(descriptor, page, page.count) == page.count, fdatasync(descriptor) == 0 else { return failure() }
    return .success((ContinuousClock.now - start) / .seconds(1))
  }

  /// A socket on which nobody listens is what a killed node leaves; nothing else is ever removed.
  private func removeStaleSocket() -> Bool {
    var status = stat()
    guard lstat(folder.controlSocket, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return false }
    do throws(Fault) {
      _ = try ControlClient(socket: folder.controlSocket, timeout: .seconds(1))
      return false
    } catch {
      return error.code == ErrorCode.noNode.rawValue && unlink(folder.controlSocket) == 0
    }
  }
}
