import ArgumentParser
import Control
import Glibc

struct StateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "state", abstract: "The replicated state of a shard: read, write, list, watch, go back.",
    discussion: """
        mesh-ctl state put prontera greeting hello
        mesh-ctl state get prontera greeting
        mesh-ctl state list prontera

      The first argument is a shard, or a map of it. Only the node of the shard's owner answers (`mesh-ctl map NAME` \
      names it); `state watch` also works where a copy is.
      """,
    subcommands: [
      StateGetCommand.self, StatePutCommand.self, StateDeleteCommand.self, StateListCommand.self,
      StateWatchCommand.self, StateHistoryCommand.self, StateRestoreCommand.self,
    ])
}

/// What keys and values look like.
struct StateForm: ParsableArguments {
  @Flag(name: .long, help: "Keys, and values in arguments, are hexadecimal digits, and are shown so.")
  var hex = false

  func bytes(_ argument: String, _ name: String) throws(Fault) -> [UInt8] {
    guard hex else { return Array(argument.utf8) }
    guard let bytes = Hexadecimal.bytes(argument) else {
      throw Fault(
        .badOption,
        ["option": "--hex", "reason": "\(name) is not an even number of hexadecimal digits", "command": "state"])
    }
    return bytes
  }

  /// Bytes that are no text are shown as `0x00ff`.
  func shown(_ bytes: StateBytes) -> String {
    if hex { return Hexadecimal.text(bytes.bytes ?? []) }
    return bytes.text?.printable() ?? "0x" + Hexadecimal.text(bytes.bytes ?? [])
  }

  /// What to write after an option so that it means this key.
  func argument(_ key: StateBytes) -> String {
    guard !hex, let text = key.text, text.printable() == text, !text.contains("'") else {
      return (hex ? "" : "--hex ") + "--after " + Hexadecimal.text(key.bytes ?? [])
    }
    return "--after '\(text)'"
  }
}

private enum Hexadecimal {
  static func bytes(_ text: String) -> [UInt8]? {
    let digits = text.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
    guard digits.count.isMultiple(of: 2), digits.allSatisfy({ $0 != nil }) else { return nil }
    let values = digits.compactMap(\.self)
    return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
  }

  static func text(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

struct StateGetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "The value of a key. Exit code 1 when there is no such key.",
    discussion: """
        mesh-ctl state get prontera greeting
        mesh-ctl state get prontera greeting --json    with its sequence
        mesh-ctl state get prontera picture --raw > picture.png
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var form: StateForm

  @Argument(help: "A shard, or a map of it.")
  var shard: String

  @Argument(help: "The key.")
  var key: String

  @Flag(name: .long, help: "Print exactly the bytes of the value, and nothing else.")
  var raw = false

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let request = ShardRequest.get(shard: shard, key: try form.bytes(key, "the key"))
      let reply: StateReply = try console.connect().ask(.shards(request))
      let value = reply.value.map { form.shown($0) + "\n" } ?? ""
      if raw, !console.options.json {
        try console.printBytes(reply.value?.bytes ?? [])
      } else {
        console.show(
          reply, text: value,
          plain: [form.shown(reply.key), reply.value.map(form.shown) ?? "-", "\(reply.sequence)"]
            .joined(separator: "\t") + "\n",
          verdict: value, ends: false)
      }
      if reply.value == nil {
        console.say("there is no key \(form.shown(reply.key)) in \(reply.shard.printable(limit: 31))")
      }
      return reply.value == nil ? .failed : .ok
    }
  }
}

/// How a write is to be made.
struct StateWriteOptions: ParsableArguments {
  @Option(
    name: .customLong("class"),
    help: ArgumentHelp(
      "Acknowledged when it is durable at all in-sync copies, when all have it, or at once.",
      valueName: "critical|normal|volatile"))
  var durability: StateWrite.Durability = .critical

  @Option(
    name: .long,
    help: ArgumentHelp("Only while the key has this sequence (0: only while there is none).", valueName: "sequence"))
  var expect: UInt64?

  @Option(
    name: .long,
    help: ArgumentHelp("A number that names this writer: a repeated write of it is applied once.", valueName: "number"))
  var client: UInt64 = 0

  @Option(
    name: .long, help: ArgumentHelp("With --client: rises with each of its writes.", valueName: "number"))
  var clientSequence: UInt64 = 0

  func validate() throws {
    guard (client == 0) == (clientSequence == 0) else {
      throw ValidationError("--client and --client-sequence go together; both begin with 1.")
    }
  }
}

extension StateWrite.Durability: ExpressibleByArgument {}

struct StatePutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Write a key; ends when the write is acknowledged.",
    discussion: """
        mesh-ctl state put prontera greeting hello
        mesh-ctl state put prontera greeting hello --expect 0    only when new
        mesh-ctl state put prontera picture < picture.png
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var form: StateForm
  @OptionGroup var write: StateWriteOptions

  @Argument(help: "A shard, or a map of it.")
  var shard: String

  @Argument(help: "The key, at most 256 bytes.")
  var key: String

  @Argument(help: "The value, at most 128 KiB (default: standard input).")
  var value: String?

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let key = try form.bytes(key, "the key")
      let bytes = if let value { try form.bytes(value, "the value") } else { try standardInput() }
      try console.write(StateWrite(shard: shard, key: key, value: bytes, write), "written")
      return .ok
    }
  }

  /// One byte more than may be is enough to know that it is too much.
  private static let valueLimit = 128 << 10

  private func standardInput() throws(Fault) -> [UInt8] {
    guard isatty(STDIN_FILENO) == 0 else {
      throw Fault(
        .badOption,
        ["option": "VALUE", "reason": "is missing, and standard input is a terminal", "command": "state put"])
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while bytes.count <= StatePutCommand.valueLimit {
      let count = read(STDIN_FILENO, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw Fault(.cannotRead, ["file": "standard input", "reason": String(cString: strerror(errno))])
      }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
    }
    throw Fault(.stateTooLarge, ["shard": shard.printable(limit: 31)])
  }
}

struct StateDeleteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Remove a key; ends when that is acknowledged.",
    discussion: """
        mesh-ctl state delete prontera greeting
        mesh-ctl state delete prontera greeting --expect 17
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var form: StateForm
  @OptionGroup var write: StateWriteOptions

  @Argument(help: "A shard, or a map of it.")
  var shard: String

  @Argument(help: "The key.")
  var key: String

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let key = try form.bytes(key, "the key")
      try console.write(StateWrite(shard: shard, key: key, value: nil, write), "deleted")
      return .ok
    }
  }
}

extension StateWrite {
  fileprivate init(shard: String, key: [UInt8], value: [UInt8]?, _ options: StateWriteOptions) {
    self.init(
      shard: shard, key: key, value: value, durability: options.durability, expected: options.expect,
      client: options.client, clientSequence: options.clientSequence)
  }
}

extension Console {
  fileprivate func write(_ write: StateWrite, _ word: String) throws(Fault) {
    let reply: StateWriteReply = try connect().ask(.shards(.write(write)))
    // What is volatile stands in no log.
    let place =
      reply.sequence == 0
      ? "in epoch \(reply.epoch), not in the log" : "sequence \(reply.sequence) in epoch \(reply.epoch)"
    let sentence = "\(word): \(place)\n"
    show(reply, text: sentence, plain: reply.plain, verdict: sentence)
  }

  fileprivate func printBytes(_ bytes: [UInt8]) throws(Fault) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      // Half a value must not pass for a whole one.
      guard count > 0 else {
        throw Fault(.cannotWrite, ["file": "standard output", "reason": String(cString: strerror(errno))])
      }
      rest = rest.dropFirst(count)
    }
  }
}

struct StateListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Keys in their order, with sequence and size.",
    discussion: """
        mesh-ctl state list prontera
        mesh-ctl state list prontera --prefix char/ --limit 20
        mesh-ctl state list prontera --after char/2000113
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var form: StateForm

  @Argument(help: "A shard, or a map of it.")
  var shard: String

  @Option(name: .long, help: "Only keys that begin so.")
  var prefix: String = ""

  @Option(name: .long, help: ArgumentHelp("Only keys that come after this one.", valueName: "key"))
  var after: String?

  @Option(name: .long, help: "At most so many.")
  var limit: Int = ShardRequest.listLimit

  func validate() throws {
    guard (1...ShardRequest.listLimit).contains(limit) else {
      throw ValidationError("--limit is 1 to \(ShardRequest.listLimit); go on with --after.")
    }
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let reply: StateListReply = try console.connect().ask(
        .shards(
          .list(
            shard: shard, prefix: try form.bytes(prefix, "the prefix"),
            after: try after.map { key throws(Fault) in try form.bytes(key, "--after") }, limit: limit)))
      console.show(
        reply, text: StateScreen.text(reply, shown: form.shown, for: console.terminal),
        plain: StateScreen.plain(reply, shown: form.shown, header: console.wantsHeader),
        verdict: Plural.of(reply.entries.count, "key") + (reply.more ? ", and more\n" : "\n"))
      if reply.more, let last = reply.entries.last {
        console.say("more keys follow: \(form.argument(last.key))")
      }
      return .ok
    }
  }
}

struct StateWatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Every committed change from now on, one a line; Ctrl-C ends.",
    discussion: """
      Asks a host that keeps a copy. When that copy moves away the command ends with exit code 5 and names the owner.

        mesh-ctl state watch prontera
        mesh-ctl state watch prontera --prefix char/ --json
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var form: StateForm

  @Argument(help: "A shard, or a map of it.")
  var shard: String

  @Option(name: .long, help: "Only keys that begin so.")
  var prefix: String = ""

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let client = try console.connect()
      try client.send(.shards(.watch(shard: shard, prefix: try form.bytes(prefix, "the prefix"))))
      while let reply = try client.next(StateChangeReply.self, within: nil) {
        console.show(
          reply, text: StateScreen.text(reply, shown: form.shown),
          plain: StateScreen.plain(reply, shown: form.shown), verdict: form.shown(reply.key) + "\n", ends: false)
      }
      throw Fault(.noNode, ["socket": try console.socketPath()], evidence: ["the node closed the connection"])
    }
  }
}
