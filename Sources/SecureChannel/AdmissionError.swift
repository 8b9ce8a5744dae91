package import Wire

/// Why a pasted line is of no use.
package enum AdmissionError: Error, Hashable, Sendable {
  case empty
  /// Something else was pasted.
  case notAPaste(wanted: String)
  /// A welcome where a request belongs, or the other way round.
  case otherKind(wanted: String, found: String)
  case otherVersion
  case strangeCharacter(UInt8)
  /// The end is missing.
  case cut
  /// There is more than one line's worth.
  case tooLong
  /// The checksum is wrong: characters were changed or lost in the middle.
  case damaged
  /// The checksum is right but the content is not: made by a faulty or hostile program.
  case malformed
  /// The request's signature does not prove the signing key, or a key is unfit.
  case unproven
  /// The welcome is for another machine's keys.
  case otherHost(HostID)
  /// This machine belongs to another network already.
  case otherNetwork(String)
  case certificate(CertificateRefusal)
  /// The operator's signature over the welcome is wrong.
  case signature
  /// The network secret in it is not sealed to this machine's key.
  case unreadableSecret
  case badName
  case noPeers
  /// A peer's address cannot be sent to (unspecified, multicast, port 0).
  case badEndpoint(Endpoint)
  case noSecretMemory

  /// One sentence for people, without a full stop.
  package var cause: String {
    switch self {
    case .empty: "nothing was pasted"
    case .notAPaste(let wanted): "this is not a \(wanted) line: it does not begin with that word"
    case .otherKind(let wanted, let found): "this is a \(found) line where a \(wanted) line belongs"
    case .otherVersion: "this line was made by another version of the program"
    case .strangeCharacter(let character):
      if (0x21...0x7e).contains(character) {
        "the line holds a character that does not belong there: '\(Unicode.Scalar(character))'"
      } else {
        "the line holds a character that does not belong there: byte \(character)"
      }
    case .cut: "the end of the line is missing: copy it whole"
    case .tooLong: "there is more than one line: paste one only"
    case .damaged: "characters of the line were changed or lost: copy it again"
    case .malformed: "the line is complete, but its content makes no sense"
    case .unproven: "the line does not prove that its sender holds the keys in it"
    case .otherHost(let host): "this welcome is for the machine \(host), not for this one"
    case .otherNetwork(let name): "this welcome is for another network, \(name)"
    case .certificate(let refusal): "the certificate in it is not good: \(refusal.cause)"
    case .signature: "the operator's signature is wrong"
    case .unreadableSecret: "the network secret in it is sealed to another key"
    case .badName: "a name has 1 to 31 of a-z, 0-9 and hyphen"
    case .noPeers: "a welcome names 1 to 3 peers"
    case .badEndpoint(let endpoint): "nobody can be reached at \(endpoint)"
    case .noSecretMemory: "the memory for secrets is full"
    }
  }
}

extension CertificateRefusal {
  /// For people, as the rest of a sentence.
  package var cause: String {
    switch self {
    case .length: "it does not have 320 bytes"
    case .magic: "it is not a certificate of this version"
    case .padding: "unused bytes are not zero"
    case .serial: "it has no serial number"
    case .lifetime: "its lifetime is not between 1 second and 90 days"
    case .roles: "its roles are unknown"
    case .trustClass: "its trust class is unknown"
    case .capacity: "its weight cap is above 64"
    case .name: "its name is not 1 to 31 of a-z, 0-9 and hyphen"
    case .address: "an address in it is not valid"
    case .otherNetwork: "it is for another network"
    case .unknownOperator: "its signer is not an operator of this network"
    case .notYetValid: "it is not valid yet; the clock may be more than 120 s off"
    case .expired: "it has expired, or the clock is more than 120 s off"
    case .revoked: "the operator has revoked it"
    case .weakKey: "a key in it is unfit"
    case .signature: "the operator's signature on it is wrong"
    }
  }
}
