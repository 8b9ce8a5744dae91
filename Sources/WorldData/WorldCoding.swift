import Hashing
package import Wire

// The body of a world document, little-endian; one world has exactly one encoding:
//
// {magic "MW1\0" 4, network 8, version 8, not before 8, expiry 8, salt 16,
//  settings: replication factor 1, minimum 1, min hosts 2, max maps 4, trust class 1, auto distribute 1, cores 2,
//            memory 8, bandwidth 8, uptime per mille 2,
//  voters: count 1, each {host 8, store 8},
//  tree: 0, or 1 and {size of mmo_charstatus 4, listing},
//  maps: count (varint), each {length of the name 1, name, width 2, height 2, address 32},
//  shards: count (varint), each {length of the name 1, name, count of maps (varint), each (varint): index less the one
//          before it, less 1; the first: the index}}

extension World {
  /// "MW1\0"
  private static let magic: UInt32 = 0x0031_574d

  package var encodedSize: Int {
    var size = 52 + 30 + 1 + voters.count * 16 + 1
    if let tree { size += 4 + tree.listing.encodedSizeBound }
    size += maps.reduce(10) { $0 + 1 + $1.name.text.utf8.count + 4 + Digest.size }
    return size + shards.reduce(10) { $0 + 1 + $1.name.text.utf8.count + 10 + $1.maps.count * 3 }
  }

  /// - Precondition: `flaw` is nil.
  package func write(to writer: inout Writer) {
    writer.u32(World.magic)
    writer.u64(network.rawValue)
    writer.u64(version)
    writer.u64(notBefore)
    writer.u64(expiry)
    writer.append(salt)
    settings.write(to: &writer)
    writer.u8(UInt8(truncatingIfNeeded: voters.count))
    for voter in voters {
      writer.hostID(voter.host)
      writer.u64(voter.store)
    }
    writer.u8(tree == nil ? 0 : 1)
    if let tree {
      writer.u32(tree.charStatusSize)
      tree.listing.write(to: &writer)
    }
    writer.varint(UInt64(maps.count))
    for map in maps {
      writer.shortText(map.name.text)
      writer.u16(map.size.width)
      writer.u16(map.size.height)
      writer.digest(map.address)
    }
    writer.varint(UInt64(shards.count))
    for shard in shards {
      writer.shortText(shard.name.text)
      writer.varint(UInt64(shard.maps.count))
      var next = 0
      for map in shard.maps {
        writer.varint(UInt64(map - next))
        next = map + 1
      }
    }
  }

  /// Reads to the end of the reader; everything that `flaw` forbids is refused too.
  package init(_ reader: inout Reader) throws(WireError) {
    guard reader.remaining <= World.sizeLimit else { throw .tooLarge }
    guard try reader.u32() == World.magic else { throw .invalid }
    network = NetworkID(rawValue: try reader.u64())
    version = try reader.u64()
    notBefore = try reader.u64()
    expiry = try reader.u64()
    salt = [UInt8](try reader.take(World.saltSize))
    settings = try WorldSettings(&reader)
    voters = []
    for _ in 0..<(try reader.u8()) {
      voters.append(WorldVoter(host: try reader.hostID(), store: try reader.u64()))
    }
    switch try reader.u8() {
    case 0: tree = nil
    case 1:
      let charStatusSize = try reader.u32()
      tree = WorldTree(listing: try TreeListing(&reader), charStatusSize: charStatusSize)
    default: throw .invalid
    }
    maps = []
    for _ in 0..<(try reader.count(atMost: World.mapLimit)) { maps.append(try WorldMap(&reader)) }
    shards = []
    for _ in 0..<(try reader.count(atMost: maps.count)) {
      shards.append(try WorldShard(&reader, mapCount: maps.count))
    }
    try reader.expectEnd()
    guard flaw == nil else { throw .invalid }
  }
}

extension WorldMap {
  fileprivate init(_ reader: inout Reader) throws(WireError) {
    guard let name = MapName(try reader.shortText()),
      let size = MapSize(width: Int(try reader.u16()), height: Int(try reader.u16()))
    else { throw .invalid }
    self.init(name: name, size: size, address: try reader.digest())
  }
}

extension WorldShard {
  fileprivate init(_ reader: inout Reader, mapCount: Int) throws(WireError) {
    guard let name = ShardName(try reader.shortText()) else { throw .invalid }
    var maps: [Int] = []
    var next = 0
    for _ in 0..<(try reader.count(atMost: mapCount)) {
      let map = next + (try reader.count(atMost: mapCount))
      guard map < mapCount else { throw .invalid }
      maps.append(map)
      next = map + 1
    }
    self.init(name: name, maps: maps)
  }
}

extension WorldSettings {
  fileprivate func write(to writer: inout Writer) {
    writer.u8(replicationFactor)
    writer.u8(minReplication)
    writer.u16(minHosts)
    writer.u32(maxMapsPerHost)
    writer.u8(ownersTrustClass)
    writer.u8(autoDistribute ? 1 : 0)
    writer.u16(minCores)
    writer.u64(minMemoryBytes)
    writer.u64(minBandwidthBitsPerSecond)
    writer.u16(minUptimePerMille)
  }

  fileprivate init(_ reader: inout Reader) throws(WireError) {
    self.init()
    replicationFactor = try reader.u8()
    minReplication = try reader.u8()
    minHosts = try reader.u16()
    maxMapsPerHost = try reader.u32()
    ownersTrustClass = try reader.u8()
    let auto = try reader.u8()
    guard auto <= 1 else { throw .invalid }
    autoDistribute = auto == 1
    minCores = try reader.u16()
    minMemoryBytes = try reader.u64()
    minBandwidthBitsPerSecond = try reader.u64()
    minUptimePerMille = try reader.u16()
  }
}

extension Reader {
  /// A length of 1 byte and so many bytes.
  mutating func shortText() throws(WireError) -> UnsafeRawBufferPointer { try take(Int(try u8())) }
}

extension Writer {
  mutating func shortText(_ text: String) {
    u8(UInt8(truncatingIfNeeded: text.utf8.count))
    append([UInt8](text.utf8))
  }
}
