/// A peer of a bootstrap list: whom to call first, and by which key to know him.
package struct BootstrapPeer: Hashable, Sendable {
  /// As in its certificate: 1 to 31 of a-z, 0-9 and `-`.
  package var name: String
  /// An IP address (IPv6 without brackets), or a name that is looked up again at each attempt.
  package var host: String
  package var port: UInt16
  /// X25519 public key, then Ed25519 public key: `BootstrapList.keySize` bytes.
  package var publicKey: [UInt8]

  package init(name: String, host: String, port: UInt16, publicKey: [UInt8]) {
    self.name = name
    self.host = host
    self.port = port
    self.publicKey = publicKey
  }

  /// `host` is a name, not an address.
  package var needsLookUp: Bool { !InternetAddress.isValid(host) }
}

/// Reads a bootstrap list: one peer a line, `name address:port public-key`; `#` and `//` start a comment.
package enum BootstrapList {
  package static let keySize = 64
  /// base64url without padding: 512 bits in groups of six.
  static let keyLength = 86
  package static let peerLimit = 64
  private static let nameLimit = 31

  /// All peers that could be read, and what is wrong with the other lines. A list with errors should not be used:
  /// a missing peer may be the only honest one.
  package static func read(_ bytes: [UInt8], name: String) -> (peers: [BootstrapPeer], messages: Messages) {
    let source = SourceText(name: name, bytes: bytes)
    var problems = Problems()
    var peers: [BootstrapPeer] = []
    if source.bytes.count > FileLimits.bytes {
      problems.add(Problem(.fileTooLarge, 0..<0, "a bootstrap list has at most \(FileLimits.bytes / 1024) KiB"))
    } else if let problem = Characters.problem(in: source) {
      problems.add(problem)
    } else {
      var places: [Range<Int>] = []
      for words in lines(of: source.bytes) {
        do {
          let peer = try peer(words, source)
          guard peers.count < peerLimit else {
            problems.add(Problem(.tooManyPeers, words[0], "more than \(peerLimit) peers are listed"))
            break
          }
          try check(peer, against: peers, places, at: words[0])
          peers.append(peer)
          places.append(words[0])
        } catch {
          problems.add(error.problem)
        }
      }
    }
    var messages = Messages()
    for problem in problems.list { messages.add(problem.message(in: source)) }
    messages.countErrors(problems.leftOut)
    return (peers, messages)
  }

  /// The line of a peer, as `read` takes it.
  package static func line(for peer: BootstrapPeer) -> String {
    "\(peer.name) \(HostAndPort(host: peer.host, port: peer.port).text) \(Base64URL.text(peer.publicKey))"
  }

  private struct Refusal: Error { var problem: Problem }

  /// The words of each line that has any.
  private static func lines(of bytes: [UInt8]) -> [[Range<Int>]] {
    var result: [[Range<Int>]] = []
    var words: [Range<Int>] = []
    var start: Int?
    var isComment = false
    for (offset, byte) in (bytes + [UInt8(ascii: "\n")]).enumerated() {
      let isEnd = byte == UInt8(ascii: "\n")
      if start == nil, !isComment {
        let isSlashes = byte == UInt8(ascii: "/") && offset + 1 < bytes.count && bytes[offset + 1] == byte
        if byte == UInt8(ascii: "#") || isSlashes { isComment = true }
      }
      if isEnd || Lexer.isBlank(byte) || isComment {
        if let begin = start { words.append(begin..<offset) }
        start = nil
      } else if start == nil {
        start = offset
      }
      if isEnd {
        if !words.isEmpty { result.append(words) }
        words = []
        isComment = false
      }
    }
    return result
  }

  private static func peer(_ words: [Range<Int>], _ source: SourceText) throws(Refusal) -> BootstrapPeer {
    func refuse(_ code: MessageCode, _ span: Range<Int>, _ text: String, help: String) -> Refusal {
      Refusal(problem: Problem(code, span, text, help: help))
    }
    let form = "write `name address:port public-key`"
    guard words.count == 3 else {
      if words.count > 3 { throw refuse(.badPeerLine, words[3], "this line has more than three words", help: form) }
      let end = words[words.count - 1].upperBound
      let lacks = words.count == 1 ? "an address and a public key" : "a public key"
      throw refuse(.badPeerLine, end..<end, "\(lacks) must follow", help: form)
    }
    let name = source.text(words[0])
    let isName = name.utf8.allSatisfy {
      Quantity.isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "-")
    }
    guard isName, name.utf8.count <= nameLimit else {
      throw refuse(
        .badPeerName, words[0], "`\(Printable.text(name))` is not the name of a host",
        help: "a name has 1 to \(nameLimit) small letters, digits or `-`")
    }
    let address = source.text(words[1])
    guard let place = HostAndPort(text: address) else {
      let bare = InternetAddress.isValid(address) || InternetAddress.isName(address)
      let example =
        address.utf8.contains(UInt8(ascii: ":"))
        ? "[\(Printable.text(address))]:7000" : "\(Printable.text(address)):7000"
      throw refuse(
        .badPeerAddress, words[1], "`\(Printable.text(address))` is not an address with a port",
        help: bare
          ? "write the port too: `\(example)`"
          : "write it like `192.0.2.1:7000`, `[2001:db8::1]:7000` or `host.example.org:7000`")
    }
    let key = try key(words[2], source)
    return BootstrapPeer(name: name, host: place.host, port: place.port, publicKey: key)
  }

  private static func key(_ span: Range<Int>, _ source: SourceText) throws(Refusal) -> [UInt8] {
    let characters = source.bytes[span]
    func refuse(_ part: Range<Int>, _ text: String, _ help: String) -> Refusal {
      Refusal(problem: Problem(.badPeerKey, part, text, help: help))
    }
    if let bad = characters.firstIndex(where: { Base64URL.digit($0) == nil }) {
      switch characters[bad] {
      case UInt8(ascii: "="):
        throw refuse(bad..<span.upperBound, "a public key has no `=` at its end", "leave it out")
      case UInt8(ascii: "+"), UInt8(ascii: "/"):
        throw refuse(bad..<bad + 1, "a public key is base64url", "write `-` for `+` and `_` for `/`")
      default:
        throw refuse(
          bad..<bad + 1, "`\(Printable.text(source.text(bad..<bad + 1)))` cannot stand in a public key",
          "it has letters, digits, `-` and `_`; copy it whole")
      }
    }
    guard characters.count == keyLength else {
      throw refuse(span, "a public key has \(keyLength) characters, this has \(characters.count)", "copy it whole")
    }
    guard let key = Base64URL.bytes(characters) else {
      throw refuse(
        span.upperBound - 1..<span.upperBound, "a public key cannot end so", "its last character was copied wrongly")
    }
    return key
  }

  private static func check(
    _ peer: BootstrapPeer, against peers: [BootstrapPeer], _ places: [Range<Int>], at span: Range<Int>
  ) throws(Refusal) {
    for (earlier, place) in zip(peers, places) {
      let text: String
      if earlier.publicKey == peer.publicKey, earlier.host == peer.host, earlier.port == peer.port {
        text = "this peer is listed twice"
      } else if earlier.name == peer.name, earlier.publicKey != peer.publicKey {
        text = "`\(peer.name)` stands for two different keys"
      } else if earlier.name != peer.name, earlier.publicKey == peer.publicKey {
        text = "`\(peer.name)` and `\(earlier.name)` have the same key"
      } else {
        continue
      }
      throw Refusal(
        problem: Problem(.peerTwice, span, text, help: "remove one of the two", other: ("the first one is here", place))
      )
    }
  }
}

/// RFC 4648, 5, without padding, and strict: one text for each value.
enum Base64URL {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: nil
    }
  }

  /// `nil` for other characters, an impossible length or bits left over that are not zero.
  static func bytes(_ characters: some Sequence<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    for character in characters {
      guard let digit = digit(character) else { return nil }
      bits = bits << 6 | UInt32(digit)
      count += 6
      if count >= 8 {
        count -= 8
        result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        bits &= (1 << UInt32(count)) - 1
      }
    }
    return count < 6 && bits == 0 ? result : nil
  }

  static func text(_ bytes: [UInt8]) -> String {
    var result: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      count += 8
      while count >= 6 {
        count -= 6
        result.append(alphabet[Int(bits >> UInt32(count) & 63)])
      }
      bits &= (1 << UInt32(count)) - 1
    }
    if count > 0 { result.append(alphabet[Int(bits << UInt32(6 - count) & 63)]) }
    return String(decoding: result, as: UTF8.self)
  }
}
