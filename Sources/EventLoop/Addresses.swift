import UVShim
package import Wire

extension Endpoint {
  init(_ raw: uvshim_endpoint) { self.init(high: raw.high, low: raw.low, port: raw.port) }

  init(_ address: UnsafePointer<sockaddr>) { self.init(uvshim_from_sockaddr(address)) }

  var raw: uvshim_endpoint { uvshim_endpoint(high: high, low: low, port: port) }

  func withSocketAddress<R>(_ body: (UnsafePointer<sockaddr>) -> R) -> R {
    var storage = sockaddr_storage()
    _ = uvshim_to_sockaddr(uvshim_family(raw), raw, &storage)
    return withUnsafePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
    }
  }

  /// `::` with this port: every address of the machine, IPv6 and IPv4.
  package static func anyAddress(port: UInt16) -> Endpoint { Endpoint(high: 0, low: 0, port: port) }
  /// 127.0.0.1
  package static func loopback(port: UInt16) -> Endpoint { Endpoint(ipv4: 0x7f00_0001, port: port) }
}
