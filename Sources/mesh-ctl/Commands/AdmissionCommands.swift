import ArgumentParser
import Configuration
import Control
import KeyStore
import SecureChannel
import Wire

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "A new host: make its keys and print its request line for the operator.",
    discussion: """
        mesh-ctl init --name prt-2

      The same command again prints the same line. Nothing in it is secret.
      """)

  @OptionGroup var global: GlobalOptions

  @Option(
    name: .long, help: ArgumentHelp("The name of this host: 1 to 31 characters of a-z, 0-9 and `-`.", valueName: "host")
  )
  var name: NameArgument

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let identity = try Keyring(console).identityOrNew()
      let line = try Keyring.told(.requestDamaged) { () throws(AdmissionError) in
        try AdmissionRequest.line(for: identity, name: name.text)
      }
      let reply = InitReply(
        host: HostName(id: identity.hostID.description, name: name.text), key: identity.key.description, request: line)
      console.say(
        """
        This host is \(name.text), host id \(identity.hostID). Give this line to the operator, who answers with the
        welcome line of mesh-ctl admit; then, here:  mesh-ctl accept LINE
        """)
      console.show(reply, text: line + "\n", plain: line + "\n", verdict: line + "\n")
      return .ok
    }
  }
}

struct AdmitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "admit", abstract: "The operator lets hosts in: prints a welcome line for each request line.",
    discussion: """
        mesh-ctl admit mesh-request1...
        mesh-ctl admit LINE --class 2 --roles host,door --contributor 2000113 --days 30

      Needs the operator's key. The welcome line names up to three hosts that the new one can reach; they come from
      this machine's node, or else from --peer and the bootstrap list.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var operatorOptions: OperatorOptions

  @Argument(help: ArgumentHelp("Request lines, as `mesh-ctl init` prints them.", valueName: "line"))
  var lines: [String]

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("Trust class: 0 operator's machine, 1 vetted, 2 volunteer.", valueName: "0-2"))
  var trustClass: UInt8 = 1

  @Option(name: .long, help: ArgumentHelp("Roles: host, bridge, observer, home, door.", valueName: "list"))
  var roles = RoleList([.host, .door])

  @Option(
    name: .long,
    help: ArgumentHelp("Account of the person whose machine it is; 0 is the operator.", valueName: "account"))
  var contributor: UInt32 = 0

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The only addresses it may use: 192.0.2.7, 192.0.2.7:7000 or 192.0.2.0/24; up to 4.", valueName: "address"))
  var address: [AddressRange] = []

  @Option(name: .long, help: ArgumentHelp("The most that it counts in placement; 0 = no cap.", valueName: "0-64"))
  var weightCap: UInt16 = 0

  @Option(
    name: .long, help: ArgumentHelp("How long its certificate lasts (default: by security_level).", valueName: "1-90"))
  var days: Lifetime?

  @Option(
    name: .long,
    help: ArgumentHelp("Where new hosts find this one, instead of what its node says.", valueName: "address:port"))
  var peer: EndpointArgument?

  func validate() throws {
    guard trustClass <= Certificate.trustClassLimit else { throw ValidationError("--class is 0, 1 or 2.") }
    guard weightCap <= Certificate.capacityLimit else { throw ValidationError("--weight-cap is 0 to 64.") }
    guard address.count <= Certificate.addressLimit else { throw ValidationError("at most 4 --address.") }
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let keyring = try Keyring(console)
      let network = try keyring.files.network()
      // Everything that can be wrong with the lines is told before a passphrase is typed.
      var requests: [AdmissionRequest] = []
      for line in lines {
        requests.append(
          try Keyring.told(.requestDamaged) { () throws(AdmissionError) in try AdmissionRequest(line: line) })
      }
      warnOfTakenNames(requests, console)
      let peers = try WelcomePeers(console, keyring, given: peer?.endpoint).choose()
      let lifetime = try console.certificateLifetime(days)
      let welcomes = try keyring.withOperator(operatorOptions, of: network, command: "admit", console) {
        signer throws(Fault) in
        var welcomes: [AdmitReply.Welcome] = []
        for request in requests {
          let certificate = try draft(request, lifetime)
            .certificate(of: network, by: signer, keyring, now: console.now)
          let welcome = try Keyring.told(.welcomeDamaged) { () throws(AdmissionError) in
            try Welcome.line(certificate: certificate, network: network, peers: peers, signer: signer)
          }
          welcomes.append(
            AdmitReply.Welcome(
              host: certificate.shown, roles: certificate.roles.words, trustClass: Int(trustClass),
              contributor: contributor, certificateNotAfter: Timestamp(seconds: certificate.notAfter),
              welcome: welcome.line))
        }
        return welcomes
      }
      let reply = AdmitReply(network: network.shown, welcomes: welcomes)
      for welcome in welcomes {
        let time = Figures.coarse(welcome.certificateNotAfter.seconds(since: console.now))
        console.say(
          "\(welcome.host.shown) (\(welcome.host.id)) may join \(network.name) for \(time); there:  mesh-ctl accept LINE"
        )
      }
      let text = welcomes.map { $0.welcome + "\n" }.joined()
      console.show(reply, text: text, plain: text, verdict: text)
      return .ok
    }
  }

  /// Names are for people; two hosts of one name are legal and confusing.
  private func warnOfTakenNames(_ requests: [AdmissionRequest], _ console: Console) {
    guard let client = try? console.connect(), let reply: MembersReply = try? client.ask(.members) else { return }
    for request in requests {
      let id = request.key.hostID.description
      let taken = reply.members.first { $0.name == request.name && $0.id != id && $0.state.isThere }
      guard let taken else { continue }
      console.say("note: another host is called \(request.name) already: \(taken.id) (\(taken.state.rawValue))")
    }
  }

  private func draft(_ request: AdmissionRequest, _ lifetime: UInt64) -> CertificateDraft {
    var draft = CertificateDraft(
      key: request.key, name: request.name, roles: roles.roles, trustClass: trustClass, lifetime: lifetime)
    draft.capacity = weightCap
    draft.contributor = contributor
    draft.addresses = address.map(\.address)
    return draft
  }
}

struct AcceptCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept", abstract: "The new host takes the operator's welcome line and is a member.",
    discussion: """
        mesh-ctl accept mesh-welcome1...

      Afterwards: mesh-node. A later welcome line of the same network replaces the certificate.
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("The welcome line that `mesh-ctl admit` printed.", valueName: "line"))
  var line: String

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let keyring = try Keyring(console)
      let files = keyring.files
      let identity = try files.identity()
      let current = files.hasNetwork ? try files.network() : nil
      let welcome: Welcome
      do throws(AdmissionError) {
        welcome = try Welcome(
          line: line, identity: identity, current: current?.id, at: console.now.seconds, arena: keyring.arena)
      } catch {
        throw fault(error, identity, current)
      }
      // The network file comes last: until then this host is what it was before.
      try files.save(welcome.peers.map { BootstrapPeer($0.name, $0.endpoint, $0.key) })
      try files.save(welcome.certificate)
      try files.save(welcome.network, replacing: .always)
      let end = Timestamp(seconds: welcome.certificate.notAfter)
      let reply = AcceptReply(
        network: welcome.network.shown, host: welcome.certificate.shown, roles: welcome.certificate.roles.words,
        certificateNotAfter: end, peers: welcome.peers.map { "\($0.name ?? $0.key.hostID.description) \($0.endpoint)" })
      let verdict =
        "\(welcome.certificate.name) belongs to \(welcome.network.name) as \(reply.roles.joined(separator: ", ")), "
        + "for \(Figures.coarse(end.seconds(since: console.now)))\n"
      console.show(
        reply, text: verdict + "next: mesh-node          then: mesh-ctl status\n", plain: verdict, verdict: verdict)
      return .ok
    }
  }

  private func fault(_ error: AdmissionError, _ identity: Identity, _ current: Network?) -> Fault {
    switch error {
    case .otherHost(let host):
      Fault(.welcomeForAnother, ["theirs": "host \(host)", "ours": "host \(identity.hostID)"])
    case .otherNetwork(let name):
      Fault(.otherNetworkHere, ["ours": current?.name ?? "?", "theirs": name], notes: ["Nothing was changed."])
    default: Fault(.welcomeDamaged, ["reason": error.cause], notes: ["Nothing was changed."])
    }
  }
}

struct KeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "This host's public key, as a bootstrap line has it.", discussion: "  mesh-ctl key")

  @OptionGroup var global: GlobalOptions

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let keyring = try Keyring(console)
      let identity = try keyring.files.identity()
      let name = keyring.files.hasNetwork ? try keyring.files.certificate().name : nil
      let reply = KeyReply(
        host: HostName(id: identity.hostID.description, name: name), key: identity.key.description)
      console.show(reply, text: reply.key + "\n", plain: reply.key + "\n", verdict: reply.key + "\n")
      return .ok
    }
  }
}

extension MemberState {
  fileprivate var isThere: Bool { self != .left && self != .revoked }
}

extension Keyring {
  static func told<Value>(_ code: ErrorCode, _ body: () throws(AdmissionError) -> Value) throws(Fault) -> Value {
    do throws(AdmissionError) {
      return try body()
    } catch {
      throw Fault(code, ["reason": error.cause])
    }
  }
}
