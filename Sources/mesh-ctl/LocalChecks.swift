import Control

/// The checks that need no node: they also help where a node does not even start.
struct LocalChecks {
  let console: Console
  let fixes: Bool

  init(_ console: Console, fixes: Bool) {
    self.console = console
    self.fixes = fixes
  }

  func run(_ checks: [DoctorCheck]) -> [Finding] {
    let setup: Setup
    do throws(Fault) {
      setup = try console.setup()
    } catch {
      // Without the configuration nobody knows where the files are.
      return checks.map { check in
        check == .config
          ? Finding(.config, .fail, error.sentence, evidence: error.evidence, fix: "mesh-ctl config check")
          : Finding(check, .skip, "the configuration does not load")
      }
    }
    return checks.compactMap { check in
      switch check {
      case .disk: DiskCheck(folder: setup.folder, fixes: fixes).finding()
      default: nil
      }
    }
  }

  static func hostName(_ setup: Setup) -> String { "this host" }
}
