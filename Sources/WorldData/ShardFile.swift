/// How maps are grouped, as a person writes it:
///
/// ```
/// shard izlude: izlude izlude_in iz_dun00     // comments as in rAthena, or with #
/// shard izlude: izlu2dun                      # a name that comes again goes on
/// auto 32                                     // all maps that stand in no line above
/// ```
///
/// The last line may be `per-map` instead, or be left out when every map has its shard.
package struct ShardFile: Hashable, Sendable {
  package static let sizeLimit = 1 << 20
  /// So that a file of another kind does not give a thousand messages.
  package static let problemLimit = 10

  package enum Rest: Hashable, Sendable {
    /// So many shards, fewer when there are fewer maps.
    case automatic(Int)
    case perMap
  }

  package struct Problem: Hashable, Sendable {
    package var line: Int
    /// In bytes, from 1.
    package var column: Int
    package var text: String
    /// What was probably meant.
    package var meant: String?
    /// The line itself.
    package var source: String
  }

  package struct Group: Hashable, Sendable {
    package var name: ShardName
    package var maps: [MapName]
  }

  /// In the order of the file.
  package private(set) var groups: [Group] = []
  package private(set) var rest: Rest?
  /// At most `problemLimit`; a file that has any is of no use.
  package private(set) var problems: [Problem] = []
  package private(set) var problemCount = 0

  private var places: [MapName: ShardName] = [:]

  /// - Parameters:
  ///   - known: the maps of the world; others are errors.
  ///   - nearest: of some names the one that was probably meant by a word.
  package init(_ bytes: [UInt8], known: Set<MapName>, nearest: (_ word: String, _ names: [String]) -> String?) {
    guard bytes.count <= ShardFile.sizeLimit else {
      add(Problem(line: 1, column: 1, text: "the file is larger than \(ShardFile.sizeLimit >> 20) MiB", source: ""))
      return
    }
    let names = known.sorted().map(\.text)
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      var words = Words(line, number: index + 1)
      take(&words, known, names, nearest)
    }
  }

  private mutating func take(
    _ words: inout Words, _ known: Set<MapName>, _ names: [String], _ nearest: (String, [String]) -> String?
  ) {
    guard let keyword = words.next() else { return }
    if rest != nil, ["shard", "auto", "per-map"].contains(keyword.text) {
      return add(words.problem(keyword, "nothing may follow `auto` or `per-map`"))
    }
    switch keyword.text {
    case "shard": takeShard(&words, known, names, nearest)
    case "auto":
      guard let count = words.next(), let number = Int(count.text), (1...World.mapLimit).contains(number) else {
        return add(words.problem(keyword, "`auto` is followed by a number of shards from 1 to \(World.mapLimit)"))
      }
      rest = .automatic(number)
      expectEnd(&words)
    case "per-map":
      rest = .perMap
      expectEnd(&words)
    default:
      add(
        words.problem(
          keyword, "a line begins with `shard NAME:`, `auto N` or `per-map`, not with `\(keyword.text)`",
          meant: nearest(keyword.text, ["shard", "auto", "per-map"])))
    }
  }

  private mutating func takeShard(
    _ words: inout Words, _ known: Set<MapName>, _ names: [String], _ nearest: (String, [String]) -> String?
  ) {
    guard let word = words.next(isShardName: true), words.colon else {
      return add(words.problem(nil, "a shard is written `shard NAME: map map …`; the colon or the name is missing"))
    }
    guard let shard = ShardName(word.text) else {
      return add(
        words.problem(
          word, "`\(word.text)` is no name of a shard (1 to \(ShardName.limit) letters, digits, `_`, `-`, `@`)"))
    }
    var maps: [MapName] = []
    while let word = words.next() {
      guard let map = MapName(word.text), known.contains(map) else {
        add(words.problem(word, "no map of this world is called `\(word.text)`", meant: nearest(word.text, names)))
        continue
      }
      if let other = places[map] {
        add(words.problem(word, "`\(map)` is in shard `\(other)` already"))
        continue
      }
      places[map] = shard
      maps.append(map)
    }
    if let index = groups.firstIndex(where: { $0.name == shard }) {
      groups[index].maps += maps
    } else {
      groups.append(Group(name: shard, maps: maps))
    }
  }

  private mutating func expectEnd(_ words: inout Words) {
    if let extra = words.next() { add(words.problem(extra, "nothing may follow on this line")) }
  }

  private mutating func add(_ problem: Problem) {
    problemCount += 1
    if problems.count < ShardFile.problemLimit { problems.append(problem) }
  }

  /// The words of one line, without its comment.
  private struct Words {
    struct Word {
      var text: String
      var column: Int
    }

    private let line: ArraySlice<UInt8>
    private let number: Int
    private var position: Int
    private let end: Int
    /// Whether the last shard's name was followed by a colon.
    private(set) var colon = false

    init(_ line: ArraySlice<UInt8>, number: Int) {
      self.line = line
      self.number = number
      position = line.startIndex
      end =
        line.indices.first { index in
          line[index] == UInt8(ascii: "#")
            || line[index] == UInt8(ascii: "/") && index + 1 < line.endIndex && line[index + 1] == UInt8(ascii: "/")
        } ?? line.endIndex
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
      byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: ",")
    }

    mutating func next(isShardName: Bool = false) -> Word? {
      while position < end, Words.isBlank(line[position]) { position += 1 }
      let start = position
      while position < end, !Words.isBlank(line[position]), !(isShardName && line[position] == UInt8(ascii: ":")) {
        position += 1
      }
      let text = String(decoding: line[start..<position], as: UTF8.self)
      if isShardName {
        while position < end, Words.isBlank(line[position]) { position += 1 }
        colon = position < end && line[position] == UInt8(ascii: ":")
        if colon { position += 1 }
      }
      return text.isEmpty ? nil : Word(text: text, column: start - line.startIndex + 1)
    }

    func problem(_ word: Word?, _ text: String, meant: String? = nil) -> Problem {
      Problem(
        line: number, column: word?.column ?? position - line.startIndex + 1, text: text, meant: meant,
        source: String(decoding: line.filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self))
    }
  }
}
