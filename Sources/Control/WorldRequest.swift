/// What is asked of a node about worlds. In the JSON form the verb is the `request` field, beside it `version` or `file`.
package enum WorldRequest: Hashable, Sendable {
  /// -> `WorldReply`
  case show
  /// The document of one version -> `WorldDocumentReply`
  case document(version: UInt64)
  /// The world file with this absolute path, which must be a regular file that the user who asks may read: the node
  /// verifies everything in it, keeps it and tells its peers. -> `WorldChangeReply`
  case publish(file: String)
  /// Make a version that is complete here the active one now. -> `WorldChangeReply`
  case activate(version: UInt64)

  package static let pathLimit = 4_096

  package var changesSomething: Bool {
    switch self {
    case .show, .document: false
    case .publish, .activate: true
    }
  }

  package var verb: String {
    switch self {
    case .show: "world"
    case .document: "world-document"
    case .publish: "world-publish"
    case .activate: "world-activate"
    }
  }

  var version: UInt64? {
    switch self {
    case .document(let version), .activate(let version): version
    case .show, .publish: nil
    }
  }

  var file: String? {
    if case .publish(let file) = self { file } else { nil }
  }

  /// `nil` when the verb is another one.
  init?(verb: String, version: UInt64?, file: String?) throws(Fault) {
    func needed<Value>(_ value: Value?, _ name: String) throws(Fault) -> Value {
      guard let value else { throw Fault(.badRequest, ["reason": "`\(name)` is missing"]) }
      return value
    }
    switch verb {
    case "world": self = .show
    case "world-document": self = .document(version: try needed(version, "version"))
    case "world-activate": self = .activate(version: try needed(version, "version"))
    case "world-publish":
      let path = try needed(file, "file")
      guard path.hasPrefix("/"), path.utf8.count <= WorldRequest.pathLimit, !path.utf8.contains(0) else {
        throw Fault(.badRequest, ["reason": "`file` is not an absolute path"])
      }
      self = .publish(file: path)
    default: return nil
    }
  }
}
