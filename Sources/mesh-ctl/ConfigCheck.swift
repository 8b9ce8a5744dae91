import Configuration
import Control
import KeyStore

/// `doctor config`: what the configuration says, with its warnings.
struct ConfigCheck {
  let setup: Setup

  func finding() -> Finding {
    let files = setup.loaded.files
    let changed = setup.loaded.origins.count(where: \.isSomebody)
    let messages = setup.loaded.messages
    let source = files.isEmpty ? "no configuration file, defaults" : files.joined(separator: " + ")
    let sentence =
      "\(source): \(Plural.of(changed, "setting")) set, \(Plural.of(messages.warningCount, "warning"))"
    let (peers, broken) = bootstrap()
    let lists = ", \(Plural.of(peers, "bootstrap peer"))"
    guard broken.isEmpty else {
      return Finding(
        .config, .fail, sentence + "; a bootstrap list has errors", evidence: broken,
        fix: "mesh-ctl explain network.bootstrap_peers")
    }
    guard messages.warningCount > 0 else { return Finding(.config, .ok, sentence + lists) }
    return Finding(
      .config, .warn, sentence + lists, evidence: lines(of: messages.warnings),
      fix: (["mesh-ctl config check"] + (setup.configuration.map { [$0] } ?? [])).joined(separator: " "))
  }

  /// The peers of all lists, and the errors in them.
  private func bootstrap() -> (peers: Int, errors: [String]) {
    var peers = 0
    var errors: [String] = []
    for path in [setup.folder.bootstrap] + setup.settings.network.bootstrapFiles {
      switch SystemFiles().read(path, limit: FileLimits.bytes) {
      case .found(_, let bytes):
        let (list, messages) = BootstrapList.read(bytes, name: path)
        peers += list.count
        errors += lines(of: messages.errors)
      case .missing:
        // The welcome line's own list is missing until there is a welcome.
        if path != setup.folder.bootstrap { errors.append("\(path): there is no such file") }
      case .failed(let reason): errors.append("\(path): \(reason)")
      }
    }
    return (peers, errors)
  }

  private func lines(of messages: [Message]) -> [String] {
    messages.flatMap { $0.description.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
  }
}
