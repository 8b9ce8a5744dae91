package import Hashing
package import Wire

/// The operator's statement about a host: exactly 320 bytes with one encoding only (`security.md` 3.2, changed by
/// DESIGN 4.2).
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 4 | magic "MC1\0" |
/// | 4 | 8 | network id |
/// | 12 | 8 | serial, random, not 0 |
/// | 20 | 4 | operator key id |
/// | 24 | 8 + 8 | not before, not after (Unix seconds) |
/// | 40 | 1 | roles |
/// | 41 | 1 | trust class: 0 operator's machine, 1 vetted, 2 volunteer |
/// | 42 | 2 | capacity: cap on the weight, 1..64, 0 = no cap |
/// | 44 | 4 | contributor's account id, 0 = the operator |
/// | 48 | 16 | ring seed, drawn by the operator |
/// | 64 | 32 | X25519 public key |
/// | 96 | 32 | Ed25519 public key |
/// | 128 | 32 | name: length, characters, zero fill |
/// | 160 | 4 | number of addresses 0..4, three zero bytes |
/// | 164 | 4 × 22 | addresses: family 4 or 6, prefix bits, port, 16 bytes, two zero bytes; zero fill |
/// | 252 | 4 | zero (a host's cap on maps travels in the world document) |
/// | 256 | 64 | Ed25519 over "mesh-cert/1" ‖ bytes 0..255 |
package struct Certificate: Hashable, Sendable {
  package static let size = 320
  package static let signedSize = 256
  package static let ringSeedSize = 16
  package static let domain: StaticString = "mesh-cert/1"
  /// "MC1\0"
  package static let magic: UInt32 = 0x0031_434d
  package static let trustClassLimit: UInt8 = 2
  /// The largest weight that placement knows (DESIGN 7).
  package static let capacityLimit: UInt16 = 64
  package static let addressLimit = 4
  /// 90 days (`security.md` 3.2); `security_level` asks for less when certificates are issued.
  package static let lifetimeLimit: UInt64 = 90 * 86_400
  /// Clocks may differ by so many seconds.
  package static let clockSkew: UInt64 = 120

  package let serial: UInt64
  package let operatorKeyID: UInt32
  package let network: NetworkID
  package let notBefore: UInt64
  package let notAfter: UInt64
  package let roles: Roles
  package let trustClass: UInt8
  package let capacity: UInt16
  package let contributor: UInt32
  package let ringSeed: [UInt8]
  package let key: HostKey
  package let name: String
  package let addresses: [CertifiedAddress]
  /// The 320 bytes.
  package let bytes: [UInt8]

  package var hostID: HostID { key.hostID }

  package static func == (left: Certificate, right: Certificate) -> Bool { left.bytes == right.bytes }
  package func hash(into hasher: inout Hasher) { hasher.combine(serial) }

  /// BLAKE2b-256 of the 320 bytes.
  package var digest: Digest { bytes.withUnsafeBytes { Digest(of: $0) } }

  /// True when the operator has listed no address, or one whose prefix holds this endpoint's address. An address
  /// without port (0) holds every port.
  package func admits(_ endpoint: Endpoint) -> Bool {
    addresses.isEmpty || addresses.contains { $0.contains(endpoint) }
  }
}

/// Where a certificate says that its host is.
package struct CertifiedAddress: Hashable, Sendable {
  package static let size = 22
  /// The address; port 0 = any.
  package let endpoint: Endpoint
  /// Leading bits that count: 0...32 of IPv4, 0...128 of IPv6.
  package let prefixBits: UInt8

  /// `nil` when the prefix is longer than the address.
  package init?(_ endpoint: Endpoint, prefixBits: UInt8) {
    guard prefixBits <= (endpoint.isIPv4 ? 32 : 128) else { return nil }
    self.endpoint = endpoint
    self.prefixBits = prefixBits
  }

  /// The address alone.
  package init(_ endpoint: Endpoint) {
    self.endpoint = endpoint
    prefixBits = endpoint.isIPv4 ? 32 : 128
  }

  package func contains(_ other: Endpoint) -> Bool {
    guard other.isIPv4 == endpoint.isIPv4, endpoint.port == 0 || endpoint.port == other.port else { return false }
    let bits = Int(prefixBits) + (endpoint.isIPv4 ? 96 : 0)
    return (endpoint.high ^ other.high) & CertifiedAddress.mask(bits) == 0
      && (endpoint.low ^ other.low) & CertifiedAddress.mask(bits - 64) == 0
  }

  /// A word with so many leading ones, 0...64.
  private static func mask(_ bits: Int) -> UInt64 {
    bits <= 0 ? 0 : bits >= 64 ? .max : ~(.max >> UInt64(bits))
  }
}

/// Why a certificate is not accepted; in the order in which it is checked, cheapest first.
package enum CertificateRefusal: Error, Hashable, Sendable, CaseIterable {
  /// Not 320 bytes.
  case length
  case magic
  /// A byte that must be zero is not: a second encoding of the same statement.
  case padding
  case serial
  case lifetime
  case roles
  case trustClass
  case capacity
  case name
  case address
  case otherNetwork
  /// Signed by a key that is not among the network's operators.
  case unknownOperator
  case notYetValid
  case expired
  case revoked
  /// A public key that is zero, of small order or not canonical.
  case weakKey
  case signature
}

extension Certificate {
  /// Reads the layout and checks everything that needs neither a clock nor a key.
  package init(_ bytes: UnsafeRawBufferPointer) throws(CertificateRefusal) {
    guard bytes.count == Certificate.size else { throw .length }
    do {
      try self.init(checked: bytes)
    } catch let refusal as CertificateRefusal {
      throw refusal
    } catch {
      // The length was checked: no field can be missing.
      throw .length
    }
  }

  private init(checked bytes: UnsafeRawBufferPointer) throws {
    var reader = Reader(bytes)
    guard try reader.u32() == Certificate.magic else { throw CertificateRefusal.magic }
    network = NetworkID(rawValue: try reader.u64())
    serial = try reader.u64()
    operatorKeyID = try reader.u32()
    notBefore = try reader.u64()
    notAfter = try reader.u64()
    roles = Roles(rawValue: try reader.u8())
    trustClass = try reader.u8()
    capacity = try reader.u16()
    contributor = try reader.u32()
    ringSeed = [UInt8](try reader.take(Certificate.ringSeedSize))
    key = try reader.hostKey()
    let nameSize = Int(try reader.u8())
    let nameField = try reader.take(MeshName.limit)
    let addressCount = Int(try reader.u8())
    let addressFill = try reader.take(3)
    guard nameSize <= MeshName.limit, MeshName.isValid(nameField.prefix(nameSize)) else {
      throw CertificateRefusal.name
    }
    guard addressCount <= Certificate.addressLimit else { throw CertificateRefusal.address }
    name = String(decoding: nameField.prefix(nameSize), as: UTF8.self)
    var addresses: [CertifiedAddress] = []
    for _ in 0..<addressCount { addresses.append(try reader.certifiedAddress()) }
    self.addresses = addresses
    let rest = try reader.take(Certificate.signedSize - reader.offset)
    self.bytes = [UInt8](bytes)

    guard nameField.dropFirst(nameSize).allSatisfy({ $0 == 0 }), addressFill.allSatisfy({ $0 == 0 }),
      rest.allSatisfy({ $0 == 0 })
    else { throw CertificateRefusal.padding }
    guard serial != 0 else { throw CertificateRefusal.serial }
    guard notAfter > notBefore, notAfter - notBefore <= Certificate.lifetimeLimit else {
      throw CertificateRefusal.lifetime
    }
    guard roles.isSubset(of: .all), !roles.isEmpty else { throw CertificateRefusal.roles }
    guard trustClass <= Certificate.trustClassLimit else { throw CertificateRefusal.trustClass }
    guard capacity <= Certificate.capacityLimit else { throw CertificateRefusal.capacity }
  }

  package var signature: Signature {
    bytes.withUnsafeBytes { bytes in
      Signature { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[Certificate.signedSize...])) }
    }
  }
}

/// What the operator says about a host, before it is signed.
package struct CertificateRequest: Sendable {
  package var network: NetworkID
  package var serial: UInt64
  package var notBefore: UInt64
  package var notAfter: UInt64
  package var roles: Roles
  package var trustClass: UInt8
  package var capacity: UInt16 = 0
  package var contributor: UInt32 = 0
  package var ringSeed: [UInt8]
  package var key: HostKey
  package var name: String
  package var addresses: [CertifiedAddress] = []

  package init(
    network: NetworkID, serial: UInt64, notBefore: UInt64, notAfter: UInt64, roles: Roles, trustClass: UInt8,
    ringSeed: [UInt8], key: HostKey, name: String
  ) {
    self.network = network
    self.serial = serial
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.roles = roles
    self.trustClass = trustClass
    self.ringSeed = ringSeed
    self.key = key
    self.name = name
  }

  /// Signs it. What comes out has passed every check that a receiver makes without a clock.
  package func signed(by signer: OperatorSigner) throws(CertificateRefusal) -> Certificate {
    guard MeshName.isValid(name.utf8) else { throw .name }
    guard addresses.count <= Certificate.addressLimit else { throw .address }
    guard ringSeed.count == Certificate.ringSeedSize else { throw .length }
    var bytes = [UInt8](repeating: 0, count: Certificate.size)
    let fits = bytes.withUnsafeMutableBytes { buffer in
      var writer = Writer(buffer)
      writeFields(to: &writer, operatorKeyID: signer.key.id)
      guard !writer.overflowed, writer.count <= Certificate.signedSize else { return false }
      writer.zeros(Certificate.signedSize - writer.count)
      writer.signature(signer.sign(domain: Certificate.domain, writer.written))
      return !writer.overflowed && writer.count == Certificate.size
    }
    guard fits else { throw .length }
    let certificate = try bytes.withUnsafeBytes { bytes in
      Result { () throws(CertificateRefusal) in try Certificate(bytes) }
    }.get()
    guard PublicKeyCheck.isUsable(certificate.key) else { throw .weakKey }
    return certificate
  }

  private func writeFields(to writer: inout Writer, operatorKeyID: UInt32) {
    writer.u32(Certificate.magic)
    writer.u64(network.rawValue)
    writer.u64(serial)
    writer.u32(operatorKeyID)
    writer.u64(notBefore)
    writer.u64(notAfter)
    writer.u8(roles.rawValue)
    writer.u8(trustClass)
    writer.u16(capacity)
    writer.u32(contributor)
    writer.append(ringSeed)
    writer.hostKey(key)
    let characters = [UInt8](name.utf8)
    writer.u8(UInt8(truncatingIfNeeded: characters.count))
    writer.append(characters)
    writer.zeros(MeshName.limit - characters.count)
    writer.u8(UInt8(truncatingIfNeeded: addresses.count))
    writer.zeros(3)
    for address in addresses { writer.certifiedAddress(address) }
  }
}

extension Reader {
  fileprivate mutating func certifiedAddress() throws -> CertifiedAddress {
    let family = try u8()
    let prefixBits = try u8()
    let port = try u16()
    let high = UInt64(bigEndian: try integer(as: UInt64.self).littleEndian)
    let low = UInt64(bigEndian: try integer(as: UInt64.self).littleEndian)
    let endpoint = Endpoint(high: high, low: low, port: port)
    guard family == (endpoint.isIPv4 ? 4 : 6), let address = CertifiedAddress(endpoint, prefixBits: prefixBits) else {
      throw CertificateRefusal.address
    }
    guard try u16() == 0 else { throw CertificateRefusal.padding }
    return address
  }
}

extension Writer {
  fileprivate mutating func certifiedAddress(_ address: CertifiedAddress) {
    u8(address.endpoint.isIPv4 ? 4 : 6)
    u8(address.prefixBits)
    u16(address.endpoint.port)
    integer(UInt64(littleEndian: address.endpoint.high.bigEndian))
    integer(UInt64(littleEndian: address.endpoint.low.bigEndian))
    u16(0)
  }
}
