package struct LeaveReply: Reply, Hashable {
  package enum State: String, Codable, Sendable, CaseIterable { case leaving, left }
  package static let schemaName = "mesh.leave/1"
  package var schema = LeaveReply.schemaName
  package var at: Timestamp
  package var state: State
  /// Longest time the goodbye takes.
  package var drainSeconds: Double

  package init(at: Timestamp, state: State, drainSeconds: Double) {
    self.at = at
    self.state = state
    self.drainSeconds = drainSeconds
  }
}

package struct RevokeReply: Reply, Hashable {
  package enum State: String, Codable, Sendable, CaseIterable {
    /// New here: it is being spread.
    case adopted
    /// Was known already.
    case known
  }
  package static let schemaName = "mesh.revoke/1"
  package var schema = RevokeReply.schemaName
  package var at: Timestamp
  package var host: HostName
  package var state: State

  package init(at: Timestamp, host: HostName, state: State) {
    self.at = at
    self.host = host
    self.state = state
  }
}

package struct CertificatesReply: Reply, Hashable {
  package static let schemaName = "mesh.certificates/1"
  package var schema = CertificatesReply.schemaName
  package var at: Timestamp
  /// By host id. Hosts that were asked for and are not known are missing.
  package var certificates: [Entry]

  package struct Entry: Codable, Hashable, Sendable {
    package var host: HostName
    package var state: MemberState
    /// base64url without padding.
    package var certificate: String

    package init(host: HostName, state: MemberState, certificate: [UInt8]) {
      self.host = host
      self.state = state
      self.certificate = Base64URL.encode(certificate)
    }

    /// `nil` when the text is no base64url.
    package var certificateBytes: [UInt8]? { Base64URL.decode(certificate) }
  }

  package init(at: Timestamp, certificates: [Entry]) {
    self.at = at
    self.certificates = certificates.sorted { $0.host.id < $1.host.id }
  }
}

package struct RenewReply: Reply, Hashable {
  package static let schemaName = "mesh.renew/1"
  package var schema = RenewReply.schemaName
  package var at: Timestamp
  /// By host id.
  package var results: [Result]

  package struct Result: Codable, Hashable, Sendable {
    package enum State: String, Codable, Sendable, CaseIterable {
      /// The host has it (or it is this host itself).
      case delivered
      /// Under way; a renewed certificate is also spread as metadata.
      case sent
      case failed
    }
    package var host: HostName
    package var state: State
    package var reason: String?

    package init(host: HostName, state: State, reason: String? = nil) {
      self.host = host
      self.state = state
      self.reason = reason
    }
  }

  package init(at: Timestamp, results: [Result]) {
    self.at = at
    self.results = results.sorted { $0.host.id < $1.host.id }
  }
}

package struct ReloadReply: Reply, Hashable {
  package static let schemaName = "mesh.reload/1"
  package var schema = ReloadReply.schemaName
  package var at: Timestamp
  /// Where the settings come from.
  package var origin: String
  /// Paths of settings that have another value now.
  package var changed: [String]
  /// Paths of settings that will have another value after a restart.
  package var afterRestart: [String]
  package var warnings: [String]

  package init(at: Timestamp, origin: String, changed: [String], afterRestart: [String], warnings: [String]) {
    self.at = at
    self.origin = origin
    self.changed = changed
    self.afterRestart = afterRestart
    self.warnings = warnings
  }

  /// `changed: node.log_level; after a restart: network.listen`
  package var summary: String {
    var words = changed.isEmpty ? "nothing changed at once" : "changed: " + changed.joined(separator: ", ")
    if !afterRestart.isEmpty { words += "; after a restart: " + afterRestart.joined(separator: ", ") }
    return words
  }

  /// Tab-separated: `now` or `restart`, path.
  package var plain: String {
    (changed.map { "now\t\($0)\n" } + afterRestart.map { "restart\t\($0)\n" }).joined()
  }
}
