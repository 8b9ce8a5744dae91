package import Wire

/// Key of a save in its shard's state: "@save/", then epoch, host and sequence, big-endian. So keys sort by reign and
/// sequence. The value is the frame as the map-server sent it.
package struct SaveKey: Hashable, Sendable {
  package static let prefix: [UInt8] = Array("@save/".utf8)
  /// Limits of a shard's state are 256 bytes for a key and 128 KiB for a value; a frame has at most 65,535.
  package static let size = 30

  package let reign: Reign
  package let sequence: UInt64

  package init(_ reign: Reign, _ sequence: UInt64) {
    self.reign = reign
    self.sequence = sequence
  }

  /// - Throws: `invalid` for a key of something else, `truncated` and `trailing` for another length.
  package init(_ bytes: UnsafeRawBufferPointer, shard: ShardID) throws(WireError) {
    var reader = Reader(bytes)
    guard try reader.take(SaveKey.prefix.count).elementsEqual(SaveKey.prefix) else { throw .invalid }
    let epoch = Epoch(try reader.u64().byteSwapped)
    let host = HostID(rawValue: try reader.u64().byteSwapped)
    reign = Reign(shard: shard, host: host, epoch: epoch)
    sequence = try reader.u64().byteSwapped
    guard reader.isAtEnd else { throw .trailing }
  }

  func write(into writer: inout Writer) {
    writer.append(SaveKey.prefix)
    writer.u64(reign.epoch.rawValue.byteSwapped)
    writer.u64(reign.host.rawValue.byteSwapped)
    writer.u64(sequence.byteSwapped)
  }
}
