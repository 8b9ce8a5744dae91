import Gossip
import NodeCore
import SecureChannel
import Wire

/// Checks 12, 13 and 15–17, at moments when nothing is wrong any more: all nodes that live hold exactly each other
/// alive, and have the same digest.
extension Simulation {
  /// Machines whose node should be a member: it runs, has not said goodbye and is not revoked.
  var rightfulMembers: [Int] {
    running.filter { machine in
      let process = machines[machine].process
      return process?.isLeaving == false && !checks.truth[machines[machine].identity].isRevoked
    }
  }

  package var isAgreed: Bool { disagreement == nil }

  /// Fails the world unless all agree.
  package func expectAgreement(_ moment: String) {
    guard violation == nil, let found = disagreement else { return }
    fail(found.check, found.name, "\(moment) \(found.text)", found.observer, found.subject)
  }

  private var disagreement: (check: Int, name: String, text: String, observer: Int, subject: Int?)? {
    let members = rightfulMembers
    let identities = Set(members.map { machines[$0].identity })
    for observer in members {
      for subject in 0..<directory.count {
        guard let status = status(ofIdentity: subject, at: observer) else {
          guard identities.contains(subject) else { continue }
          return (13, "agreement", "machine \(observer) knows nothing of \(name(subject))", observer, subject)
        }
        if identities.contains(subject) != (status == .alive || status == .suspect) {
          let truth = identities.contains(subject) ? "lives" : "does not"
          return (
            13, "agreement", "machine \(observer) holds \(name(subject)) \(status), which \(truth)", observer, subject
          )
        }
      }
    }
    let roots = members.compactMap { machines[$0].process?.node.membership.root }
    guard let odd = roots.indices.first(where: { roots[$0] != roots[0] }) else { return nil }
    return (
      12, "equal roots", "machines \(members[0]) and \(members[odd]) have different roots", members[odd], nil
    )
  }

  private func name(_ identity: Int) -> String { "\(directory.identities[identity].host) (machine \(identity))" }

  func status(ofIdentity subject: Int, at observer: Int) -> Status? {
    machines[observer].process?.node.membership.status(of: directory.identities[subject].host)
  }

  /// Stops the world with what is known about the failure.
  func fail(_ check: Int, _ name: String, _ text: String, _ machine: Int?, _ other: Int? = nil) {
    guard violation == nil else { return }
    var violation = Violation(check: check, name: name, text: text, at: time, machine: machine, seed: settings.seed)
    for machine in Set([machine, other].compactMap { $0 }).sorted() {
      violation.lines.append("last lines of machine \(machine) (\(host(of: machine))):")
      violation.lines += trace.lines(of: machine).map { "  \($0)" }
    }
    self.violation = violation
  }
}
