import Control
import Glibc
import KeyStore
import SecureChannel

/// `doctor keys`: are the key files private and whole, and is the certificate good, for these keys, and for how long?
struct KeysCheck {
  let console: Console
  let folder: NodeFolder
  let fixes: Bool

  func finding() -> Finding {
    let mended = fixes ? closeToOthers() : []
    do throws(Fault) {
      let files = try Keyring(console).files
      let identity = try files.identity()
      let network = try files.network()
      let certificate = try files.certificate()
      return judge(certificate, of: network, for: identity, mended: mended)
    } catch {
      return finding(for: error, mended: mended)
    }
  }

  private func judge(
    _ certificate: Certificate, of network: Network, for identity: Identity, mended: [String]
  ) -> Finding {
    let name = certificate.name
    guard certificate.key == identity.key else {
      return Finding(
        .keys, .fail, "the certificate is for other keys than this host has",
        evidence: ["certificate: host \(certificate.hostID)", "keys: host \(identity.hostID)"],
        fix: "mesh-ctl init --name \(name)")
    }
    do throws(CertificateRefusal) {
      _ = try Keyring.verify(certificate, of: network, at: console.now)
    } catch {
      return Finding(
        .keys, .fail, "the certificate of \(name) is not good: \(error.cause)", evidence: mended,
        fix: "mesh-ctl init --name \(name)")
    }
    let left = Timestamp(seconds: certificate.notAfter).seconds(since: console.now)
    let words = "certificate of \(name) in \(network.name) good for \(Figures.coarse(left))"
    // From a third of the lifetime before the end (DESIGN 4.2).
    guard left >= Double(certificate.notAfter - certificate.notBefore) / 3 else {
      return Finding(
        .keys, .warn, words, evidence: mended + ["The operator renews it; the fix runs there."],
        fix: "mesh-ctl renew \(name)")
    }
    return Finding(.keys, .ok, ([words] + mended).joined(separator: "; "))
  }

  private func finding(for fault: Fault, mended: [String]) -> Finding {
    switch ErrorCode(rawValue: fault.code) {
    case .noIdentity:
      return Finding(.keys, .fail, fault.sentence, evidence: mended, fix: "mesh-ctl init --name NAME")
    case .noNetwork:
      return Finding(.keys, .fail, fault.sentence, evidence: mended, fix: "mesh-ctl accept LINE")
    case .fileMode where belongsToAnother:
      return Finding(.keys, .skip, "this user may not read the keys of the node; run it as the node's user or as root")
    case .fileMode where isMendable:
      return Finding(.keys, .fail, fault.sentence, evidence: mended, fix: "mesh-ctl doctor keys --fix")
    default: return Finding(.keys, .fail, fault.sentence, evidence: mended, fix: fault.help)
    }
  }

  private var paths: [String] {
    [folder.identity, folder.network, folder.certificate, folder.operatorKey, folder.bootstrap]
  }

  private var belongsToAnother: Bool {
    var status = stat()
    return geteuid() != 0 && lstat(folder.keys, &status) == 0 && status.st_uid != geteuid()
  }

  private var isMendable: Bool { !excess().isEmpty }

  /// What of ours is open to others, and the mode that it should have. Files are named by what they are, never followed.
  private func excess() -> [(path: String, mode: mode_t)] {
    var found: [(String, mode_t)] = []
    var status = stat()
    func isOurs(_ path: String, _ kind: mode_t) -> Bool {
      lstat(path, &status) == 0 && status.st_mode & S_IFMT == kind && status.st_uid == geteuid()
    }
    if isOurs(folder.keys, S_IFDIR), status.st_mode & 0o077 != 0 { found.append((folder.keys, 0o700)) }
    for path in paths where isOurs(path, S_IFREG) && status.st_mode & 0o077 != 0 { found.append((path, 0o600)) }
    return found
  }

  private func closeToOthers() -> [String] {
    excess().compactMap { path, mode in
      chmod(path, mode) == 0 ? "closed \(path) to others; who could read it before may know what is in it" : nil
    }
  }
}
