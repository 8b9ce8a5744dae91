import ArgumentParser
import Configuration
import Control
import KeyStore
import SecureChannel
import Wire

struct NetworkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "network", abstract: "Make a network.", subcommands: [NetworkCreateCommand.self])
}

struct NetworkCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a new network on this machine; who holds its operator key is the operator.",
    discussion: """
        mesh-ctl network create izlude
        mesh-ctl network create izlude --name home --passphrase-file secret.txt

      Makes the operator's key (encrypted with a passphrase), the network's secret, and keys and certificate of this
      first host, with the roles host, bridge, home and door.
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("1 to 31 characters of a-z, 0-9 and `-`.", valueName: "network"))
  var network: NameArgument

  @Option(name: .long, help: ArgumentHelp("The name of this host.", valueName: "host"))
  var name = NameArgument("home")

  @Option(
    name: .long, help: ArgumentHelp("Where other hosts reach this one, for welcome lines.", valueName: "address:port"))
  var address: EndpointArgument?

  @Option(
    name: .long,
    help: ArgumentHelp("How long this host's certificate lasts (default: by security_level).", valueName: "1-90"))
  var days: Lifetime?

  @Option(
    name: .long, help: ArgumentHelp("A file (mode 0600) whose first line is the new passphrase.", valueName: "file"))
  var passphraseFile: String?

  static let roles: Roles = [.host, .bridge, .home, .door]

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let keyring = try Keyring(console)
      let files = keyring.files
      guard !files.hasNetwork, !files.hasOperatorKey else {
        throw Fault(
          .networkExists, ["directory": files.folder.keys, "what": files.hasNetwork ? "a network" : "an operator"])
      }
      let (network, certificate) = try Passphrase.with(
        file: passphraseFile, isNew: true, command: "network create", console
      ) { passphrase throws(Fault) in try make(passphrase, keyring, console) }
      let reply = NetworkReply(
        network: network.shown, host: certificate.shown, roles: certificate.roles.words,
        certificateNotAfter: Timestamp(seconds: certificate.notAfter), operatorKey: files.folder.operatorKey,
        keys: files.folder.keys)
      console.show(reply, text: text(reply, console), plain: reply.plain, verdict: "made the network \(network.name)\n")
      return .ok
    }
  }

  /// The network file is written last: without it nothing is a member of anything.
  private func make(
    _ passphrase: UnsafeRawBufferPointer, _ keyring: Keyring, _ console: Console
  ) throws(Fault) -> (Network, Certificate) {
    let files = keyring.files
    guard let signer = OperatorSigner(arena: keyring.arena, entropy: keyring.entropy),
      let secret = Network.newSecret(arena: keyring.arena, entropy: keyring.entropy),
      let made = Network(name: network.text, operators: [signer.key], secret: secret)
    else { throw Keyring.memoryFull }
    let sealed = try Keyring.told(files.folder.operatorKey) { () throws(OperatorFileError) in
      try OperatorFile.seal(signer, passphrase: passphrase, arena: keyring.arena, entropy: keyring.entropy)
    }
    let identity = try keyring.identityOrNew()
    let request = CertificateDraft(
      key: identity.key, name: name.text, roles: NetworkCreateCommand.roles, trustClass: 0,
      lifetime: try console.certificateLifetime(days))
    let certificate = try request.certificate(of: made, by: signer, keyring, now: console.now)
    try files.saveOperatorFile(sealed)
    try files.save(address.map { [BootstrapPeer(name.text, $0.endpoint, identity.key)] } ?? [])
    try files.save(certificate)
    try files.save(made, replacing: .never)
    return (made, certificate)
  }

  private func text(_ reply: NetworkReply, _ console: Console) -> String {
    """
    made the network \(reply.network.name) with its first host \(reply.host.shown)

      \(reply.operatorKey)   the operator's key; keep a copy offline: without it nobody is admitted
      \(reply.keys)/   keys of this host, network secret, certificate (good for \
    \(Figures.coarse(reply.certificateNotAfter.seconds(since: console.now))))

    next: mesh-node          then, for each new host, mesh-ctl admit with the line that its mesh-ctl init printed

    """
  }
}
