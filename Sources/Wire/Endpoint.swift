/// An IP address and a UDP/TCP port.
///
/// The address is 16 bytes in network order, kept as two big-endian words; IPv4 is kept as IPv4-mapped IPv6
/// (RFC 4291, 2.5.5.2), so that one address has one representation however a socket reports it.
package struct Endpoint: Hashable, Sendable {
  package let high: UInt64
  package let low: UInt64
  package let port: UInt16

  /// `::ffff:0:0/96` without its low 32 bits.
  @usableFromInline static let mappedPrefix: UInt64 = 0x0000_ffff_0000_0000

  @inlinable package init(high: UInt64, low: UInt64, port: UInt16) {
    self.high = high
    self.low = low
    self.port = port
  }

  /// `ipv4` is the address as a number: 127.0.0.1 is 0x7f000001.
  @inlinable package init(ipv4: UInt32, port: UInt16) {
    self.init(high: 0, low: Endpoint.mappedPrefix | UInt64(ipv4), port: port)
  }

  @inlinable package var isIPv4: Bool { high == 0 && low & 0xffff_ffff_0000_0000 == Endpoint.mappedPrefix }
  /// Only meaningful when `isIPv4`.
  @inlinable package var ipv4: UInt32 { UInt32(truncatingIfNeeded: low) }

  @inlinable package func withPort(_ port: UInt16) -> Endpoint { Endpoint(high: high, low: low, port: port) }

  /// The operator-visible neighbourhood of an address: /24 of IPv4, /48 of IPv6. Rate limits and spread use it.
  @inlinable package var prefix: UInt64 {
    isIPv4 ? (0xffff_ffff_0000_0000 | UInt64(ipv4 & 0xffff_ff00)) : high & 0xffff_ffff_ffff_0000
  }

  /// Where an address can be reached from. A host may only be sent to a class it is in itself (DESIGN 4.1).
  package enum Reach: Sendable { case unusable, loopback, linkLocal, privateRange, global }

  package var reach: Reach {
    if isIPv4 {
      let address = ipv4
      switch address >> 24 {
      case 0, 224...255: return .unusable
      case 127: return .loopback
      case 10: return .privateRange
      default: break
      }
      if address >> 16 == 0xa9fe { return .linkLocal }
      // 172.16/12, 192.168/16 and 100.64/10 (carrier-grade NAT, RFC 6598).
      if address >> 20 == 0xac1 || address >> 16 == 0xc0a8 || address >> 22 == 0x191 { return .privateRange }
      return .global
    }
    if high == 0 { return low == 1 ? .loopback : .unusable }
    if high >> 56 == 0xff { return .unusable }
    if high >> 54 == 0x3fa { return .linkLocal }  // fe80::/10
    if high >> 57 == 0x7e { return .privateRange }  // fc00::/7
    return .global
  }
}

extension Endpoint: CustomStringConvertible, LosslessStringConvertible {
  /// `192.0.2.1:7000` or `[2001:db8::1]:7000`.
  package var description: String {
    isIPv4 ? "\(addressText):\(port)" : "[\(addressText)]:\(port)"
  }

  package var addressText: String {
    if isIPv4 {
      return "\(ipv4 >> 24).\(ipv4 >> 16 & 255).\(ipv4 >> 8 & 255).\(ipv4 & 255)"
    }
    let groups = (0..<8).map { index -> UInt16 in
      let word = index < 4 ? high : low
      return UInt16(truncatingIfNeeded: word >> (48 - UInt64(index % 4) * 16))
    }
    let gap = Endpoint.longestRunOfZeros(groups)
    guard let gap else { return groups.map { String($0, radix: 16) }.joined(separator: ":") }
    let head = groups[..<gap.lowerBound].map { String($0, radix: 16) }.joined(separator: ":")
    let tail = groups[gap.upperBound...].map { String($0, radix: 16) }.joined(separator: ":")
    return head + "::" + tail
  }

  /// RFC 5952, 4.2: the first longest run of two or more zero groups is shortened.
  private static func longestRunOfZeros(_ groups: [UInt16]) -> Range<Int>? {
    var best: Range<Int>?
    var start = 0
    while start < groups.count {
      var end = start
      while end < groups.count, groups[end] == 0 { end += 1 }
      if end - start >= 2, end - start > (best?.count ?? 0) { best = start..<end }
      start = max(end, start + 1)
    }
    return best
  }

  /// Reads what `description` writes; names are not looked up here.
  package init?(_ text: String) {
    if text.hasPrefix("[") {
      guard let close = text.firstIndex(of: "]") else { return nil }
      let rest = text[text.index(after: close)...]
      guard rest.hasPrefix(":"), let port = Endpoint.portNumber(rest.dropFirst()),
        let words = Endpoint.ipv6Words(text[text.index(after: text.startIndex)..<close])
      else { return nil }
      self.init(high: words.high, low: words.low, port: port)
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = Endpoint.portNumber(text[text.index(after: colon)...]),
      let address = Endpoint.ipv4Number(text[..<colon])
    else { return nil }
    self.init(ipv4: address, port: port)
  }

  /// Reads an address without a port.
  package init?(address: String, port: UInt16) {
    if let ipv4 = Endpoint.ipv4Number(address[...]) {
      self.init(ipv4: ipv4, port: port)
    } else if let words = Endpoint.ipv6Words(address[...]) {
      self.init(high: words.high, low: words.low, port: port)
    } else {
      return nil
    }
  }

  private static func portNumber(_ text: Substring) -> UInt16? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return UInt16(text)
  }

  private static func ipv4Number(_ text: Substring) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var number: UInt32 = 0
    for part in parts {
      // No leading zeros: some readers take them as octal, so the same text would name two machines.
      guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        part.utf8.count == 1 || part.utf8.first != 0x30, let value = UInt8(part)
      else { return nil }
      number = number << 8 | UInt32(value)
    }
    return number
  }

  private static func ipv6Words(_ text: Substring) -> (high: UInt64, low: UInt64)? {
    guard text.contains(":") else { return nil }
    func groups(_ part: Substring) -> [UInt16]? {
      if part.isEmpty { return [] }
      var result: [UInt16] = []
      let pieces = part.split(separator: ":", omittingEmptySubsequences: false)
      for (index, piece) in pieces.enumerated() {
        if piece.contains("."), index == pieces.count - 1, let ipv4 = ipv4Number(piece) {
          result.append(UInt16(ipv4 >> 16))
          result.append(UInt16(ipv4 & 0xffff))
        } else {
          guard (1...4).contains(piece.utf8.count), let value = UInt16(piece, radix: 16), piece.first != "+" else {
            return nil
          }
          result.append(value)
        }
      }
      return result
    }
    var all: [UInt16]
    if let gap = text.range(of: "::") {
      guard let head = groups(text[..<gap.lowerBound]), let tail = groups(text[gap.upperBound...]),
        head.count + tail.count <= 7
      else { return nil }
      all = head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail
    } else {
      guard let whole = groups(text), whole.count == 8 else { return nil }
      all = whole
    }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for index in 0..<4 {
      high = high << 16 | UInt64(all[index])
      low = low << 16 | UInt64(all[index + 4])
    }
    return (high, low)
  }
}

extension Substring {
  /// The first place of `needle`; the standard library alone has no such search.
  fileprivate func range(of needle: String) -> Range<Substring.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
      start = index(after: start)
    }
    return nil
  }
}
