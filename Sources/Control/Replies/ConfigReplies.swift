/// `mesh-ctl config check`
package struct ConfigCheckReply: Reply, Hashable {
  package static let schemaName = "mesh.config_check/1"
  package var schema = ConfigCheckReply.schemaName
  /// In the order in which they were read.
  package var files: [String]
  package var errors: Int
  package var warnings: Int
  package var messages: [Message]

  package struct Message: Codable, Hashable, Sendable {
    /// `error`, `warning` or `note`.
    package var severity: String
    package var code: String
    package var sentence: String
    /// `file:line:column`
    package var place: String?
    package var help: String?

    package init(severity: String, code: String, sentence: String, place: String?, help: String?) {
      self.severity = severity
      self.code = code
      self.sentence = sentence
      self.place = place
      self.help = help
    }
  }

  package init(files: [String], errors: Int, warnings: Int, messages: [Message]) {
    self.files = files
    self.errors = errors
    self.warnings = warnings
    self.messages = messages
  }
}

/// `mesh-ctl config show`
package struct ConfigReply: Reply, Hashable {
  package static let schemaName = "mesh.config/1"
  package var schema = ConfigReply.schemaName
  package var files: [String]
  /// In the order of the shipped file.
  package var settings: [Setting]

  package struct Setting: Codable, Hashable, Sendable {
    package var name: String
    /// As it can stand in a file.
    package var value: String
    /// `default`, `security_level high`, `file:line` or `--set`.
    package var origin: String
    package var defaultValue: String

    package init(name: String, value: String, origin: String, defaultValue: String) {
      self.name = name
      self.value = value
      self.origin = origin
      self.defaultValue = defaultValue
    }
  }

  package init(files: [String], settings: [Setting]) {
    self.files = files
    self.settings = settings
  }
}
