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
    guard messages.warningCount > 0 else { return Finding(.config, .ok, sentence) }
    let evidence = messages.warnings.flatMap {
      $0.description.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
    return Finding(.config, .warn, sentence, evidence: evidence, fix: "mesh-ctl config check")
  }
}
