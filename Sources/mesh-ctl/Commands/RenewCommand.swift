import ArgumentParser
import Control
import KeyStore
import SecureChannel
import Wire

struct RenewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew", abstract: "Sign new certificates for hosts that are members; their nodes get them at once.",
    discussion: """
        mesh-ctl renew all
        mesh-ctl renew prt-2 pay-1 --days 30

      Everything but the time stays as it was. Needs the operator's key and this machine's node.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var operatorOptions: OperatorOptions

  @Argument(help: ArgumentHelp("Names or host ids; `all` for every host that is a member.", valueName: "host"))
  var hosts: [String]

  @Option(name: .long, help: ArgumentHelp("How long they last (default: by security_level).", valueName: "1-90"))
  var days: Lifetime?

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      let keyring = try Keyring(console)
      let network = try keyring.files.network()
      let old = try certificates(console)
      let lifetime = try console.certificateLifetime(days)
      let renewed = try keyring.withOperator(operatorOptions, of: network, command: "renew", console) {
        signer throws(Fault) in
        var renewed: [[UInt8]] = []
        for certificate in old {
          // Only what this operator has said before is said again.
          do throws(CertificateRefusal) {
            _ = try Keyring.verify(certificate, of: network, at: Timestamp(seconds: certificate.notAfter))
          } catch {
            throw Fault(.fileDamaged, ["file": "the certificate of \(certificate.name)", "reason": error.cause])
          }
          let draft = CertificateDraft(renewing: certificate, lifetime: lifetime)
          renewed.append(try draft.certificate(of: network, by: signer, keyring, now: console.now).bytes)
        }
        return renewed
      }
      var results: [RenewReply.Result] = []
      for start in stride(from: 0, to: renewed.count, by: ControlRequest.listLimit) {
        let part = Array(renewed[start..<min(start + ControlRequest.listLimit, renewed.count)])
        let reply: RenewReply = try console.connect().ask(.renew(certificates: part))
        results += reply.results
      }
      let reply = RenewReply(at: console.now, results: results)
      let failed = reply.results.count { $0.state == .failed }
      let verdict = "\(reply.results.count - failed) of \(Plural.of(reply.results.count, "certificate")) renewed\n"
      console.show(reply, text: verdict + lines(reply), plain: lines(reply), verdict: verdict)
      return failed == 0 ? .ok : .failed
    }
  }

  /// The certificates that the named hosts have; every name must be known.
  private func certificates(_ console: Console) throws(Fault) -> [Certificate] {
    let isAll = hosts == ["all"]
    var found: [Certificate] = []
    // Some bounded requests instead of one that the node would refuse.
    for start in stride(from: 0, to: hosts.count, by: ControlRequest.listLimit) {
      let names = isAll ? [] : Array(hosts[start..<min(start + ControlRequest.listLimit, hosts.count)])
      let reply: CertificatesReply = try console.connect().ask(.certificates(of: names))
      for name in names {
        guard reply.certificates.contains(where: { $0.host.name == name || $0.host.id == name }) else {
          throw Fault(.hostUnknown, ["name": name.printable(limit: 40)])
        }
      }
      let members = reply.certificates.filter { !isAll || ($0.state != .left && $0.state != .revoked) }
      found += members.compactMap(\.parsed)
    }
    return found
  }

  private func lines(_ reply: RenewReply) -> String {
    reply.results.map { result in
      let reason = result.reason.map { "\t\($0.printable(limit: 200))" } ?? ""
      return "\(result.host.shown)\t\(result.state.rawValue)\(reason)\n"
    }.joined()
  }
}
