import Testing
import WorldData

@Suite struct ShardFileTests {
  private let known: Set<MapName> = [.of("prontera"), .of("prt_in"), .of("geffen"), .of("payon"), .of("alberta")]

  private func file(_ text: String) -> ShardFile {
    ShardFile([UInt8](text.utf8), known: known) { word, names in
      // Whatever begins alike.
      names.first { $0.prefix(3) == word.prefix(3) }
    }
  }

  @Test("shards, continued shards, commas, comments and the rest")
  func reading() {
    let file = file(
      """
      # the towns
      shard towns: prontera, geffen   // both
      shard  south :payon
      shard towns: prt_in
      auto 12
      """)
    #expect(file.problems.isEmpty)
    #expect(file.groups.map(\.name.text) == ["towns", "south"])
    #expect(file.groups.map { $0.maps.map(\.text) } == [["prontera", "geffen", "prt_in"], ["payon"]])
    #expect(file.rest == .automatic(12))
    #expect(self.file("per-map\r\n").rest == .perMap)
    #expect(self.file("").rest == nil)
  }

  @Test("problems have a line, a column and a suggestion")
  func problems() throws {
    let file = file(
      "shard a: prontera\nshard b: prontara geffen geffen\nshrad c: payon\nshard d payon\nshard @x: payon")
    #expect(file.problems.map(\.line) == [2, 2, 3, 4, 5])
    #expect(file.problems.map(\.column) == [10, 26, 1, 9, 7])
    #expect(file.problems[0].meant == "prontera")
    #expect(file.problems[0].source == "shard b: prontara geffen geffen")
    #expect(file.problems[1].text.contains("`b`"))
    #expect(file.problems[2].meant == nil)
  }

  @Test("numbers of shards, order and ends of lines")
  func rest() {
    for text in ["auto", "auto 0", "auto x", "auto 5000", "auto 3 4", "per-map x", "auto 3\nshard a: payon"] {
      #expect(file(text).problems.count == 1, "\(text)")
    }
  }

  @Test("a file of another kind gives ten problems, not a thousand")
  func limit() {
    let file = file(String(repeating: "hello world\n", count: 1_000))
    #expect(file.problems.count == ShardFile.problemLimit)
    #expect(file.problemCount == 1_000)
    #expect(self.file(String(repeating: "#\n", count: 600_000)).problems.count == 1)
  }
}
