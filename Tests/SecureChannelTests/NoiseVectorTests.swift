import SecureChannel
import Testing
import Wire

/// Every `25519_ChaChaPoly_{BLAKE2b,SHA256}` row of the public vector files.
@Suite(.enabled(if: SharedData.isThere, SharedData.absence)) struct NoiseVectorTests {
  private struct File: Decodable {
    let vectors: [Row]
  }

  private struct Row: Decodable {
    struct Message: Decodable {
      let payload: String
      let ciphertext: String
    }

    let protocol_name: String
    let init_prologue: String
    let init_static: String?
    let init_ephemeral: String?
    let init_remote_static: String?
    let init_psks: [String]?
    let resp_prologue: String
    let resp_static: String?
    let resp_ephemeral: String?
    let resp_remote_static: String?
    let resp_psks: [String]?
    let handshake_hash: String?
    let messages: [Message]
  }

  @Test(arguments: [("noise-cacophony.json", 118), ("noise-snow.json", 102)])
  func rowsOfOurSuites(file: String, expected: Int) throws {
    var rows = 0
    var messages = 0
    var hashes = 0
    var patterns: Set<String> = []
    for row in try SharedData.decode(File.self, from: file).vectors {
      let words = row.protocol_name.split(separator: "_").map(String.init)
      guard words.count == 5, words[2] == "25519", words[3] == "ChaChaPoly", let hash = NoiseHash(rawValue: words[4])
      else { continue }
      let pattern = try #require(HandshakePattern(named: words[1]), "pattern \(words[1]) is not known")
      try run(row, pattern, hash)
      rows += 1
      messages += row.messages.count
      if row.handshake_hash != nil { hashes += 1 }
      patterns.insert(words[1])
    }
    #expect(rows == expected)
    print(
      "\(file): \(rows) rows, \(patterns.count) patterns, \(messages) messages, \(hashes) handshake hashes; no row left out"
    )
  }

  private func run(_ row: Row, _ pattern: HandshakePattern, _ hash: NoiseHash) throws {
    let arena = try #require(SecretArena(regionLimit: 1))
    let name = Comment(rawValue: row.protocol_name)
    func pair(_ text: String?) throws -> ExchangeKeyPair? {
      try text.map { try #require(ExchangeKeyPair(privateKey: arena.store(octets($0)))) }
    }
    func side(
      _ role: NoiseRole, _ prologue: String, _ key: String?, _ ephemeral: String?, _ remote: String?, _ psks: [String]?
    ) throws -> NoiseHandshake {
      try octets(prologue).withUnsafeBytes {
        try NoiseHandshake(
          pattern, hash: hash, role: role, prologue: $0,
          credentials: NoiseCredentials(
            staticKey: try pair(key), remoteStatic: remote.map(octets),
            psks: (psks ?? []).map { arena.store(octets($0)) },
            ephemeral: try pair(ephemeral)),
          arena: arena, entropy: SeededEntropy(0))
      }
    }
    let initiator = try side(
      .initiator, row.init_prologue, row.init_static, row.init_ephemeral, row.init_remote_static, row.init_psks)
    let responder = try side(
      .responder, row.resp_prologue, row.resp_static, row.resp_ephemeral, row.resp_remote_static, row.resp_psks)
    let count = pattern.messages.count
    for (index, message) in row.messages.prefix(count).enumerated() {
      let (sender, receiver) = index % 2 == 0 ? (initiator, responder) : (responder, initiator)
      #expect(sender.writesNext && !receiver.writesNext, name)
      let overhead = sender.overhead
      #expect(receiver.overhead == overhead, name)
      let bytes = try sender.write(octets(message.payload))
      #expect(hexadecimal(bytes) == message.ciphertext, name)
      #expect(bytes.count == overhead + message.payload.utf8.count / 2, name)
      // Both ways of reading, by turns.
      #expect(hexadecimal(try receiver.read(bytes, inTwoSteps: index % 2 == 0)) == message.payload, name)
    }
    #expect(initiator.isComplete && responder.isComplete, name)
    #expect(initiator.handshakeHash == responder.handshakeHash, name)
    if let expected = row.handshake_hash { #expect(hexadecimal(initiator.handshakeHash) == expected, name) }

    let sent = try initiator.split()
    let received = try responder.split()
    #expect(sent.exporter.equals(received.exporter), name)
    #expect(row.messages.count > count, name)
    var counters: [UInt64] = [0, 0]
    for (index, message) in row.messages.enumerated().dropFirst(count) {
      let role: NoiseRole = pattern.isOneWay || index % 2 == 0 ? .initiator : .responder
      let (keys, others) = role == .initiator ? (sent, received) : (received, sent)
      let counter = counters[role == .initiator ? 0 : 1]
      counters[role == .initiator ? 0 : 1] += 1
      var bytes = octets(message.payload) + [UInt8](repeating: 0, count: ChaChaPoly.tagSize)
      bytes.withUnsafeMutableBytes { ChaChaPoly.seal(inPlace: $0, key: keys.sending(role), counter: counter) }
      #expect(hexadecimal(bytes) == message.ciphertext, name)
      let other: NoiseRole = role == .initiator ? .responder : .initiator
      let opened = bytes.withUnsafeMutableBytes {
        ChaChaPoly.open(inPlace: $0, key: others.receiving(other), counter: counter).map { hexadecimal($0) }
      }
      #expect(opened == message.payload, name)
    }
  }
}

extension NoiseHandshake {
  func write(_ payload: [UInt8]) throws(NoiseError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: overhead + payload.count)
    let result = bytes.withUnsafeMutableBytes { buffer in
      payload.withUnsafeBytes { payload in
        Result { () throws(NoiseError) in
          var writer = Writer(buffer)
          try write(payload: payload, into: &writer)
          #expect(writer.count == buffer.count)
        }
      }
    }
    try result.get()
    return bytes
  }

  func begin(_ message: [UInt8]) throws(NoiseError) {
    try message.withUnsafeBytes { message in Result { () throws(NoiseError) in try beginReading(message) } }.get()
  }

  func read(_ message: [UInt8], inTwoSteps: Bool = false) throws(NoiseError) -> [UInt8] {
    if inTwoSteps { try begin(message) }
    var payload = [UInt8](repeating: 0, count: message.count)
    let result = payload.withUnsafeMutableBytes { payload in
      message.withUnsafeBytes { message in
        Result { () throws(NoiseError) in try finishReading(message, payload: payload) }
      }
    }
    return Array(payload[..<(try result.get())])
  }
}
