import NodeCore
import Testing
import Wire

@Suite("The roster as gossip sees it")
struct RosterSignerTests {
  @Test("of two processes with one key the later one has the greater version, also within one second")
  func laterIsGreater() {
    let second: UInt64 = 1_800_000_000_000_000_000
    var earlier: UInt64 = 0
    for milliseconds in stride(from: UInt64(0), to: 1_000, by: 2) {
      let now = Now(monotonic: 1, wall: second + milliseconds * 1_000_000)
      let version = RosterSigner.firstVersion(after: 7, at: now, draw: ~milliseconds)
      #expect(version > earlier, "\(milliseconds) ms into the second")
      earlier = version
    }
    let next = RosterSigner.firstVersion(after: 7, at: Now(monotonic: 1, wall: second + 1_000_000_000), draw: 0)
    #expect(next > earlier + 0xff, "with room for renewals between")
  }

  @Test("two processes that begin in one moment have different versions by their draws")
  func drawsDiffer() {
    let now = Now(monotonic: 1, wall: 1_800_000_000_500_000_000)
    let versions = Set((0..<64).map { RosterSigner.firstVersion(after: 0, at: now, draw: UInt64($0)) })
    #expect(versions.count == 64)
  }
}
