import Control
import Glibc
import KeyStore
import SecureChannel
import Wire

/// What every command that touches keys needs: locked memory, chance, files, and the operator's signature.
struct Keyring {
  let files: KeyFiles
  let arena: SecretArena
  let entropy: SodiumEntropy

  init(_ console: Console) throws(Fault) {
    // A crash must not write keys to a core file.
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    guard let entropy = SodiumEntropy(), let arena = SecretArena() else {
      throw Fault(.cannotRead, ["file": "/dev/urandom", "reason": "no random numbers or no memory for secrets"])
    }
    self.arena = arena
    self.entropy = entropy
    files = KeyFiles(try console.setup().folder, arena: arena)
    if !arena.isLocked {
      console.say("note: keys of this command may reach the swap: the limit on locked memory is too small (ulimit -l)")
    }
  }

  /// New keys for this host, or the ones that it has.
  func identityOrNew() throws(Fault) -> Identity {
    if files.hasIdentity { return try files.identity() }
    guard let identity = Identity(arena: arena, entropy: entropy) else { throw Keyring.memoryFull }
    try files.save(identity)
    return identity
  }

  static var memoryFull: Fault {
    Fault(.cannotRead, ["file": "memory for secrets", "reason": "it is full"])
  }

  /// Not 0, as certificates demand.
  func serial() -> UInt64 { max(1, entropy.u64()) }

  /// Opens the operator's key for one call.
  func withOperator<Value>(
    _ options: OperatorOptions, of network: Network, command: String, _ console: Console,
    _ body: (OperatorSigner) throws(Fault) -> Value
  ) throws(Fault) -> Value {
    let path = options.operatorKey ?? files.folder.operatorKey
    return try files.withOperatorFile(at: options.operatorKey) { file throws(Fault) in
      // Another network's key is told before anybody types a passphrase.
      let key = try Keyring.told(path) { () throws(OperatorFileError) in try OperatorFile.publicKey(of: file) }
      guard network.operators.contains(key) else {
        throw Fault(.wrongOperator, ["file": path, "network": network.name], at: path)
      }
      return try Passphrase.with(file: options.passphraseFile, isNew: false, command: command, console) {
        passphrase throws(Fault) in
        let signer = try Keyring.told(path) { () throws(OperatorFileError) in
          try OperatorFile.open(file, passphrase: passphrase, arena: arena)
        }
        return try body(signer)
      }
    }
  }

  static func told<Value>(_ path: String, _ body: () throws(OperatorFileError) -> Value) throws(Fault) -> Value {
    do throws(OperatorFileError) {
      return try body()
    } catch {
      switch error {
      case .wrongPassphrase: throw Fault(.passphraseWrong, ["file": path], at: path)
      case .emptyPassphrase: throw Fault(.passphraseUnfit, ["reason": "is empty"])
      case .notAnOperatorKey, .damaged: throw Fault(.fileDamaged, ["file": path, "reason": error.cause], at: path)
      case .noMemory, .noSecretMemory: throw Fault(.cannotRead, ["file": path, "reason": error.cause], at: path)
      }
    }
  }

  /// A certificate of this network's operator for these keys, or why it does not hold.
  static func verify(
    _ certificate: Certificate, of network: Network, at now: Timestamp
  ) throws(CertificateRefusal) -> Certificate {
    let verifier = CertificateVerifier(network: network.id, operators: network.operators)
    let result = certificate.bytes.withUnsafeBytes { bytes in
      Result { () throws(CertificateRefusal) in try verifier.verify(bytes, at: now.seconds) { _ in false } }
    }
    return try result.get()
  }
}

extension Network {
  var shown: NetworkName { NetworkName(name: name, id: id.description) }
}

extension Roles {
  /// In the order of their bits.
  var words: [String] { Roles.names.filter { contains($0.role) }.map(\.name) }
}
