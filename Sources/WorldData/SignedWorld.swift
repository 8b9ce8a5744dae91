package import Hashing
package import Wire

/// Whether `signature` over "mesh-world/1" ‖ body is by the operator whose key has this id; false also for a key that is
/// not trusted here.
package typealias WorldVerification =
  @Sendable (_ operatorKeyID: UInt32, _ signature: Signature, _ body: UnsafeRawBufferPointer)
  -> Bool

/// Names a document: hosts tell each other (version, root).
package struct WorldMark: Hashable, Comparable, Sendable {
  package var version: UInt64
  /// BLAKE2b-256 over "world/1" ‖ body.
  package var root: Digest

  package init(version: UInt64, root: Digest) {
    self.version = version
    self.root = root
  }

  package static func < (left: WorldMark, right: WorldMark) -> Bool {
    guard left.version == right.version else { return left.version < right.version }
    return left.root.withBytes { left in right.root.withBytes { left.lexicographicallyPrecedes($0) } }
  }
}

extension Reader {
  mutating func worldMark() throws(WireError) -> WorldMark { WorldMark(version: try u64(), root: try digest()) }
}

extension Writer {
  mutating func worldMark(_ mark: WorldMark) {
    u64(mark.version)
    digest(mark.root)
  }
}

/// Why a document was not taken, in the order in which the checks are made.
package enum WorldRefusal: Error, Hashable, Sendable {
  /// No such document, cut, or larger than 1 MiB.
  case malformed
  /// Not signed by an operator of this network, or altered.
  case signature
  case otherNetwork(NetworkID)
  /// Older than one that was seen already: a rollback.
  case older(version: UInt64, than: UInt64)
  /// Another document with the version of one that is here.
  case conflict(version: UInt64)
  /// It names other first voters than the active one: hosts that take it would ask another register than the others.
  case otherVoters(version: UInt64, active: UInt64)
  /// Known already.
  case known
  /// Not of the kind that was asked for.
  case unasked
  // Activation:
  case unknownVersion(UInt64)
  case notYet(until: UInt64)
  case expired(at: UInt64)
  case incomplete(missing: Int)
  case tree(TreeListing.Difference)
  case charStatus(here: UInt32, world: UInt32)
}

/// A world with the operator's signature: {body, operator key id 4, signature 64}.
package struct SignedWorld: Hashable, Sendable {
  /// The signature covers domain ‖ body (`OperatorSigner.sign`).
  package static let domain: StaticString = "mesh-world/1"
  package static let trailerSize = 4 + Signature.size

  package let world: World
  package let mark: WorldMark
  /// 0 as long as it is not signed.
  package let operatorKeyID: UInt32
  package let signature: Signature
  /// The whole document.
  package let bytes: [UInt8]

  /// Encodes and signs.
  /// - Throws: a flaw of the world; then nothing is signed.
  package init(
    _ world: World, operatorKeyID: UInt32, sign: (UnsafeRawBufferPointer) -> Signature
  ) throws(World.Flaw) {
    if let flaw = world.flaw { throw flaw }
    let body = Octets.written(world.encodedSize) { world.write(to: &$0) }
    guard body.count + SignedWorld.trailerSize <= World.sizeLimit else { throw .size(body.count) }
    let signature = body.withUnsafeBytes(sign)
    self.world = world
    self.operatorKeyID = operatorKeyID
    self.signature = signature
    mark = WorldMark(version: world.version, root: body.withUnsafeBytes(SignedWorld.root))
    bytes =
      body
      + Octets.written(SignedWorld.trailerSize) { writer in
        writer.u32(operatorKeyID)
        writer.signature(signature)
      }
  }

  /// As `world build` leaves it: the signature is zero and no host takes it.
  package init(unsigned world: World) throws(World.Flaw) {
    try self.init(world, operatorKeyID: 0) { _ in Signature() }
  }

  package var isSigned: Bool { signature != Signature() }

  /// Reads a document to the end of the reader, without looking at the signature.
  package init(_ reader: inout Reader) throws(WireError) {
    guard reader.remaining <= World.sizeLimit else { throw .tooLarge }
    guard reader.remaining > SignedWorld.trailerSize else { throw .truncated }
    let start = reader.offset
    let body = try reader.take(reader.remaining - SignedWorld.trailerSize)
    operatorKeyID = try reader.u32()
    signature = try reader.signature()
    var inner = Reader(body)
    world = try World(&inner)
    mark = WorldMark(version: world.version, root: SignedWorld.root(body))
    bytes = [UInt8](reader.slice(from: start))
  }

  package init(_ bytes: [UInt8]) throws(WireError) {
    self = try bytes.withUnsafeBytes { buffer in
      Result { () throws(WireError) in
        var reader = Reader(buffer)
        return try SignedWorld(&reader)
      }
    }.get()
  }

  /// Reads a document from another host: the signature is checked before anything in it is looked at.
  package init(_ bytes: [UInt8], for network: NetworkID, verify: WorldVerification) throws(WorldRefusal) {
    guard bytes.count > SignedWorld.trailerSize, bytes.count <= World.sizeLimit else { throw .malformed }
    guard SignedWorld.isSigned(bytes, verify) else { throw .signature }
    do throws(WireError) {
      try self.init(bytes)
    } catch {
      throw .malformed
    }
    guard world.network == network else { throw .otherNetwork(world.network) }
  }

  package func isValid(_ verify: WorldVerification) -> Bool { SignedWorld.isSigned(bytes, verify) }

  private static func isSigned(_ bytes: [UInt8], _ verify: WorldVerification) -> Bool {
    bytes.withUnsafeBytes { bytes in
      var reader = Reader(bytes)
      guard let body = try? reader.take(bytes.count - trailerSize), let key = try? reader.u32(),
        let signature = try? reader.signature()
      else { return false }
      return verify(key, signature, body)
    }
  }

  private static func root(_ body: UnsafeRawBufferPointer) -> Digest {
    var hash = Blake2b()
    hash.update("world/1")
    hash.update(body)
    return Digest(of: hash)
  }
}
