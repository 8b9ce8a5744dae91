package import Wire

/// The operator's word that a host takes a shard, whatever is lost: `shard 8, version 8, host 8, signature 64`. The
/// signature covers "mesh-unclean/1" and the first 24 bytes; `version` is that of the record which it replaces, so that
/// an order counts once, for what the operator has seen.
package struct UncleanOrder: Hashable, Sendable {
  package let shard: ShardID
  package let version: UInt64
  package let host: HostID

  package static let size = 24 + Signature.size
  private static let domain = Array("mesh-unclean/1".utf8)

  package init(shard: ShardID, version: UInt64, host: HostID) {
    self.shard = shard
    self.version = version
    self.host = host
  }

  private var body: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 24) { buffer, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
      writer.shardID(shard)
      writer.u64(version)
      writer.hostID(host)
      count = writer.count
    }
  }

  /// Bytes over which the operator's signature stands.
  package func signedBytes() -> [UInt8] { UncleanOrder.domain + body }

  package func signed(_ signature: Signature) -> [UInt8] { body + signature.withBytes { [UInt8]($0) } }

  /// `nil` unless the operator has signed it.
  package init?(_ bytes: [UInt8], _ signer: any RegisterSigner) {
    let read: (UncleanOrder, Signature)? = bytes.withUnsafeBytes { raw in
      var reader = Reader(raw)
      guard let shard = try? reader.shardID(), let version = try? reader.u64(), let host = try? reader.hostID(),
        let signature = try? reader.signature(), reader.isAtEnd
      else { return nil }
      return (UncleanOrder(shard: shard, version: version, host: host), signature)
    }
    guard let read, read.0.signedBytes().withUnsafeBytes({ signer.verifyOperator(read.1, over: $0) }) else {
      return nil
    }
    self = read.0
  }
}
