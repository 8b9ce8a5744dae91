package import SecureChannel
package import Wire

/// Who is who in a world: the facts that an operator's certificates would hold. Fixed while the world runs, shared by
/// all its hosts, which are numbered from 0.
package final class HostDirectory {
  package struct Identity: Sendable {
    package let host: HostID
    package let key: HostKey
    /// Whose machine it is; 0 is the operator.
    package let contributor: UInt32
    /// Key of the simulated signatures; 0 where signatures are real.
    let secret: UInt64

    init(host: HostID, key: HostKey, contributor: UInt32, secret: UInt64 = 0) {
      self.host = host
      self.key = key
      self.contributor = contributor
      self.secret = secret
    }
  }

  package let network = NetworkID(rawValue: 0x6d65_7368_2d73_696d)
  package let identities: ContiguousArray<Identity>
  private let indices: [HostID: Int]
  /// Key of the operator's simulated signatures.
  let operatorSecret: UInt64

  /// `contributors` > 0 spreads the hosts over so many persons; 0 makes all of them the operator's.
  package init(count: Int, contributors: Int = 0, seed: UInt64) {
    var chance = Chance(seed: seed)
    var identities: ContiguousArray<Identity> = []
    var indices: [HostID: Int] = [:]
    identities.reserveCapacity(count)
    operatorSecret = chance.next()
    while identities.count < count {
      let host = HostID(rawValue: chance.next() | 1)
      guard indices[host] == nil else { continue }
      let index = identities.count
      indices[host] = index
      identities.append(
        Identity(
          host: host, key: HostDirectory.key(of: index, secret: chance.next()),
          contributor: contributors == 0 ? 0 : UInt32(index % contributors + 1), secret: chance.next()))
    }
    self.identities = identities
    self.indices = indices
  }

  /// Hosts with keys from elsewhere.
  init(_ identities: [Identity]) {
    self.identities = ContiguousArray(identities)
    var indices: [HostID: Int] = [:]
    for (index, identity) in identities.enumerated() { indices[identity.host] = index }
    self.indices = indices
    operatorSecret = 0
  }

  package var count: Int { identities.count }

  package func index(of host: HostID) -> Int? { indices[host] }

  /// The host whose key it is; keys of a directory carry the host's number.
  package func index(of key: HostKey) -> Int? {
    let index = key.exchange.withUnsafeBytes { Int($0.loadUnaligned(as: UInt32.self)) }
    return index < count && identities[index].key == key ? index : nil
  }

  private static func key(of index: Int, secret: UInt64) -> HostKey {
    var exchange = [UInt8](repeating: 0, count: 32)
    var signing = exchange
    for byte in 0..<4 { exchange[byte] = UInt8(truncatingIfNeeded: index >> (8 * byte)) }
    for byte in 0..<8 { exchange[8 + byte] = UInt8(truncatingIfNeeded: secret >> UInt64(8 * byte)) }
    for byte in 0..<8 { signing[byte] = UInt8(truncatingIfNeeded: mix64(secret) >> UInt64(8 * byte)) }
    return HostKey(exchange: exchange, signing: signing)!
  }
}

/// A fast 64-bit hash of bytes under a key: stands for signatures and for the trace's hash, never for security.
func keyedHash(_ bytes: UnsafeRawBufferPointer, key: UInt64) -> UInt64 {
  var hash = key ^ UInt64(truncatingIfNeeded: bytes.count) &* 0x9e37_79b9_7f4a_7c15
  var offset = 0
  while offset + 8 <= bytes.count {
    hash = (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x9e37_79b9_7f4a_7c15
    hash ^= hash >> 29
    offset += 8
  }
  var tail: UInt64 = 0
  while offset < bytes.count {
    tail = tail << 8 | UInt64(bytes[offset])
    offset += 1
  }
  return mix64(hash ^ tail)
}
