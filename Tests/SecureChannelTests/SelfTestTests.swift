import SecureChannel
import Testing

@Suite struct SelfTestTests {
  @Test func allSixKnownAnswersAreRight() {
    #expect(SelfTest.failures().isEmpty)
    #expect(SelfTest.Part.allCases.count == 6)
  }
}
