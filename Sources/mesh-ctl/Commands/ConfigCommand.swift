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
      let verdict =
        "\(loaded.files.isEmpty ? "no configuration file, defaults" : loaded.files.joined(separator: " + ")): "
        + "\(Plural.of(messages.errorCount, "error")), \(Plural.of(messages.warningCount, "warning"))\n"
      let reply = ConfigCheckReply(
        files: loaded.files, errors: messages.errorCount, warnings: messages.warningCount,
        messages: messages.list.map { message in
          ConfigCheckReply.Message(
            severity: message.severity.rawValue, code: message.code.rawValue, sentence: message.text,
            place: message.place?.description, help: message.help)
        })
      let details = messages.description
      console.show(
        reply, text: verdict + (details.isEmpty ? "" : "\n" + details + "\n"),
        plain: reply.messages.map { "\($0.severity)\t\($0.code)\t\($0.place ?? "-")\t\($0.sentence)\n" }.joined(),
        verdict: verdict)
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
      if defaults { return showDefaults(console) }
      let setup = try console.setup()
      var settings: [ConfigReply.Setting] = []
      for (setting, origin) in zip(Schema.settings, setup.loaded.origins) where !changed || origin.isSomebody {
        settings.append(
          ConfigReply.Setting(
            name: setting.path, value: setting.text(in: setup.settings), origin: origin.description,
            defaultValue: setting.defaultText))
      }
      let reply = ConfigReply(files: setup.loaded.files, settings: settings)
      let width = origin ? settings.map { $0.name.count + $0.value.count + 2 }.max() ?? 0 : 0
      let lines = settings.map { setting in
        let line = "\(setting.name): \(setting.value)"
        guard origin else { return line + "\n" }
        return line + String(repeating: " ", count: width - line.count) + "  // \(setting.origin)\n"
      }
      console.show(
        reply, text: lines.joined(),
        plain: settings.map { "\($0.name)\t\($0.value)\t\($0.origin)\n" }.joined(),
        verdict: "\(Plural.of(settings.count, "setting"))\n")
      return .ok
    }
  }
}

extension ConfigShowCommand {
  private func showDefaults(_ console: Console) -> ExitCode {
    let settings = Schema.settings.map { setting in
      ConfigReply.Setting(
        name: setting.path, value: setting.defaultText, origin: Origin.builtIn.description,
        defaultValue: setting.defaultText)
    }
    let lines = settings.map { "\($0.name): \($0.value)\n" }.joined()
    console.show(
      ConfigReply(files: [], settings: settings), text: lines,
      plain: settings.map { "\($0.name)\t\($0.value)\n" }.joined(), verdict: "\(Plural.of(settings.count, "setting"))\n"
    )
    return .ok
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
    } else if let code = MessageCode(rawValue: topic.uppercased()) {
      var reply = ExplanationReply(
        topic: code.rawValue, title: "a message about the configuration", message: "", explanation: code.explanation)
      reply.command = code.helpCommand
      console.show(
        reply, text: ExplainScreen.text(reply, for: console.terminal), plain: reply.plain, verdict: reply.title + "\n")
    } else if let setting = Schema.setting(topic) {
      let reply = explanation(of: setting, console)
      console.show(
        reply, text: ExplainScreen.text(reply, for: console.terminal), plain: reply.plain, verdict: reply.message + "\n"
      )
    } else {
      throw Fault(.unknownTopic, ["topic": topic.printable(limit: 60)])
    }
    return .ok
  }

  private static func explanation(of setting: Setting, _ console: Console) -> ExplanationReply {
    // A broken configuration is no reason not to explain.
    var value = "\(setting.defaultText) (default)"
    if let setup = try? console.setup(), let origin = setup.loaded.origin(of: setting.path) {
      value = "\(setting.text(in: setup.settings)) (\(origin.description))"
    }
    var reply = ExplanationReply(
      topic: setting.path, title: "a setting", message: "\(setting.path): \(value)", explanation: setting.explanation)
    reply.details = [
      "default \(setting.defaultText)", "takes \(setting.allowed)",
    ]
    if let unit = setting.plainUnit { reply.details.append("unit of a bare number: \(unit)") }
    if !setting.aliases.isEmpty { reply.details.append("also called \(setting.aliases.joined(separator: ", "))") }
    switch setting.change {
    case .live: reply.details.append("a change counts at once after a reload")
    case .restart: reply.details.append("a change counts when the node starts again")
    case .world: reply.details.append("travels in the signed world: counts where the world is built")
    }
    if setting.isMeshWide { reply.details.append("should be the same on all hosts") }
    if !setting.isInUse { reply.details.append("checked and kept; nothing acts upon it in this version") }
    return reply
  }
}
