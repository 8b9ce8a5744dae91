package import Control
import Hashing
import SecureChannel

/// The audit log of a node, `audit.log` in its data folder: JSON lines, only ever appended to, each with the hash of the
/// line before. A node writes it, `mesh-ctl audit` reads it; neither needs the other.
///
/// A changed or missing line breaks the chain at the line that follows. The last line has none that vouches for it: who
/// wants to know about a cut end notes the head (`mesh-ctl audit verify`) elsewhere.
package struct AuditTrail: Sendable {
  /// A full log becomes `audit.log.1`, in the place of the one before; the chain goes on in the new file.
  package static let sizeLimit = 16 << 20
  /// A reader takes what one last line may have put on top.
  private static let readLimit = sizeLimit + lineLimit
  package static let lineLimit = 8 << 10

  package let path: String
  package var older: String { path + ".1" }

  package init(folder: String) { path = folder + "/audit.log" }

  /// Where the chain ends: what the next line names.
  package struct Head: Hashable, Sendable {
    package var sequence: UInt64 = 0
    package var hash = AuditTrail.noHash

    package init() {}
  }

  /// Stands in the first line.
  package static let noHash = String(repeating: "0", count: 2 * Digest.size)

  /// Of a line without its line feed.
  package static func hash(of line: some Collection<UInt8>) -> String {
    Array(line).withUnsafeBytes { Digest(of: $0).withBytes { hexadecimal($0) } }
  }

  /// Names a request without repeating it: it may hold more than a log should.
  package static func digest(of request: ControlRequest) -> String {
    String(hash(of: request.line()).prefix(32))
  }

  private static func hexadecimal(_ bytes: UnsafeRawBufferPointer) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// The next line, line feed included, and the head after it.
  package static func line(_ entry: AuditEntry, after head: Head) -> (bytes: [UInt8], head: Head) {
    var entry = entry
    entry.sequence = head.sequence + 1
    entry.previous = head.hash
    let bytes = JSONLine.encode(entry)
    var next = Head()
    next.sequence = entry.sequence
    next.hash = hash(of: bytes.dropLast())
    return (bytes, next)
  }

  // MARK: Reading

  private struct Line {
    var bytes: ArraySlice<UInt8>
    var entry: AuditEntry?
  }

  private static func entry(of line: ArraySlice<UInt8>) -> AuditEntry? {
    line.count <= lineLimit ? JSONLine.decode(AuditEntry.self, from: line) : nil
  }

  private func read(_ path: String) throws(Fault) -> [UInt8] {
    try PrivateFile.read(path, limit: AuditTrail.readLimit) { Array($0) } ?? []
  }

  private static func lines(of bytes: [UInt8]) -> [Line] {
    bytes.split(separator: 0x0a, omittingEmptySubsequences: true).map { Line(bytes: $0, entry: entry(of: $0)) }
  }

  /// Where a node goes on, and whether the last line lacks its line feed: it was torn when the machine stopped.
  package func head() throws(Fault) -> (head: Head, isTorn: Bool) {
    var bytes = try read(path)
    let isTorn = bytes.last.map { $0 != 0x0a } ?? false
    if bytes.isEmpty { bytes = try read(older) }
    let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: true)
    var head = Head()
    guard let last = lines.last else { return (head, false) }
    head.hash = AuditTrail.hash(of: last)
    head.sequence = lines.reversed().lazy.compactMap { AuditTrail.entry(of: $0)?.sequence }.first ?? 0
    return (head, isTorn)
  }

  /// The latest entries, oldest first.
  package func entries(limit: Int) throws(Fault) -> AuditReply {
    let lines = AuditTrail.lines(of: try read(older)) + AuditTrail.lines(of: try read(path))
    let entries = lines.compactMap(\.entry)
    return AuditReply(
      file: path, entries: Array(entries.suffix(limit)), unreadable: lines.count - entries.count)
  }

  /// Walks the chain. `noted` is a head that somebody noted earlier: a line with that hash must be there.
  package func check(containing noted: String? = nil) throws(Fault) -> AuditCheckReply {
    let lines = AuditTrail.lines(of: try read(older)) + AuditTrail.lines(of: try read(path))
    var breaks: [String] = []
    var before: (hash: String, sequence: UInt64)?
    for (index, line) in lines.enumerated() {
      let place = "line \(index + 1)"
      let hash = AuditTrail.hash(of: line.bytes)
      guard let entry = line.entry else {
        // A line that was torn by a crash is vouched for by the next one, like any other.
        before = (hash, before?.sequence ?? 0)
        if index == lines.count - 1 {
          breaks.append("\(place): cut off in the middle, and nothing after it vouches for it")
        }
        continue
      }
      if let before {
        if entry.previous != before.hash {
          breaks.append("\(place) (number \(entry.sequence)): the line before it was changed, moved or removed")
        } else if entry.sequence != before.sequence + 1 {
          breaks.append("\(place): number \(entry.sequence) follows \(before.sequence)")
        }
      } else if entry.sequence == 1, entry.previous != AuditTrail.noHash {
        breaks.append("\(place): it is the first and yet names one before it")
      } else if entry.sequence > 1, !PrivateFile.exists(older) {
        // A log that was full is still there; only what it took the place of is gone.
        breaks.append("\(place) has number \(entry.sequence): what came before it is missing")
      }
      before = (hash, entry.sequence)
      if breaks.count >= AuditTrail.breakLimit { break }
    }
    if let noted, !lines.contains(where: { AuditTrail.hash(of: $0.bytes) == noted.lowercased() }) {
      breaks.append("no line has the noted hash \(noted): lines are missing, or it is of another log")
    }
    let numbers = lines.compactMap(\.entry?.sequence)
    return AuditCheckReply(
      file: path, lines: lines.count, first: numbers.first ?? 0, last: numbers.last ?? 0,
      head: lines.last.map { AuditTrail.hash(of: $0.bytes) } ?? AuditTrail.noHash, breaks: breaks)
  }

  /// One is enough to know; more help to find out what was done.
  private static let breakLimit = 20
}
