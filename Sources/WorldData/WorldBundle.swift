import Hashing
package import Wire

/// A world with all its objects in one file: what `world build` writes, `world sign` signs and `world publish` brings into
/// a mesh.
///
/// {magic "MESHWLD1" 8, length of the document 4, document, count of objects 4, objects, check 8}; objects in the order in
/// which the world's maps need them first, each once. The check is the first 8 bytes of BLAKE2b-256 over all before it.
package struct WorldBundle: Sendable {
  /// 2,040 maps of 64 KB and a document.
  package static let sizeLimit = World.sizeLimit + World.mapLimit * (MapObject.streamLimit + MapObject.overhead) + 64
  private static let magic = [UInt8]("MESHWLD1".utf8)

  package enum Failure: Error, Hashable, Sendable {
    case notABundle
    case tooLarge
    case cut
    case document
    /// The object of this map (the first one that has it) is damaged, or another one.
    case object(MapName)
    /// Bytes outside of document and objects.
    case check
    case trailing

    package var cause: String {
      switch self {
      case .notABundle: "it does not begin like a world"
      case .tooLarge: "it is larger than a world can be"
      case .cut: "it is cut short"
      case .document: "its document is damaged"
      case .object(let map): "the cells of \(map) are damaged"
      case .check: "its check is wrong"
      case .trailing: "something follows behind its end"
      }
    }
  }

  package let document: SignedWorld
  /// By address, all that the world needs.
  package let objects: [MapObject]

  /// - Precondition: `objects` has what the world needs; `nil` otherwise.
  package init?(_ document: SignedWorld, objects: [MapObject]) {
    let known = Dictionary(objects.map { ($0.address, $0) }) { first, _ in first }
    self.document = document
    var ordered: [MapObject] = []
    for map in WorldBundle.firstMaps(of: document.world) {
      guard let object = known[map.address] else { return nil }
      ordered.append(object)
    }
    self.objects = ordered
  }

  /// For each address the first map that has it.
  private static func firstMaps(of world: World) -> [WorldMap] {
    var seen: Set<Digest> = []
    return world.maps.filter { seen.insert($0.address).inserted }
  }

  package var bytes: [UInt8] {
    let size = objects.reduce(8 + 4 + document.bytes.count + 4 + 8) { $0 + $1.encodedSize }
    return Octets.written(size) { writer in
      writer.append(WorldBundle.magic)
      writer.u32(UInt32(document.bytes.count))
      writer.append(document.bytes)
      writer.u32(UInt32(objects.count))
      for object in objects { object.write(to: &writer) }
      writer.u64(Digest(of: writer.written).low)
    }
  }

  /// Reads a bundle and verifies every object. The signature of the document is for others to look at.
  package init(_ bytes: [UInt8], progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }) throws(Failure) {
    guard bytes.count <= WorldBundle.sizeLimit else { throw .tooLarge }
    self = try bytes.withUnsafeBytes { buffer in
      Result { () throws(Failure) in
        var reader = Reader(buffer)
        return try WorldBundle(reading: &reader, progress)
      }
    }.get()
  }

  /// For fuzzers and whoever has a reader.
  package init(_ reader: inout Reader) throws(WireError) {
    do throws(Failure) {
      try self.init(reading: &reader) { _, _ in }
    } catch {
      throw error == .cut ? .truncated : .invalid
    }
  }

  private init(reading reader: inout Reader, _ progress: (Int, Int) -> Void) throws(Failure) {
    let start = reader.offset
    guard let magic = try? reader.take(8), magic.elementsEqual(WorldBundle.magic) else { throw .notABundle }
    guard let length = try? reader.u32(), let document = try? reader.take(Int(length)) else { throw .cut }
    var inner = Reader(document)
    guard let world = try? SignedWorld(&inner) else { throw .document }
    let maps = WorldBundle.firstMaps(of: world.world)
    guard let count = try? reader.u32() else { throw .cut }
    guard Int(count) == maps.count else { throw .check }
    var objects: [MapObject] = []
    for map in maps {
      do throws(WireError) {
        let raw = try RawMapObject(&reader)
        guard raw.size == map.size, let object = try? MapObject(size: raw.size, stream: [UInt8](raw.stream)),
          object.address == map.address
        else { throw WireError.invalid }
        objects.append(object)
      } catch {
        throw error == .truncated ? .cut : .object(map.name)
      }
      progress(objects.count, maps.count)
    }
    let check = Digest(of: reader.slice(from: start)).low
    guard let said = try? reader.u64() else { throw .cut }
    guard said == check else { throw .check }
    guard reader.isAtEnd else { throw .trailing }
    self.document = world
    self.objects = objects
  }

  /// A stock `map_cache.dat` of the world's maps, in the order of their names. The same objects give the same bytes.
  package var mapCache: [UInt8] {
    let known = Dictionary(objects.map { ($0.address, $0) }) { first, _ in first }
    return MapCache.bytes(of: document.world.maps.compactMap { map in known[map.address].map { (map.name, $0) } })
  }
}
