// What commands that need no node print with `--json`.

/// `mesh-ctl explain`
package struct ExplanationReply: Reply, Hashable {
  package static let schemaName = "mesh.explain/1"
  package var schema = ExplanationReply.schemaName
  package var topic: String
  package var title: String
  package var message: String
  package var explanation: String
  package var command: String?
  package var exitCode: Int32?

  package init(_ code: ErrorCode) {
    let text = code.text
    topic = code.rawValue
    title = text.title
    message = text.sentence
    explanation = text.explanation
    command = text.help
    exitCode = text.exit.rawValue
  }

  package init(topic: String, title: String, message: String, explanation: String) {
    self.topic = topic
    self.title = title
    self.message = message
    self.explanation = explanation
  }

  /// Tab-separated.
  package var plain: String {
    [topic, title, message, command ?? "-", exitCode.map { "\($0)" } ?? "-", explanation].joined(separator: "\t") + "\n"
  }
}

/// `mesh-ctl version`
package struct VersionReply: Reply, Hashable {
  package static let schemaName = "mesh.version/1"
  package var schema = VersionReply.schemaName
  package var program: String
  package var control: Int
  /// Of the node that runs here, if one does.
  package var node: String?

  package init(program: String, control: Int, node: String?) {
    self.program = program
    self.control = control
    self.node = node
  }
}
