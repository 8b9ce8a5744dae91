import ArgumentParser
import Control
import KeyStore
import SecureChannel
import Wire

struct RevokeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Expel a host for ever: its keys are refused everywhere within seconds.",
    discussion: """
        mesh-ctl revoke prt-2 --reason key-stolen
        mesh-ctl revoke prt-2 --reason "contributor has left" --confirm prt-2 --passphrase-file secret.txt

      Final for these keys: to come back the host needs new ones (`mesh-ctl init`) and a new welcome. Needs the
      operator's key and this machine's node, which spreads the word.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var operatorOptions: OperatorOptions

  @Argument(help: ArgumentHelp("Name, host id or public key of the host.", valueName: "host"))
  var host: String

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Why, for the audit log; key-stolen, misbehaviour and retired also travel with the revocation.", valueName: "text"
    ))
  var reason: String

  @Option(name: .long, help: ArgumentHelp("The host's name once more, where nobody can be asked.", valueName: "name"))
  var confirm: String?

  func validate() throws {
    guard !reason.isEmpty, reason.count <= ControlRequest.reasonLimit else {
      throw ValidationError("--reason has 1 to \(ControlRequest.reasonLimit) characters.")
    }
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let keyring = try Keyring(console)
      let network = try keyring.files.network()
      let client = try console.connect()
      let (key, name) = try resolve(client)
      try askOrCheck(name, console)
      let revocation = try keyring.withOperator(operatorOptions, of: network, command: "revoke", console) { signer in
        Revocation(of: key, in: network.id, reason: reasonCode, issued: console.now.seconds, by: signer)
      }
      let request = ControlRequest.revoke(revocation: revocation.bytes, reason: reason)
      // The connection may have been closed while the passphrase was typed.
      let reply: RevokeReply = try console.connect().ask(request)
      let sentence =
        reply.state == .adopted
        ? "\(name) is revoked; every host that is reachable refuses it from now on"
        : "\(name) was revoked already"
      console.show(reply, text: sentence + "\n", plain: sentence + "\n", verdict: sentence + "\n")
      return .ok
    }
  }

  private var reasonCode: RevocationReason {
    let known: [RevocationReason] = [.keyStolen, .misbehaviour, .retired]
    return known.first { $0.description == reason } ?? .unspecified
  }

  /// The node knows the certificates; a host that it has never met can be named by its key.
  private func resolve(_ client: ControlClient) throws(Fault) -> (HostKey, name: String) {
    if let key = HostKey(host) { return (key, key.hostID.description) }
    let reply: CertificatesReply = try client.ask(.certificates(of: [host]))
    let found = reply.certificates.compactMap { $0.parsed }
    guard let certificate = found.first else { throw Fault(.hostUnknown, ["name": host.printable(limit: 40)]) }
    guard found.count == 1 else {
      throw Fault(
        .hostUnknown, ["name": host.printable(limit: 40)],
        evidence: found.map { "\($0.hostID) is called `\($0.name)`" }, notes: ["Several hosts have it; give the id."])
    }
    return (certificate.key, certificate.name)
  }

  private func askOrCheck(_ name: String, _ console: Console) throws(Fault) {
    let answer: String
    if let confirm {
      answer = confirm
    } else {
      let question = "This cannot be taken back: \(name) is expelled for ever. Type  \(name)  to go on: "
      answer = try console.ask(question, orGive: "--confirm \(name)", command: "revoke")
    }
    guard answer == name else { throw Fault(.confirmationWrong, ["expected": name]) }
  }
}

extension CertificatesReply.Entry {
  var parsed: Certificate? {
    certificateBytes.flatMap { bytes in bytes.withUnsafeBytes { try? Certificate($0) } }
  }
}

extension Revocation {
  /// As it travels.
  var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Revocation.size)
    bytes.withUnsafeMutableBytes { buffer in
      var writer = Writer(buffer)
      write(to: &writer)
    }
    return bytes
  }
}
