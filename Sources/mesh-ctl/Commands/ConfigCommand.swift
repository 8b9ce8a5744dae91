import ArgumentParser
import Configuration
import Control
import KeyStore

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Check, show and explain the configuration; needs no node.",
    subcommands: [ConfigCheckCommand.self, ConfigShowCommand.self, ConfigExplainCommand.self])
}

struct ConfigCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Read a configuration as the node would, and tell everything that is wrong.",
    discussion: "Exit code 78 when it has errors.\n\n  mesh-ctl config check conf/p2p_athena.conf")

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("The first file (default: the one that the node would read).", valueName: "file"))
  var file: String?

  func run() throws {
    try Console.run(global) { console in
      let loaded = NodeSetup.load(
        directory: global.dir, configuration: file ?? global.config, options: global.settings,
        environment: console.environment
      ).loaded
      let messages = loaded.messages
      let reply = ConfigCheckReply(
        files: loaded.files, errors: messages.errorCount, warnings: messages.warningCount,
        messages: messages.list.map { message in
          ConfigCheckReply.Message(
            severity: message.severity.rawValue, code: message.code.rawValue, sentence: message.text,
            place: message.place?.description, help: message.help)
        })
      let text = Reports.check(loaded)
      console.show(
        reply, text: text + "\n",
        plain: reply.messages.map { "\($0.severity)\t\($0.code)\t\($0.place ?? "-")\t\($0.sentence)\n" }.joined(),
        verdict: text.prefix { $0 != "\n" } + "\n")
      return loaded.settings == nil ? .configuration : .ok
    }
  }
}

struct ConfigShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Every setting with the value that counts.",
    discussion: "  mesh-ctl config show --origin\n  mesh-ctl config show --changed")

  @OptionGroup var global: GlobalOptions

  @Flag(name: .long, help: "Also where each value comes from.")
  var origin = false

  @Flag(name: .long, help: "Only settings that somebody set.")
  var changed = false

  @Flag(name: .long, help: "The built-in defaults, whatever is configured.")
  var defaults = false

  func validate() throws {
    if defaults && (changed || origin) { throw ValidationError("--defaults goes with neither --changed nor --origin.") }
  }

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let (values, origins, files) = try wanted(console)
      // One line a setting, in the order of the schema.
      let lines = Reports.show(values, origins: origin ? origins : nil).split(separator: "\n")
      var settings: [ConfigReply.Setting] = []
      var text = ""
      for (index, setting) in Schema.settings.enumerated() where !changed || origins[index].isSomebody {
        settings.append(
          ConfigReply.Setting(
            name: setting.path, value: setting.text(in: values), origin: origins[index].description,
            defaultValue: setting.defaultText))
        text += lines[index] + "\n"
      }
      console.show(
        ConfigReply(files: files, settings: settings), text: text,
        plain: settings.map { "\($0.name)\t\($0.value)\t\($0.origin)\n" }.joined(),
        verdict: "\(Plural.of(settings.count, "setting"))\n")
      return .ok
    }
  }

  private func wanted(_ console: Console) throws(Fault) -> (Settings, [Origin], files: [String]) {
    guard !defaults else { return (Settings(), Schema.settings.map { _ in .builtIn }, []) }
    let setup = try console.setup()
    return (setup.settings, setup.loaded.origins, setup.loaded.files)
  }
}

extension Origin {
  /// Set by a person, not by a default or a preset.
  var isSomebody: Bool {
    if case .set = self { true } else { false }
  }
}

struct ConfigExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "What a setting does, which values it takes, and where its value comes from.",
    discussion: "  mesh-ctl config explain network.port_range")

  @OptionGroup var global: GlobalOptions

  @Argument(help: ArgumentHelp("The name of a setting; `p2p_settings.` may be left out.", valueName: "setting"))
  var topic: String

  func run() throws {
    try Console.run(global) { console throws(Fault) in try Topics.explain(topic, console) }
  }
}

/// Everything that `explain` can explain.
enum Topics {
  static func explain(_ topic: String, _ console: Console) throws(Fault) -> ExitCode {
    if let code = ErrorCode(rawValue: topic.uppercased()) {
      let reply = ExplanationReply(code)
      console.show(
        reply, text: ExplainScreen.text(code, for: console.terminal), plain: reply.plain,
        verdict: code.text.title + "\n")
      return .ok
    }
    // A broken configuration is no reason not to explain.
    let loaded = (try? console.setup())?.loaded
    guard let text = Reports.explain(topic, in: loaded) else {
      var fault = Fault(.unknownTopic, ["topic": topic.printable(limit: 60)])
      fault.notes = [Reports.unknownSubject(topic)]
      throw fault
    }
    let reply = reply(topic, text, loaded)
    console.show(
      reply, text: ExplainScreen.wrapped(text, for: console.terminal) + "\n", plain: reply.plain,
      verdict: text.prefix { $0 != "\n" } + "\n")
    return .ok
  }

  private static func reply(_ topic: String, _ text: String, _ loaded: LoadedSettings?) -> ExplanationReply {
    if let code = MessageCode(rawValue: topic.uppercased()) {
      return ExplanationReply(
        topic: code.rawValue, title: "a message about the configuration", message: "", explanation: code.explanation,
        command: code.helpCommand)
    }
    guard let setting = Schema.setting(topic) else {
      return ExplanationReply(topic: topic, title: "a section", message: "", explanation: text)
    }
    let value = loaded?.settings.map { setting.text(in: $0) } ?? setting.defaultText
    return ExplanationReply(
      topic: setting.path, title: "a setting", message: "\(setting.path): \(value)", explanation: setting.explanation)
  }
}
