package import Configuration
package import Control
package import SecureChannel

/// The keys and papers of one host on disk, read with every check and written whole.
///
/// Reading a file that is missing tells the command that makes it.
package struct KeyFiles {
  package let folder: NodeFolder
  package let arena: SecretArena

  /// A bootstrap list has at most so many bytes: 64 peers of 160.
  package static let bootstrapLimit = 10 << 10

  package init(_ folder: NodeFolder, arena: SecretArena) {
    self.folder = folder
    self.arena = arena
  }

  // MARK: identity

  package var hasIdentity: Bool { PrivateFile.exists(folder.identity) }

  package func identity() throws(Fault) -> Identity {
    let identity = try PrivateFile.read(folder.identity, limit: Identity.fileSize) { bytes throws(Fault) in
      guard let identity = Identity(file: bytes, arena: arena) else {
        throw damaged(folder.identity, "a host key file")
      }
      return identity
    }
    guard let identity else { throw Fault(.noIdentity, ["directory": folder.keys]) }
    return identity
  }

  /// New keys never replace old ones.
  package func save(_ identity: Identity) throws(Fault) {
    try PrivateFile.makeFolder(folder.keys)
    try save(folder.identity, .never) { body in identity.withFile(body) }
  }

  // MARK: network

  package var hasNetwork: Bool { PrivateFile.exists(folder.network) }

  package func network() throws(Fault) -> Network {
    let network = try PrivateFile.read(folder.network, limit: Network.fileSizeLimit) { bytes throws(Fault) in
      guard let network = Network(file: bytes, arena: arena) else { throw damaged(folder.network, "a network file") }
      return network
    }
    guard let network else { throw Fault(.noNetwork, ["directory": folder.keys]) }
    return network
  }

  package func save(_ network: Network, replacing: PrivateFile.Replacing) throws(Fault) {
    try save(folder.network, replacing) { body in network.withFile(body) }
  }

  // MARK: certificate

  /// The certificate as it lies there: its layout is right, its signature and its time are the reader's to check.
  package func certificate() throws(Fault) -> Certificate {
    let certificate = try PrivateFile.read(folder.certificate, limit: Certificate.size) { bytes throws(Fault) in
      do throws(CertificateRefusal) {
        return try Certificate(bytes)
      } catch {
        throw Fault(.fileDamaged, ["file": folder.certificate, "reason": "\(error)"], at: folder.certificate)
      }
    }
    guard let certificate else { throw Fault(.noNetwork, ["directory": folder.keys]) }
    return certificate
  }

  /// Also how a node keeps a renewed certificate.
  package func save(_ certificate: Certificate) throws(Fault) {
    try save(folder.certificate, .always) { body in certificate.bytes.withUnsafeBytes(body) }
  }

  // MARK: operator

  package var hasOperatorKey: Bool { PrivateFile.exists(folder.operatorKey) }

  /// The encrypted key file of the operator, lent for the call. `path` when it was moved elsewhere.
  package func withOperatorFile<Value>(
    at path: String? = nil, _ body: (UnsafeRawBufferPointer) throws(Fault) -> Value
  ) throws(Fault) -> Value {
    let path = path ?? folder.operatorKey
    guard let value = try PrivateFile.read(path, limit: OperatorFile.size, body) else {
      throw Fault(.noOperatorKey, ["directory": path])
    }
    return value
  }

  package func saveOperatorFile(_ content: [UInt8]) throws(Fault) {
    try save(folder.operatorKey, .never) { body in content.withUnsafeBytes(body) }
  }

  // MARK: bootstrap

  /// The peers of the welcome line; none when there is no list.
  package func bootstrapPeers() throws(Fault) -> [BootstrapPeer] {
    let path = folder.bootstrap
    let content = try PrivateFile.read(path, limit: KeyFiles.bootstrapLimit) { bytes in [UInt8](bytes) }
    let (peers, messages) = BootstrapList.read(content ?? [], name: path)
    guard let error = messages.errors.first else { return peers }
    throw Fault(
      .bootstrapLine, ["line": error.place.map { "\($0.line)" } ?? "?", "file": path, "reason": error.text],
      at: error.place?.description)
  }

  package func save(_ peers: [BootstrapPeer]) throws(Fault) {
    let lines = ["# name address:port public-key"] + peers.map(BootstrapList.line)
    let text = lines.map { $0 + "\n" }.joined()
    try save(folder.bootstrap, .always) { body in Array(text.utf8).withUnsafeBytes(body) }
  }

  // MARK: -

  private func save(
    _ path: String, _ replacing: PrivateFile.Replacing,
    content: ((UnsafeRawBufferPointer) -> Result<Void, Fault>) -> Result<Void, Fault>
  ) throws(Fault) {
    try content { bytes in
      Result { () throws(Fault) in try PrivateFile.write(path, bytes, replacing: replacing) }
    }.get()
  }

  private func damaged(_ path: String, _ what: String) -> Fault {
    Fault(.fileDamaged, ["file": path, "reason": "this is not \(what), or it was cut or altered"], at: path)
  }
}
