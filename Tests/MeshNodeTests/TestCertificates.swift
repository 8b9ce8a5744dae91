/// Certificates that parse; their signatures are of nobody.
enum TestCertificates {
  static func certificate(notBefore start: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    func append(_ value: UInt64, _ size: Int) {
      for index in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }
    append(0x0031_434d, 4)
    append(0x1234, 8)
    append(1, 8)
    append(1, 4)
    append(start, 8)
    append(start + 86_400, 8)
    append(1, 1)
    append(0, 1)
    append(0, 2)
    append(0, 4)
    bytes += [UInt8](repeating: 1, count: 16 + 64)
    bytes += [5] + Array("pay-1".utf8) + [UInt8](repeating: 0, count: 26)
    bytes += [UInt8](repeating: 0, count: 320 - bytes.count)
    return bytes
  }
}
