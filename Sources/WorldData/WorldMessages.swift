package import Hashing
package import Wire

/// What hosts say to each other about worlds, in one datagram. Documents and objects themselves come as transfers.
///
/// {kind 1, version 8, root 32, and for `objects`: count (varint), each index (varint) less the one before it, less 1;
/// for `cannot`: reason 1}
package enum WorldMessage: Hashable, Sendable {
  /// Send me the document.
  case wantDocument(WorldMark)
  /// Send me the objects of these maps: ascending indices, 1...`objectLimit`.
  case wantObjects(WorldMark, maps: [Int])
  /// Nothing comes.
  case cannot(WorldMark, Reason)

  package enum Reason: UInt8, Sendable {
    /// Too many are served already: again later.
    case busy = 1
    /// That world, or none of these objects, is here.
    case unknown = 2
  }

  /// Stock maps have 2.4 KB on average, so a batch of 64 KiB takes about 27.
  package static let objectLimit = 32
  /// The longest: `wantObjects` with indices of 2 bytes.
  package static let sizeLimit = 42 + objectLimit * 2

  package func write(to writer: inout Writer) {
    switch self {
    case .wantDocument(let mark):
      writer.u8(1)
      writer.worldMark(mark)
    case .wantObjects(let mark, let maps):
      writer.u8(2)
      writer.worldMark(mark)
      writer.varint(UInt64(maps.count))
      var next = 0
      for map in maps {
        writer.varint(UInt64(max(0, map - next)))
        next = map + 1
      }
    case .cannot(let mark, let reason):
      writer.u8(3)
      writer.worldMark(mark)
      writer.u8(reason.rawValue)
    }
  }

  package init(_ reader: inout Reader) throws(WireError) {
    let kind = try reader.u8()
    let mark = try reader.worldMark()
    switch kind {
    case 1: self = .wantDocument(mark)
    case 2:
      var maps: [Int] = []
      var next = 0
      for _ in 0..<(try reader.count(atMost: WorldMessage.objectLimit)) {
        let map = next + (try reader.count(atMost: World.mapLimit))
        guard map < World.mapLimit else { throw .invalid }
        maps.append(map)
        next = map + 1
      }
      guard !maps.isEmpty else { throw .invalid }
      self = .wantObjects(mark, maps: maps)
    case 3:
      guard let reason = Reason(rawValue: try reader.u8()) else { throw .invalid }
      self = .cannot(mark, reason)
    default: throw .invalid
    }
    try reader.expectEnd()
  }
}

/// Objects on their way to another host, at most 64 KiB: {version 8, root 32, count (varint), each {index of the map
/// (varint), object}}, indices ascending.
package struct ObjectBatch: Sendable {
  package static let sizeLimit = 64 << 10
  private static let overhead = 40 + 1

  /// Encodes as many of the objects, in their order, as fit; objects that cannot be had are passed over. `nil` when none.
  ///
  /// - Parameter object: the encoding of an object, whole and checked.
  package static func encode(
    _ mark: WorldMark, of world: World, maps: [Int], object: (Digest) -> [UInt8]?
  ) -> [UInt8]? {
    var chosen: [(index: Int, bytes: [UInt8])] = []
    var size = overhead
    for index in maps.prefix(WorldMessage.objectLimit) where world.maps.indices.contains(index) {
      guard let bytes = object(world.maps[index].address) else { continue }
      guard size + 2 + bytes.count <= sizeLimit else { break }
      size += 2 + bytes.count
      chosen.append((index, bytes))
    }
    guard !chosen.isEmpty else { return nil }
    return Octets.written(size) { writer in
      writer.worldMark(mark)
      writer.varint(UInt64(chosen.count))
      for (index, bytes) in chosen {
        writer.varint(UInt64(index))
        writer.append(bytes)
      }
    }
  }

  /// Verified objects of a batch that was asked for: each has the size and the address that the world gives its map.
  package let objects: [MapObject]

  /// - Throws: `invalid` for anything that was not asked for, before its cells are inflated, and for cells with another
  ///   address.
  package init(
    _ reader: inout Reader, of world: SignedWorld, asked: [Int]
  ) throws(WireError) {
    guard reader.remaining <= ObjectBatch.sizeLimit else { throw .tooLarge }
    guard try reader.worldMark() == world.mark else { throw .invalid }
    var objects: [MapObject] = []
    var rest = asked[...]
    for _ in 0..<(try reader.count(atMost: WorldMessage.objectLimit)) {
      let index = try reader.count(atMost: World.mapLimit)
      // In the order in which they were asked for: nothing comes twice.
      guard let place = rest.firstIndex(of: index) else { throw .invalid }
      rest = rest[(place + 1)...]
      let raw = try RawMapObject(&reader)
      guard world.world.maps.indices.contains(index), raw.size == world.world.maps[index].size,
        let object = try? MapObject(size: raw.size, stream: [UInt8](raw.stream)),
        object.address == world.world.maps[index].address
      else { throw .invalid }
      objects.append(object)
    }
    guard !objects.isEmpty else { throw .invalid }
    try reader.expectEnd()
    self.objects = objects
  }
}
