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

  package init(topic: String, title: String, message: String, explanation: String, command: String? = nil) {
    self.topic = topic
    self.command = command
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

/// `mesh-ctl network create`
package struct NetworkReply: Reply, Hashable {
  package static let schemaName = "mesh.network/1"
  package var schema = NetworkReply.schemaName
  package var network: NetworkName
  package var host: HostName
  package var roles: [String]
  package var certificateNotAfter: Timestamp
  /// The file of the operator's key.
  package var operatorKey: String
  /// The folder of this host's keys.
  package var keys: String

  package init(
    network: NetworkName, host: HostName, roles: [String], certificateNotAfter: Timestamp, operatorKey: String,
    keys: String
  ) {
    self.network = network
    self.host = host
    self.roles = roles
    self.certificateNotAfter = certificateNotAfter
    self.operatorKey = operatorKey
    self.keys = keys
  }

  /// Tab-separated.
  package var plain: String {
    [network.name, network.id, host.shown, host.id, roles.joined(separator: ","), certificateNotAfter.description]
      .joined(separator: "\t") + "\n"
  }
}

/// `mesh-ctl init`
package struct InitReply: Reply, Hashable {
  package static let schemaName = "mesh.init/1"
  package var schema = InitReply.schemaName
  package var host: HostName
  /// The public keys, as a bootstrap line has them.
  package var key: String
  /// The line for the operator.
  package var request: String

  package init(host: HostName, key: String, request: String) {
    self.host = host
    self.key = key
    self.request = request
  }
}

/// `mesh-ctl admit`
package struct AdmitReply: Reply, Hashable {
  package static let schemaName = "mesh.admit/1"
  package var schema = AdmitReply.schemaName
  package var network: NetworkName
  /// In the order of the request lines.
  package var welcomes: [Welcome]

  package struct Welcome: Codable, Hashable, Sendable {
    package var host: HostName
    package var roles: [String]
    package var trustClass: Int
    package var contributor: UInt32
    package var certificateNotAfter: Timestamp
    /// The line for the new host.
    package var welcome: String

    package init(
      host: HostName, roles: [String], trustClass: Int, contributor: UInt32, certificateNotAfter: Timestamp,
      welcome: String
    ) {
      self.host = host
      self.roles = roles
      self.trustClass = trustClass
      self.contributor = contributor
      self.certificateNotAfter = certificateNotAfter
      self.welcome = welcome
    }
  }

  package init(network: NetworkName, welcomes: [Welcome]) {
    self.network = network
    self.welcomes = welcomes
  }
}

/// `mesh-ctl accept`
package struct AcceptReply: Reply, Hashable {
  package static let schemaName = "mesh.accept/1"
  package var schema = AcceptReply.schemaName
  package var network: NetworkName
  package var host: HostName
  package var roles: [String]
  package var certificateNotAfter: Timestamp
  /// Where this host will look for the mesh: `name address:port`.
  package var peers: [String]

  package init(
    network: NetworkName, host: HostName, roles: [String], certificateNotAfter: Timestamp, peers: [String]
  ) {
    self.network = network
    self.host = host
    self.roles = roles
    self.certificateNotAfter = certificateNotAfter
    self.peers = peers
  }
}

/// `mesh-ctl key`
package struct KeyReply: Reply, Hashable {
  package static let schemaName = "mesh.key/1"
  package var schema = KeyReply.schemaName
  package var host: HostName
  package var key: String

  package init(host: HostName, key: String) {
    self.host = host
    self.key = key
  }
}
