import NodeCore
import SecureChannel
import Wire

/// The contents of the state files.
enum StateBody {
  /// As many as the peer book has (`gossip.md` 5.8).
  static let peerLimit = 64
  /// `security.md` 3.9.
  static let revocationLimit = 10_000
  /// A revocation is smaller; longer ones are never adopted.
  static let revocationSizeLimit = 512

  static func number(_ value: UInt64) -> [UInt8] { bytes(8) { $0.u64(value) } }

  static func number(from bytes: [UInt8]) -> UInt64? {
    read(bytes) { reader throws(WireError) in try reader.u64() }
  }

  static func peers(_ peers: some Collection<KnownPeer>) -> [UInt8] {
    let kept = peers.prefix(peerLimit)
    return bytes(2 + kept.count * (HostKey.size + 19)) { writer in
      writer.u16(UInt16(kept.count))
      for peer in kept {
        writer.hostKey(peer.key)
        writer.endpoint(peer.endpoint)
      }
    }
  }

  static func peers(from bytes: [UInt8]) -> [KnownPeer]? {
    read(bytes) { reader throws(WireError) in
      let count = Int(try reader.u16())
      guard count <= peerLimit else { throw .invalid }
      var peers: [KnownPeer] = []
      for _ in 0..<count {
        let key = try reader.hostKey()
        peers.append(KnownPeer(key: key, host: key.hostID, endpoint: try reader.endpoint()))
      }
      return peers
    }
  }

  static func revocations(_ revocations: [[UInt8]]) -> [UInt8] {
    bytes(revocations.reduce(2) { $0 + 2 + $1.count }) { writer in
      writer.u16(UInt16(revocations.count))
      for revocation in revocations {
        writer.u16(UInt16(revocation.count))
        writer.append(revocation)
      }
    }
  }

  static func revocations(from bytes: [UInt8]) -> [[UInt8]]? {
    read(bytes) { reader throws(WireError) in
      let count = Int(try reader.u16())
      guard count <= revocationLimit else { throw .invalid }
      var revocations: [[UInt8]] = []
      for _ in 0..<count {
        let size = Int(try reader.u16())
        guard size <= revocationSizeLimit else { throw .invalid }
        revocations.append([UInt8](try reader.take(size)))
      }
      return revocations
    }
  }

  private static func bytes(_ room: Int, _ body: (inout Writer) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
      body(&writer)
      count = writer.count
    }
  }

  /// `nil` for content that is not whole or has something behind it.
  private static func read<Value>(
    _ bytes: [UInt8], _ body: (inout Reader) throws(WireError) -> Value
  ) -> Value? {
    bytes.withUnsafeBytes { buffer in
      var reader = Reader(buffer)
      do throws(WireError) {
        let value = try body(&reader)
        try reader.expectEnd()
        return value
      } catch {
        return nil
      }
    }
  }
}
