/// One answer of an HTTP/1.1 server that names its length, which is how etcd's gateway answers.
struct HTTPAnswer {
  let status: Int
  let body: ArraySlice<UInt8>
  /// Head and body.
  let length: Int

  private static let headEnd = Array("\r\n\r\n".utf8)
  private static let lengthName = "content-length:"

  /// `nil` when it has not come whole. An answer without a length is taken for one without a body and status 0.
  init?(_ bytes: ArraySlice<UInt8>) {
    guard let end = bytes.firstRange(of: HTTPAnswer.headEnd)?.upperBound else { return nil }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    let named = lines.first { $0.lowercased().hasPrefix(HTTPAnswer.lengthName) }
      .flatMap { Int($0.dropFirst(HTTPAnswer.lengthName.count).filter { $0 != " " }) }
    guard let size = named, size >= 0 else {
      status = 0
      body = []
      length = end - bytes.startIndex
      return
    }
    guard bytes.endIndex - end >= size else { return nil }
    status = words.count > 1 ? Int(words[1]) ?? 0 : 0
    body = bytes[end..<end + size]
    length = end + size - bytes.startIndex
  }
}

/// base64 with padding (RFC 4648, 4), as etcd's gateway reads and writes bytes.
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let word = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
      for place in 0..<4 {
        let isPadding = place > group.count
        text.append(isPadding ? UInt8(ascii: "=") : alphabet[Int(word >> UInt32(18 - 6 * place) & 63)])
      }
    }
    return text
  }
}
