import EventLoop
import Testing

@Suite struct ProgramCodeTests {
  /// A program goes on after its code was taken out of memory, and with the constants that it had.
  @Test func theProgramGoesOn() {
    let table = (0..<1_000).map { "line \($0)" }
    for _ in 0..<3 { #expect(ProgramCode.release() > 1 << 20) }
    #expect(table == (0..<1_000).map { "line \($0)" })
  }
}
