import CSodium
import Hashing
package import Wire

/// What a machine sends to the operator to be let in (`mesh-ctl init`): public keys, the wanted name and a proof that it
/// holds the signing key. Nothing in it is secret. (That it holds the X25519 key its first handshake proves.)
///
/// Body: X25519 key 32, Ed25519 key 32, name length 1, name, Ed25519 64 over "mesh-request/1" ‖ all before it.
package struct AdmissionRequest: Hashable, Sendable {
  static let domain: StaticString = "mesh-request/1"

  package let key: HostKey
  package let name: String

  /// The line to paste.
  package static func line(for identity: Identity, name: String) throws(AdmissionError) -> String {
    guard MeshName.isValid(name.utf8) else { throw .badName }
    let characters = [UInt8](name.utf8)
    let statement = identity.key.exchange + identity.key.signing + [UInt8(characters.count)] + characters
    let proof = statement.withUnsafeBytes { SignedText.with(domain: domain, $0) { identity.signing.sign($0) } }
    return Paste.line(.request, statement + proof.withBytes { Array($0) })
  }

  /// Reads what `line` makes and checks the proof and the keys.
  package init(line: String) throws(AdmissionError) {
    let body = try Paste.body(.request, of: line)
    let request = body.withUnsafeBytes { bytes in
      Result { () throws(AdmissionError) in try AdmissionRequest(body: bytes) }
    }
    self = try request.get()
  }

  private init(body: UnsafeRawBufferPointer) throws(AdmissionError) {
    var reader = Reader(body)
    let statement: UnsafeRawBufferPointer
    let proof: Signature
    do throws(WireError) {
      key = try reader.hostKey()
      let name = try reader.take(Int(try reader.u8()))
      guard MeshName.isValid(name) else { throw .invalid }
      self.name = String(decoding: name, as: UTF8.self)
      statement = reader.slice(from: 0)
      proof = try reader.signature()
      try reader.expectEnd()
    } catch {
      throw .malformed
    }
    let isProven = SignedText.with(domain: AdmissionRequest.domain, statement) {
      SigningKeyPair.verify(proof, $0, publicKey: key.signing)
    }
    guard isProven, PublicKeyCheck.isUsable(key) else { throw .unproven }
  }
}

/// Somebody who is in the network already.
package struct WelcomePeer: Hashable, Sendable {
  package var key: HostKey
  package var endpoint: Endpoint
  /// Left out when the line has no room for it.
  package var name: String?

  var isReachable: Bool { endpoint.port != 0 && endpoint.reach != .unusable }

  package init(key: HostKey, endpoint: Endpoint, name: String? = nil) {
    self.key = key
    self.endpoint = endpoint
    self.name = name
  }
}

/// What the operator answers (`mesh-ctl admit`), and all that the new machine needs (`mesh-ctl accept`). Below 1,000
/// characters, so that it fits the line buffer of every terminal and chat.
///
/// Body: host id 8, certificate without the host's own two keys 256, number of operator keys 1, the keys (founder
/// first), network name length 1, name, network secret sealed to the host's X25519 key (`crypto_box_seal`) 80, number of
/// peers 1, per peer {endpoint 7 or 19, key 64, name length 1, name}, Ed25519 64 over "mesh-welcome/1" ‖ all before it.
package struct Welcome {
  package static let lengthLimit = 999
  package static let peerLimit = 3
  static let domain: StaticString = "mesh-welcome/1"
  static let sealedSecretSize = Network.secretSize + 48
  private static let ownKeys = 64..<128

  package let certificate: Certificate
  package let network: Network
  package let peers: [WelcomePeer]

  // MARK: The operator's side

  /// The line to paste. Names of peers, then peers from the end, are left out when they do not fit; `peers` of the
  /// result says who is in it.
  package static func line(
    certificate: Certificate, network: Network, peers: [WelcomePeer], signer: OperatorSigner
  ) throws(AdmissionError) -> (line: String, peers: [WelcomePeer]) {
    guard certificate.network == network.id else { throw .certificate(.otherNetwork) }
    guard network.operatorKey(id: signer.key.id) == signer.key, certificate.operatorKeyID == signer.key.id else {
      throw .certificate(.unknownOperator)
    }
    guard (1...peerLimit).contains(peers.count) else { throw .noPeers }
    guard peers.allSatisfy({ $0.name.map { MeshName.isValid($0.utf8) } ?? true }) else { throw .badName }
    if let peer = peers.first(where: { !$0.isReachable }) { throw .badEndpoint(peer.endpoint) }
    var body = try head(certificate, network)
    let included = fitting(peers, room: roomForPeers(after: body.count))
    body.append(UInt8(included.count))
    for peer in included { body += encoded(peer) }
    let signature = body.withUnsafeBytes { signer.sign(domain: domain, $0) }
    return (Paste.line(.welcome, body + signature.withBytes { Array($0) }), included)
  }

  /// `crypto_box_seal` draws its ephemeral key from the system itself: admission runs in `mesh-ctl`, never in a simulation.
  private static func head(_ certificate: Certificate, _ network: Network) throws(AdmissionError) -> [UInt8] {
    var sealed = [UInt8](repeating: 0, count: sealedSecretSize)
    let status = network.secret.withBytes {
      crypto_box_seal(&sealed, $0.octets, UInt64($0.count), certificate.key.exchange)
    }
    guard status == 0 else { throw .certificate(.weakKey) }
    let name = [UInt8](network.name.utf8)
    var head = withUnsafeBytes(of: certificate.hostID.rawValue.littleEndian) { Array($0) }
    head += certificate.bytes[..<ownKeys.lowerBound]
    head += certificate.bytes[ownKeys.upperBound...]
    head.append(UInt8(network.operators.count))
    for key in network.operators { head += key.bytes }
    head.append(UInt8(name.count))
    head += name
    head += sealed
    return head
  }

  private static func roomForPeers(after head: Int) -> Int {
    var room = 0
    while Paste.textSize(.welcome, body: head + 1 + room + 1 + Signature.size) <= lengthLimit { room += 1 }
    return room
  }

  private static func fitting(_ peers: [WelcomePeer], room: Int) -> [WelcomePeer] {
    var included = peers.map { WelcomePeer(key: $0.key, endpoint: $0.endpoint) }
    func size() -> Int { included.reduce(0) { $0 + encoded($1).count } }
    while size() > room { included.removeLast() }
    for index in included.indices {
      included[index].name = peers[index].name
      if size() > room { included[index].name = nil }
    }
    return included
  }

  private static func encoded(_ peer: WelcomePeer) -> [UInt8] {
    let name = [UInt8]((peer.name ?? "").utf8)
    return [UInt8](unsafeUninitializedCapacity: 19 + HostKey.size + 1 + MeshName.limit) { buffer, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
      writer.endpoint(peer.endpoint)
      writer.hostKey(peer.key)
      writer.u8(UInt8(name.count))
      writer.append(name)
      count = writer.count
    }
  }

  // MARK: The new machine's side

  /// Reads what `line` makes. Everything in it is checked.
  ///
  /// - Parameter current: the network that this machine belongs to already, if any.
  package init(
    line: String, identity: Identity, current: NetworkID?, at wallSeconds: UInt64, arena: SecretArena
  ) throws(AdmissionError) {
    let body = try Paste.body(.welcome, of: line)
    let welcome = body.withUnsafeBytes { bytes in
      Result { () throws(AdmissionError) in
        try Welcome(body: bytes, identity: identity, current: current, at: wallSeconds, arena: arena)
      }
    }
    self = try welcome.get()
  }

  private struct Fields {
    var host: HostID
    var certificate: [UInt8]
    var operators: [OperatorKey]
    var name: String
    var sealed: UnsafeRawBufferPointer
    var peers: [WelcomePeer]
    var signed: UnsafeRawBufferPointer
    var signature: Signature
  }

  private init(
    body: UnsafeRawBufferPointer, identity: Identity, current: NetworkID?, at wallSeconds: UInt64, arena: SecretArena
  ) throws(AdmissionError) {
    let fields: Fields
    do { fields = try Welcome.fields(of: body, identity: identity) } catch { throw .malformed }
    guard fields.host == identity.hostID else { throw .otherHost(fields.host) }
    guard let founder = fields.operators.first else { throw .malformed }
    let id = Network.id(founder: founder, name: fields.name)
    if let current, current != id { throw .otherNetwork(fields.name) }
    let verifier = CertificateVerifier(network: id, operators: fields.operators)
    let certificate = fields.certificate.withUnsafeBytes { bytes in
      Result { () throws(CertificateRefusal) in try verifier.verify(bytes, at: wallSeconds) { _ in false } }
    }
    switch certificate {
    case .success(let certificate): self.certificate = certificate
    case .failure(let refusal): throw .certificate(refusal)
    }
    let signerID = self.certificate.operatorKeyID
    let isSigned = fields.operators.contains {
      $0.id == signerID && $0.verify(fields.signature, domain: Welcome.domain, fields.signed)
    }
    guard isSigned else { throw .signature }
    guard let secret = arena.allocate(Network.secretSize) else { throw .noSecretMemory }
    let status = secret.withMutableBytes { output in
      identity.exchange.withPrivateBytes { privateKey in
        crypto_box_seal_open(
          output.octets, fields.sealed.octets, UInt64(fields.sealed.count), identity.key.exchange, privateKey.octets)
      }
    }
    guard status == 0 else { throw .unreadableSecret }
    if let peer = fields.peers.first(where: { !$0.isReachable }) { throw .badEndpoint(peer.endpoint) }
    guard let network = Network(name: fields.name, operators: fields.operators, secret: secret) else {
      throw .malformed
    }
    self.network = network
    peers = fields.peers
  }

  private static func fields(of body: UnsafeRawBufferPointer, identity: Identity) throws(WireError) -> Fields {
    var reader = Reader(body)
    let host = try reader.hostID()
    let before = [UInt8](try reader.take(ownKeys.lowerBound))
    let after = [UInt8](try reader.take(Certificate.size - ownKeys.upperBound))
    let operatorCount = Int(try reader.u8())
    guard (1...Network.operatorLimit).contains(operatorCount) else { throw .invalid }
    var operators: [OperatorKey] = []
    for _ in 0..<operatorCount {
      guard let key = OperatorKey([UInt8](try reader.take(OperatorKey.size))) else { throw .invalid }
      operators.append(key)
    }
    let name = try reader.meshName()
    guard let name else { throw .invalid }
    let sealed = try reader.take(sealedSecretSize)
    let peerCount = Int(try reader.u8())
    guard (1...peerLimit).contains(peerCount) else { throw .invalid }
    var peers: [WelcomePeer] = []
    for _ in 0..<peerCount {
      let endpoint = try reader.endpoint()
      let key = try reader.hostKey()
      peers.append(WelcomePeer(key: key, endpoint: endpoint, name: try reader.meshName()))
    }
    let signed = reader.slice(from: 0)
    let signature = try reader.signature()
    try reader.expectEnd()
    return Fields(
      host: host, certificate: before + identity.key.exchange + identity.key.signing + after, operators: operators,
      name: name, sealed: sealed, peers: peers, signed: signed, signature: signature)
  }
}

extension Reader {
  /// A length of one byte and a name; `nil` for length 0.
  fileprivate mutating func meshName() throws(WireError) -> String? {
    let bytes = try take(Int(try u8()))
    guard bytes.count > 0 else { return nil }
    guard MeshName.isValid(bytes) else { throw .invalid }
    return String(decoding: bytes, as: UTF8.self)
  }
}
