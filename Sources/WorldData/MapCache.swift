import Wire

/// Why a file is not a map cache of rAthena. Offsets count from the start of the file.
package enum MapCacheError: Error, Hashable, Sendable {
  case tooLarge
  /// It says that it is so many bytes long.
  case otherSize(said: UInt32, is: Int)
  /// It ends inside the entry of this number (from 1).
  case cut(entry: Int, offset: Int)
  case name(entry: Int, offset: Int)
  /// A map without cells, or with more than 262,144.
  case size(map: MapName, width: Int, height: Int)
  /// The stream's length is negative, or the cells are not what the entry says.
  case stream(map: MapName, offset: Int)
  /// The stream does not fit an object even when it is compressed anew.
  case tooLong(map: MapName)
  case trailing(offset: Int)

  package var cause: String {
    switch self {
    case .tooLarge: "it is larger than \(MapCache.sizeLimit >> 20) MiB"
    case .otherSize(let said, let size): "it says that it has \(said) bytes, and has \(size)"
    case .cut(let entry, let offset): "it ends inside map number \(entry), which begins at byte \(offset)"
    case .name(let entry, let offset): "map number \(entry) at byte \(offset) has no usable name"
    case .size(let map, let width, let height):
      "\(map) is \(width) x \(height); a map has 1 to \(MapSize.cellLimit) cells"
    case .stream(let map, let offset): "the cells of \(map) at byte \(offset) are damaged"
    case .tooLong(let map): "the cells of \(map) do not fit \(MapObject.streamLimit) bytes, even compressed anew"
    case .trailing(let offset): "it goes on behind its last map, at byte \(offset)"
    }
  }
}

/// rAthena's `map_cache.dat`: {file size 4, map count 2, zero 2}, then for each map {name 12, zero padded; width 2,
/// height 2, length 4; a zlib stream of one byte per cell}. Little-endian, unsorted.
package struct MapCache: Sendable {
  /// The stock one has 3 MB; with 2,040 maps of 64 KB there would be 128.
  package static let sizeLimit = 192 << 20
  private static let headerSize = 8
  private static let nameSize = 12

  package struct Entry: Sendable {
    package let name: MapName
    package let size: MapSize
    /// Where the stream begins in the file.
    let offset: Int
    let length: Int
  }

  package let bytes: [UInt8]
  /// In the order of the file. A name that comes twice is here twice; the first one counts, as in rAthena.
  package let entries: [Entry]
  private let index: [MapName: Int]

  /// Reads the list of maps; streams are inflated when they are asked for.
  package init(_ bytes: [UInt8]) throws(MapCacheError) {
    guard bytes.count <= MapCache.sizeLimit else { throw .tooLarge }
    entries = try MapCache.entries(of: bytes)
    self.bytes = bytes
    index = Dictionary(entries.enumerated().map { ($1.name, $0) }) { first, _ in first }
  }

  private static func entries(of bytes: [UInt8]) throws(MapCacheError) -> [Entry] {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(MapCacheError) in
        var reader = Reader(bytes)
        return try entries(&reader, fileSize: bytes.count)
      }
    }
    return try result.get()
  }

  private static func entries(_ reader: inout Reader, fileSize: Int) throws(MapCacheError) -> [Entry] {
    guard let said = try? reader.u32(), let count = try? reader.u16(), (try? reader.u16()) != nil else {
      throw .cut(entry: 0, offset: 0)
    }
    // A file that was cut must not pass for one with fewer maps.
    guard Int(said) == fileSize else { throw .otherSize(said: said, is: fileSize) }
    var entries: [Entry] = []
    while entries.count < Int(count) { entries.append(try entry(&reader, entries.count + 1)) }
    guard reader.isAtEnd else { throw .trailing(offset: reader.offset) }
    return entries
  }

  private static func entry(_ reader: inout Reader, _ number: Int) throws(MapCacheError) -> Entry {
    let start = reader.offset
    guard let field = try? reader.take(nameSize), let width = try? reader.integer(as: Int16.self),
      let height = try? reader.integer(as: Int16.self), let length = try? reader.integer(as: Int32.self)
    else { throw .cut(entry: number, offset: start) }
    guard field.last == 0, let name = MapName(field.prefix { $0 != 0 }) else {
      throw .name(entry: number, offset: start)
    }
    guard let size = MapSize(width: Int(width), height: Int(height)) else {
      throw .size(map: name, width: Int(width), height: Int(height))
    }
    let offset = reader.offset
    guard length > 0 else { throw .stream(map: name, offset: offset) }
    guard (try? reader.take(Int(length))) != nil else { throw .cut(entry: number, offset: start) }
    return Entry(name: name, size: size, offset: offset, length: Int(length))
  }

  /// The entry that rAthena would find.
  package subscript(name: MapName) -> Entry? { index[name].map { entries[$0] } }

  /// Inflates, checks and addresses the cells of an entry of this cache.
  package func object(_ entry: Entry) throws(MapCacheError) -> MapObject {
    let stream = [UInt8](bytes[entry.offset..<entry.offset + entry.length])
    do throws(MapObjectError) {
      return try MapObject(size: entry.size, stream: stream)
    } catch {
      guard case .streamTooLong = error else { throw .stream(map: entry.name, offset: entry.offset) }
      return try recompressed(entry, stream)
    }
  }

  private func recompressed(_ entry: Entry, _ stream: [UInt8]) throws(MapCacheError) -> MapObject {
    // A stream that is longer than its cells could ever need is not worth a look.
    guard stream.count <= 2 * MapSize.cellLimit,
      let result = MapObject.withCells(
        of: entry.size, stream: stream,
        { cells in
          Result { () throws(MapObjectError) in try MapObject(size: entry.size, cells: cells) }
        })
    else { throw .stream(map: entry.name, offset: entry.offset) }
    do throws(MapObjectError) {
      return try result.get()
    } catch {
      throw .tooLong(map: entry.name)
    }
  }

  /// A stock cache of these maps, in this order. The streams go in as they are: the same objects give the same bytes.
  ///
  /// - Precondition: at most 65,535 maps.
  package static func bytes(of maps: [(name: MapName, object: MapObject)]) -> [UInt8] {
    precondition(maps.count <= UInt16.max)
    let size = maps.reduce(headerSize) { $0 + nameSize + 8 + $1.object.stream.count }
    return Octets.written(size) { writer in
      writer.u32(UInt32(size))
      writer.u16(UInt16(maps.count))
      writer.u16(0)
      for (name, object) in maps {
        writer.append([UInt8](name.text.utf8))
        writer.zeros(nameSize - name.text.utf8.count)
        writer.integer(Int16(object.size.width))
        writer.integer(Int16(object.size.height))
        writer.integer(Int32(object.stream.count))
        writer.append(object.stream)
      }
    }
  }
}

/// Map caches in the order in which rAthena looks into them: `db/import`, then `db/re` or `db/pre-re`, then `db`. The
/// first one that has a map counts: the large towns are only in the second one.
package struct MapCacheSearch: Sendable {
  package struct Found: Sendable {
    package let cache: Int
    package let entry: MapCache.Entry
  }

  package let caches: [MapCache]

  package init(_ caches: [MapCache]) { self.caches = caches }

  package subscript(name: MapName) -> Found? {
    for (index, cache) in caches.enumerated() {
      if let entry = cache[name] { return Found(cache: index, entry: entry) }
    }
    return nil
  }

  package func object(_ found: Found) throws(MapCacheError) -> MapObject {
    try caches[found.cache].object(found.entry)
  }

  /// Every map of any cache, sorted.
  package var names: [MapName] { Set(caches.flatMap { $0.entries.map(\.name) }).sorted() }
}
