import ArgumentParser
import Control
import KeyStore
import SecureChannel
import Wire
import WorldData

struct WorldSignCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign", abstract: "Sign a world with the operator's key.",
    discussion: """
        mesh-ctl world sign izlude-4.world
        mesh-ctl world sign izlude-4.world --days 30 --activate-at 2027-01-31T04:00:00Z

      Hosts download a signed world at once and make it the active one when its time has come. A file that is signed
      already becomes the next version: that is how a world is prolonged, and how one goes back to an older one.
      """)

  /// Long enough not to be a chore, short enough that a mesh that is kept from news does not stay behind for years.
  static let standardDays: UInt64 = 90
  private static let longestDays: UInt64 = 3_650

  @OptionGroup var global: GlobalOptions
  @OptionGroup var operatorOptions: OperatorOptions

  @Argument(help: ArgumentHelp("A file that `world build` wrote.", valueName: "file"))
  var file: String

  @Option(name: .long, help: ArgumentHelp("How long it can be made active.", valueName: "1-3650"))
  var days: UInt64 = WorldSignCommand.standardDays

  @Option(name: .long, help: ArgumentHelp("When hosts make it active (default: at once).", valueName: "time"))
  var activateAt: Moment?

  @Option(
    name: .long, help: ArgumentHelp("The version to sign it as (default: as it is, or the next one).", valueName: "n"))
  var number: UInt64?

  @Option(name: [.short, .long], help: ArgumentHelp("Where to (default: the same file).", valueName: "file"))
  var output: String?

  func validate() throws {
    guard (1...WorldSignCommand.longestDays).contains(days) else { throw ValidationError("--days is 1 to 3650.") }
    guard number != 0 else { throw ValidationError("--number begins with 1.") }
    if case .ago = activateAt { throw ValidationError("--activate-at is a time such as 2027-01-31T04:00:00Z.") }
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let keyring = try Keyring(console)
      let network = try keyring.files.network()
      let unsigned = try WorldFile(file)
      guard unsigned.world.network == network.id else {
        throw Fault(
          .worldFile,
          ["file": file, "reason": "it is of the network \(unsigned.world.network), here is \(network.name)"], at: file)
      }
      var world = unsigned.world
      let wasSigned = unsigned.bundle.document.isSigned
      world.version = number ?? (wasSigned ? world.version &+ 1 : world.version)
      world.notBefore = activateAt?.timestamp(now: console.now).seconds ?? console.now.seconds
      world.expiry = world.notBefore + days * 86_400
      let document = try keyring.withOperator(operatorOptions, of: network, command: "world sign", console) {
        signer throws(Fault) in
        do throws(World.Flaw) {
          return try signer.sign(world)
        } catch {
          throw Fault(.worldInput, ["reason": error.cause])
        }
      }
      guard let bundle = WorldBundle(document, objects: unsigned.bundle.objects) else {
        preconditionFailure("the maps are the same")
      }
      let path = output ?? file
      let bytes = bundle.bytes
      try WorldFile.write(bytes, to: path)
      if wasSigned {
        console.say("note: it was signed as version \(unsigned.world.version); it is version \(world.version) now")
      }
      console.say("next: mesh-ctl world publish \(path)")
      let sentence =
        "version \(world.version) signed; active from \(Timestamp(seconds: world.notBefore)), until "
        + "\(Timestamp(seconds: world.expiry))\n"
      console.show(
        WorldFile(bundle, path: path, size: bytes.count).reply(isSigned: true), text: sentence + path + "\n",
        plain: "\(world.version)\t\(path)\n", verdict: path + "\n")
      return .ok
    }
  }
}

struct WorldVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a world file: cells, signature, time, and the rAthena tree of this machine.",
    discussion: """
        mesh-ctl world verify izlude-4.world
        mesh-ctl world verify izlude-4.world --rathena /srv/rathena

      Needs no node. Exit code 4 when a check fails, 65 when the file is damaged.
      """)

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("A world file.", valueName: "file"))
  var file: String

  @Option(name: .long, help: ArgumentHelp("Compare this tree with that of the world.", valueName: "folder"))
  var rathena: String?

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let network = try Keyring(console).files.network()
      let world = try WorldFile(file)
      let document = world.bundle.document
      guard document.world.network == network.id else {
        throw Fault(
          .worldFile,
          ["file": file, "reason": "it is of the network \(document.world.network), here is \(network.name)"], at: file)
      }
      guard document.isValid(network.worldVerification) else {
        throw Fault(
          .worldUntrusted, ["version": "\(document.world.version)", "network": network.name], at: file)
      }
      if let rathena { try compareTree(rathena, document.world) }
      var text = "version \(document.world.version) of \(network.name): the cells of "
      text += "\(Plural.of(document.world.maps.count, "map")) are whole, the operator's signature is right"
      var code = ExitCode.ok
      switch document.world.term(at: console.now.seconds) {
      case .notYet: text += "; it begins on \(Timestamp(seconds: document.world.notBefore))"
      case .valid: break
      case .ending(let seconds):
        text += "; it ends in \(Figures.coarse(Double(seconds)))"
        code = .degraded
      case .expired:
        text += "; it has ended on \(Timestamp(seconds: document.world.expiry)): sign it again"
        code = .unhealthy
      }
      if rathena != nil { text += "; the rAthena tree is the same" }
      console.show(world.reply(isSigned: true), text: text + "\n", plain: text + "\n", verdict: text + "\n")
      return code
    }
  }

  private func compareTree(_ root: String, _ world: World) throws(Fault) {
    guard let wanted = world.tree else {
      throw Fault(.worldTree, ["reason": "the world was built without --rathena and names no tree"], at: file)
    }
    let differences = try WorldInputs.tree(root).differences(from: wanted.listing, limit: 10)
    guard let first = differences.first else { return }
    throw Fault(
      .worldTree, ["reason": first.sentence], at: "\(root)/\(first.path)", evidence: differences.map(\.sentence))
  }
}
