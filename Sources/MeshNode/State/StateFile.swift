import Hashing
import SecureChannel
import Wire

/// The files of a node's own state, one fact each, so that each is written alone and whole.
package enum StateFile: UInt8, CaseIterable, Sendable {
  /// The life that was begun last.
  case generation = 1
  /// Peers to join through after a restart.
  case peers = 2
  /// Revocations by the operator.
  case revocations = 3
  /// Floor of our handshake labels.
  case labelFloor = 4

  package var name: String {
    switch self {
    case .generation: "generation"
    case .peers: "peers"
    case .revocations: "revocations"
    case .labelFloor: "label-floor"
    }
  }

  /// Largest size of the file in bytes.
  package var sizeLimit: Int {
    switch self {
    case .generation, .labelFloor: StateEnvelope.overhead + 8
    case .peers: StateEnvelope.overhead + 2 + StateBody.peerLimit * (HostKey.size + 19)
    case .revocations: StateEnvelope.overhead + 2 + StateBody.revocationLimit * (2 + StateBody.revocationSizeLimit)
    }
  }

  /// Whether a node must not start without it: a forgotten revocation lets a stolen key in again. Everything else is
  /// learned anew or has a floor in the clock.
  package var isIndispensable: Bool { self == .revocations }
}

/// Around the content of every state file:
/// {magic "MESHST1\0" 8, file 1, zero 3, length of the content 4, host id 8, content, checksum 8}.
/// The checksum (first 8 bytes of BLAKE2b-256 over all before it) tells a torn or edited file; the host id one that was
/// copied from another machine.
enum StateEnvelope {
  /// "MESHST1\0", little-endian.
  private static let magic: UInt64 = 0x0031_5453_4853_454d
  static let headerSize = 24
  static let overhead = headerSize + 8

  enum Damage: Error, Equatable {
    case torn(String)
    case ofAnotherHost(HostID)
  }

  static func wrap(_ file: StateFile, of host: HostID, _ content: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: content.count + overhead)
    bytes.withUnsafeMutableBytes { buffer in
      var writer = Writer(buffer)
      writer.u64(magic)
      writer.u8(file.rawValue)
      writer.zeros(3)
      writer.u32(UInt32(truncatingIfNeeded: content.count))
      writer.hostID(host)
      writer.append(content)
      writer.u64(Digest(of: writer.written).low)
    }
    return bytes
  }

  /// The content of a file that is whole and ours.
  static func unwrap(_ file: StateFile, of host: HostID, _ bytes: UnsafeRawBufferPointer) throws(Damage) -> [UInt8] {
    var header = Header()
    do throws(WireError) {
      var reader = Reader(bytes)
      header = try Header(&reader)
      try reader.expectEnd()
    } catch {
      throw .torn("it is cut short")
    }
    guard header.magic == magic else { throw .torn("it does not begin like a file of a node's state") }
    guard header.file == UInt32(file.rawValue) else { throw .torn("it is another file of a node's state") }
    guard header.checksum == Digest(of: UnsafeRawBufferPointer(rebasing: bytes.dropLast(8))).low else {
      throw .torn("its checksum is wrong")
    }
    guard header.host == host else { throw .ofAnotherHost(header.host) }
    return header.content
  }
  private struct Header {
    var magic: UInt64 = 0
    var file: UInt32 = 0
    var host = HostID(rawValue: 0)
    var content: [UInt8] = []
    var checksum: UInt64 = 0

    init() {}

    init(_ reader: inout Reader) throws(WireError) {
      magic = try reader.u64()
      // One byte and three that are zero.
      file = try reader.u32()
      let length = try reader.u32()
      host = try reader.hostID()
      content = [UInt8](try reader.take(Int(length)))
      checksum = try reader.u64()
    }
  }
}
