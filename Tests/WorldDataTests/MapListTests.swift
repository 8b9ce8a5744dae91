import Testing
import WorldData

@Suite struct MapListTests {
  private func list(_ files: [String: String], first: String = "main") throws(MapList.Failure) -> MapList {
    try MapList(file: first) { path in files[path].map { .found([UInt8]($0.utf8)) } ?? .missing }
  }

  private func names(_ files: [String: String]) throws -> [String] { try list(files).entries.map(\.name.text) }

  @Test("map, delmap, delmap all, map clear, in order")
  func directives() throws {
    #expect(try names(["main": "map: a\nmap: b\nmap: c\ndelmap: b\n"]) == ["a", "c"])
    #expect(try names(["main": "map: a\ndelmap: all\nmap: b\n"]) == ["b"])
    #expect(try names(["main": "map: a\nmap: clear\nmap: b\n"]) == ["b"])
    #expect(try names(["main": "map: a\ndelmap: a\nmap: a\n"]) == ["a"])
    #expect(try names(["main": "MAP: a\r\nDelMap: ALL\r\nmap:b.gat\r\n"]) == ["b"])
  }

  @Test("comments, spaces, other keys and lines without a colon")
  func reading() throws {
    let text = """
      //map: no
      map: a // why not
      map:    spaced   \t ignored
       map: indented
      map_port: 5121
      userid: s1
      nothing
      map:
      : x
      """
    #expect(try names(["main": text]) == ["a", "spaced"])
  }

  @Test("imports are read where they stand")
  func imports() throws {
    let files = [
      "main": "map: a\nimport: two\nmap: c\nimport: three", "two": "map: b\ndelmap: a", "three": "delmap: c",
    ]
    #expect(try names(files) == ["b"])
  }

  @Test("a name that comes twice is listed once, with a note; delmap takes one away")
  func twice() throws {
    let list = try list(["main": "map: a\nmap: a\ndelmap: b\nmap: much_too_long"])
    #expect(list.entries.map(\.name.text) == ["a"])
    #expect(list.entries[0].place == MapList.Place(file: "main", line: 1))
    #expect(Set(list.notes.map(\.place.line)) == [2, 3, 4])
    #expect(try names(["main": "map: a\nmap: a\ndelmap: a"]) == ["a"])
  }

  @Test("what cannot be read is an error that says where")
  func failures() throws {
    #expect(throws: MapList.Failure.unreadable(file: "main", reason: "there is no such file", at: nil)) {
      try list([:])
    }
    #expect(
      throws: MapList.Failure.unreadable(
        file: "gone", reason: "there is no such file", at: .init(file: "main", line: 2))
    ) { try list(["main": "map: a\nimport: gone"]) }
    #expect(throws: MapList.Failure.tooDeep(.init(file: "main", line: 1))) { try list(["main": "import: main"]) }
    #expect(throws: MapList.Failure.tooManyFiles(.init(file: "main", line: 256))) {
      try list(["main": String(repeating: "import: two\n", count: 300), "two": "map: a"])
    }
    #expect(throws: MapList.Failure.tooManyMaps(.init(file: "main", line: MapList.entryLimit + 1))) {
      try list(["main": String(repeating: "map: a\n", count: MapList.entryLimit + 1)])
    }
  }
}
