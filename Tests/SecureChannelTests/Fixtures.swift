import Foundation
import SecureChannel
import Testing
import Wire

/// Public test vectors, which stand beside the package and are not part of it.
enum SharedData {
  static let folder = URL(filePath: #filePath).appending(path: "../../../../shared/data").standardizedFileURL
  static let isThere = FileManager.default.fileExists(atPath: folder.path())
  static let absence: Comment = "skipped: ../shared/data is not there"

  static func decode<Content: Decodable>(_ type: Content.Type, from name: String) throws -> Content {
    try JSONDecoder().decode(type, from: Data(contentsOf: folder.appending(path: "vectors").appending(path: name)))
  }
}

/// Repeatable "secrets" for tests.
final class SeededEntropy: Entropy {
  private var chance: Chance
  init(_ seed: UInt64) { chance = Chance(seed: seed) }

  func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: chance.next() >> 32) }
  }
}

func octets(_ hexadecimal: String) -> [UInt8] {
  var bytes: [UInt8] = []
  var high: UInt8?
  for character in hexadecimal {
    guard let digit = character.hexDigitValue.map(UInt8.init) else { preconditionFailure("not hexadecimal") }
    if let first = high {
      bytes.append(first << 4 | digit)
      high = nil
    } else {
      high = digit
    }
  }
  return bytes
}

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

extension Secret {
  var octets: [UInt8] { withBytes { Array($0) } }
}

extension SecretArena {
  func store(_ bytes: [UInt8]) -> Secret { bytes.withUnsafeBytes { store($0)! } }
}

extension Signature {
  var octets: [UInt8] { withBytes { Array($0) } }

  init(octets: [UInt8]) {
    self.init { $0.copyBytes(from: octets) }
  }
}

/// What `body` writes.
func written(_ maximum: Int = 4_096, _ body: (inout Writer) -> Void) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: maximum)
  let count = bytes.withUnsafeMutableBytes { buffer in
    var writer = Writer(buffer)
    body(&writer)
    precondition(!writer.overflowed)
    return writer.count
  }
  return Array(bytes[..<count])
}

/// A small network with one operator, all from one seed.
struct TestNetwork {
  static let now: UInt64 = 1_800_000_000

  let arena = SecretArena()!
  let entropy: SeededEntropy
  let signer: OperatorSigner
  let network: Network

  init(seed: UInt64, name: String = "prontera") {
    entropy = SeededEntropy(seed)
    signer = OperatorSigner(arena: arena, entropy: entropy)!
    network = Network(
      name: name, operators: [signer.key], secret: Network.newSecret(arena: arena, entropy: entropy)!)!
  }

  func identity() -> Identity { Identity(arena: arena, entropy: entropy)! }

  func request(for identity: Identity, name: String = "prt-1") -> CertificateRequest {
    CertificateRequest(
      network: network.id, serial: entropy.u64() | 1, notBefore: TestNetwork.now - 60,
      notAfter: TestNetwork.now + 30 * 86_400, roles: [.host, .door], trustClass: 1,
      ringSeed: (0..<16).map { _ in UInt8(truncatingIfNeeded: entropy.u64()) }, key: identity.key, name: name)
  }

  func certificate(for identity: Identity, name: String = "prt-1") throws -> Certificate {
    try request(for: identity, name: name).signed(by: signer)
  }
}

/// A setting of a test run, from the environment.
func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }
