import Control
import KeyStore
import SecureChannel

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
          ? Finding(.config, .fail, error.sentence, evidence: error.evidence, fix: error.help)
          : Finding(check, .skip, "the configuration does not load")
      }
    }
    return checks.compactMap { check in
      switch check {
      case .disk: DiskCheck(folder: setup.folder, fixes: fixes).finding()
      case .keys: KeysCheck(console: console, folder: setup.folder, fixes: fixes).finding()
      case .hardware: HardwareCheck(setup: setup).finding()
      case .config: ConfigCheck(setup: setup).finding()
      case .clock, .udpOut, .udpIn, .tcpIn, .mtu, .nat: nil
      }
    }
  }

  /// For the verdict: the name in the certificate, where this user may read it.
  var hostName: String {
    do throws(Fault) {
      return try Keyring(console).files.certificate().name
    } catch {
      return "this host"
    }
  }
}
