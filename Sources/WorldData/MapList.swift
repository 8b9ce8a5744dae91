/// The maps that a map-server would load by a configuration file such as `conf/map_athena.conf`, with rAthena's own
/// reading of it: `map:` adds, `delmap:` takes the first of that name away, `delmap: all` and `map: clear` take all of
/// them, `import:` goes on in another file. Other keys are none of its business.
package struct MapList: Sendable {
  /// rAthena has no limit; a file that imports itself has to end somewhere.
  package static let depthLimit = 16
  package static let fileLimit = 256
  /// Of one file.
  package static let sizeLimit = 4 << 20
  /// Entries before repetitions are taken out.
  package static let entryLimit = 65_536

  package struct Place: Hashable, Sendable {
    package var file: String
    package var line: Int

    package init(file: String, line: Int) {
      self.file = file
      self.line = line
    }
  }

  package struct Entry: Hashable, Sendable {
    package var name: MapName
    package var place: Place

    package init(name: MapName, place: Place) {
      self.name = name
      self.place = place
    }
  }

  package struct Note: Hashable, Sendable {
    package var place: Place
    package var text: String
  }

  package enum Failure: Error, Hashable, Sendable {
    /// The first file (then `at` is nil), or one that is imported.
    case unreadable(file: String, reason: String, at: Place?)
    case tooDeep(Place)
    case tooManyFiles(Place)
    case tooManyMaps(Place)
    case tooLarge(file: String)
  }

  package enum Reading: Sendable {
    case found([UInt8])
    case missing
    case failed(String)
  }

  /// In the order of the list, each name once.
  package private(set) var entries: [Entry] = []
  /// What rAthena passes over and a person would want to know.
  package private(set) var notes: [Note] = []
  private var files = 0

  /// - Parameter read: gives a file by the path that stands in the list, relative to rAthena's root.
  package init(file: String, read: (String) -> Reading) throws(Failure) {
    try include(file, at: nil, depth: 0, read)
    var seen: Set<MapName> = []
    var kept: [Entry] = []
    for entry in entries {
      if seen.insert(entry.name).inserted {
        kept.append(entry)
      } else {
        notes.append(Note(place: entry.place, text: "`\(entry.name)` is listed twice"))
      }
    }
    entries = kept
  }

  /// A plain list of names instead of a file.
  package init(names: [MapName]) {
    entries = Set(names).sorted().map { Entry(name: $0, place: Place(file: "", line: 0)) }
  }

  private mutating func include(
    _ file: String, at place: Place?, depth: Int, _ read: (String) -> Reading
  ) throws(Failure) {
    if let place {
      if depth > MapList.depthLimit { throw .tooDeep(place) }
      if files == MapList.fileLimit { throw .tooManyFiles(place) }
    }
    files += 1
    switch read(file) {
    case .found(let bytes):
      guard bytes.count <= MapList.sizeLimit else { throw .tooLarge(file: file) }
      let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      for (index, line) in lines.enumerated() {
        guard let pair = MapList.pair(line) else { continue }
        try take(pair, at: Place(file: file, line: index + 1), depth: depth, read)
      }
    case .missing:
      // rAthena says so and goes on; whoever built a world without that file would look for the reason for long.
      throw .unreadable(file: file, reason: "there is no such file", at: place)
    case .failed(let reason): throw .unreadable(file: file, reason: reason, at: place)
    }
  }

  private mutating func take(
    _ pair: (key: String, value: String), at place: Place, depth: Int, _ read: (String) -> Reading
  ) throws(Failure) {
    let word = pair.value.lowercased()
    switch (pair.key, word) {
    case ("map", "clear"), ("delmap", "all"): entries.removeAll()
    case ("map", _):
      guard let name = MapList.name(pair.value) else {
        notes.append(Note(place: place, text: "`\(pair.value)` is no name of a map"))
        return
      }
      guard entries.count < MapList.entryLimit else { throw .tooManyMaps(place) }
      entries.append(Entry(name: name, place: place))
    case ("delmap", _):
      guard let name = MapList.name(pair.value), let index = entries.firstIndex(where: { $0.name == name }) else {
        notes.append(Note(place: place, text: "`\(pair.value)` is not listed, so it cannot be removed"))
        return
      }
      entries.remove(at: index)
    case ("import", _): try include(pair.value, at: place, depth: depth + 1, read)
    default: break
    }
  }

  /// `key: value` without its comment; `nil` for other lines. Nothing may stand before the key.
  private static func pair(_ line: ArraySlice<UInt8>) -> (key: String, value: String)? {
    var text = line
    for index in line.indices.dropLast() where line[index] == UInt8(ascii: "/") && line[index + 1] == UInt8(ascii: "/")
    {
      text = line[..<index]
      break
    }
    guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
    // A tab ends the value.
    var value = text[(colon + 1)...].drop(while: isBlank).prefix {
      $0 != UInt8(ascii: "\t") && $0 != UInt8(ascii: "\r")
    }
    while let last = value.last, isBlank(last) { value.removeLast() }
    guard colon > text.startIndex, !value.isEmpty else { return nil }
    return (String(decoding: text[..<colon], as: UTF8.self).lowercased(), String(decoding: value, as: UTF8.self))
  }

  /// rAthena takes `.gat` off.
  private static func name(_ text: String) -> MapName? {
    MapName(text.lowercased().hasSuffix(".gat") ? text.dropLast(4) : text[...])
  }
}
