extension Verdict {
  /// The verdict of a host about the mesh as it sees it: as bad as the worst warning, and never `ok` while a host that
  /// should be there does not answer.
  package init(hosts: HostCounts, own: OwnHost, warnings: [Warning]) {
    var health = warnings.map(\.health).max() ?? .ok
    if hosts.suspect + hosts.dead > 0 { health = max(health, .degraded) }
    let standing: String
    switch own.state {
    case .joining: standing = "not a member yet"
    case .synchronizing: standing = "joined, learning who is there"
    case .leaving: standing = "leaving"
    case .revoked: standing = "revoked"
    case .alone, .member: standing = "\(hosts.alive) of \(Plural.hosts(hosts.expected)) alive"
    }
    if own.state == .joining || own.state == .revoked { health = max(health, .degraded) }
    var sentence = standing
    // The worst warning is the reason; the rest is below the verdict.
    if let worst = warnings.first(where: { $0.health > .ok }) {
      sentence += "; " + worst.sentence
    }
    self.init(health: health, sentence: sentence)
  }
}

/// `1 host`, `2 hosts`.
package enum Plural {
  package static func hosts(_ count: Int) -> String { of(count, "host") }
  package static func of(_ count: Int, _ noun: String) -> String { of(count, noun, noun + "s") }
  package static func of(_ count: Int, _ noun: String, _ nouns: String) -> String {
    "\(count) \(count == 1 ? noun : nouns)"
  }
}
