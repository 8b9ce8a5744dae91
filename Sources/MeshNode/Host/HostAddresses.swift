import Glibc
import Wire

/// The addresses of this machine's interfaces that are up, without ports; loopback only when there is nothing else.
enum HostAddresses {
  /// More than a machine has that is no router of thousands.
  static let limit = 64

  static func all() -> [Endpoint] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: [Endpoint] = []
    var next = list
    while let entry = next, found.count < limit {
      next = entry.pointee.ifa_next
      guard entry.pointee.ifa_flags & UInt32(IFF_UP) != 0, let address = entry.pointee.ifa_addr,
        let endpoint = endpoint(address), endpoint.reach != .unusable, !found.contains(endpoint)
      else { continue }
      found.append(endpoint)
    }
    return found
  }

  private static func endpoint(_ address: UnsafePointer<sockaddr>) -> Endpoint? {
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        Endpoint(ipv4: UInt32(bigEndian: $0.pointee.sin_addr.s_addr), port: 0)
      }
    case AF_INET6:
      return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
        withUnsafeBytes(of: pointer.pointee.sin6_addr) { bytes in
          Endpoint(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)), port: 0)
        }
      }
    default: return nil
    }
  }
}
