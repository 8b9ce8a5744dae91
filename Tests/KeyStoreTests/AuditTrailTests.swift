import Control
import Glibc
import KeyStore
import Testing

@Suite struct AuditTrailTests {
  private func entry(_ verb: String, _ result: AuditEntry.Result = .done) -> AuditEntry {
    AuditEntry(
      at: Timestamp(seconds: 1_790_000_000), user: 1_000, verb: verb, target: "prt-1",
      request: AuditTrail.digest(of: .leave), result: result)
  }

  private final class Scratch {
    let path: String
    init() {
      var template = Array("/tmp/mesh-audit-XXXXXX".utf8CString)
      path = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!).map { String(cString: $0) } } ?? ""
      precondition(!path.isEmpty)
    }
    deinit {
      for name in ["audit.log", "audit.log.1"] { unlink("\(path)/\(name)") }
      rmdir(path)
    }
    func write(_ bytes: [UInt8], _ name: String = "audit.log") {
      let descriptor = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
      precondition(descriptor >= 0 && Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
      close(descriptor)
    }
  }

  /// Lines as a node writes them, from `head` on.
  private func lines(_ count: Int, after head: AuditTrail.Head = .init()) -> (lines: [[UInt8]], head: AuditTrail.Head) {
    var head = head
    var lines: [[UInt8]] = []
    for index in 0..<count {
      let (bytes, next) = AuditTrail.line(entry("verb\(index)"), after: head)
      lines.append(bytes)
      head = next
    }
    return (lines, head)
  }

  @Test func aWholeChainIsWhole() throws {
    let scratch = Scratch()
    let trail = AuditTrail(folder: scratch.path)
    #expect(try trail.check().lines == 0 && trail.check().isWhole)
    #expect(try trail.head().head == AuditTrail.Head())
    let (lines, head) = lines(20)
    scratch.write(Array(lines.joined()))
    let check = try trail.check()
    #expect(check.isWhole && check.lines == 20 && check.first == 1 && check.last == 20 && check.head == head.hash)
    #expect(try trail.head().head == head && !trail.head().isTorn)
    let reply = try trail.entries(limit: 3)
    #expect(reply.entries.map(\.verb) == ["verb17", "verb18", "verb19"] && reply.unreadable == 0)
    #expect(reply.entries.first?.previous == AuditTrail.hash(of: lines[16].dropLast()))
  }

  /// Every way to touch a line that another vouches for.
  @Test func whateverIsChangedBreaksIt() throws {
    let scratch = Scratch()
    let trail = AuditTrail(folder: scratch.path)
    let (lines, _) = lines(6)
    func isWhole(_ lines: [[UInt8]]) throws -> Bool {
      scratch.write(Array(lines.joined()))
      return try trail.check().isWhole
    }
    #expect(try isWhole(lines))
    for index in 0..<5 {
      var less = lines
      less.remove(at: index)
      #expect(try !isWhole(less), "line \(index + 1) removed")
      var swapped = lines
      swapped.swapAt(index, index + 1)
      #expect(try !isWhole(swapped), "line \(index + 1) moved")
      var doubled = lines
      doubled.insert(lines[index], at: index)
      #expect(try !isWhole(doubled), "line \(index + 1) doubled")
      for offset in lines[index].indices.dropLast() {
        var changed = lines
        changed[index][offset] ^= 1
        if changed[index][offset] == 0x0a { continue }
        #expect(try !isWhole(changed), "byte \(offset) of line \(index + 1)")
      }
    }
    // The end of a log is vouched for by nobody but a head that was noted.
    let head = AuditTrail.hash(of: lines[5].dropLast())
    #expect(try isWhole(Array(lines[..<4])))
    #expect(try !trail.check(containing: head).isWhole)
    #expect(try isWhole(lines) && trail.check(containing: head.uppercased()).isWhole)
  }

  @Test func aTornLineIsVouchedForAsItIs() throws {
    let scratch = Scratch()
    let trail = AuditTrail(folder: scratch.path)
    let (before, _) = lines(2)
    let torn = Array(lines(3).lines[2].prefix(40))
    scratch.write(Array(before.joined()) + torn)
    let found = try trail.head()
    #expect(found.isTorn && found.head.sequence == 2 && found.head.hash == AuditTrail.hash(of: torn))
    #expect(try !trail.check().isWhole)
    let (after, head) = lines(2, after: found.head)
    scratch.write(Array(before.joined()) + torn + [0x0a] + Array(after.joined()))
    let check = try trail.check()
    #expect(check.isWhole && check.lines == 5 && check.last == 4 && check.head == head.hash)
    #expect(try trail.entries(limit: 100).unreadable == 1)
  }

  @Test func theChainGoesOnInTheNextFile() throws {
    let scratch = Scratch()
    let trail = AuditTrail(folder: scratch.path)
    let (old, head) = lines(3)
    let (new, _) = lines(2, after: head)
    scratch.write(Array(old.joined()), "audit.log.1")
    #expect(try trail.head().head == head, "right after the old one was moved away")
    scratch.write(Array(new.joined()))
    #expect(try trail.check().isWhole && trail.check().lines == 5)
    scratch.write(Array(old[..<2].joined()), "audit.log.1")
    #expect(try !trail.check().isWhole)
    unlink(trail.older)
    #expect(try trail.check().breaks == ["line 1 has number 4: what came before it is missing"])
  }

  @Test func othersMayNotTouchIt() throws {
    let scratch = Scratch()
    scratch.write(Array(lines(1).lines.joined()))
    chmod(scratch.path + "/audit.log", 0o644)
    #expect(throws: Fault.self) { try AuditTrail(folder: scratch.path).check() }
  }
}
