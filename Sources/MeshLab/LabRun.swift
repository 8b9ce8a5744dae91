import Control
import Glibc

/// What one run of the demonstration saw, in seconds.
package struct LabReply: Reply {
  package static let schemaName = "mesh.lab/1"
  package var schema = LabReply.schemaName
  package var nodes: Int
  /// From the first process to one view shared by all.
  package var joinedSeconds: Double
  /// From SIGKILL of one node to its death in every other view.
  package var crashKnownSeconds: Double
  /// From its restart to one view shared by all.
  package var returnedSeconds: Double
  /// Every node ended with code 0 after SIGTERM.
  package var stoppedCleanly: Bool

  package var text: String {
    """
    \(nodes) nodes shared one view after \(joinedSeconds.shown) s
    the crash of one was known to all others after \(crashKnownSeconds.shown) s
    it was back after \(returnedSeconds.shown) s
    \(stoppedCleanly ? "all stopped cleanly" : "NOT all stopped cleanly")

    """
  }
}

/// The demonstration behind `bootstrap/run`: a small mesh, one crash, one return.
package struct LabRun {
  package var nodes: Int
  package var binaries: String
  /// Words for people, as they happen.
  package var say: (String) -> Void

  package init(nodes: Int, binaries: String, say: @escaping (String) -> Void) {
    self.nodes = nodes
    self.binaries = binaries
    self.say = say
  }

  /// Starts, kills one, brings it back, stops.
  package func once() throws(LabError) -> LabReply {
    let (lab, joined) = try up()
    defer { lab.stop() }
    let victim = lab.members[lab.members.count / 2]
    let others = lab.members.filter { $0 !== victim }
    say("killing \(victim.name) (SIGKILL) ...")
    victim.process?.kill()
    let known = lab.agree(on: nodes - 1, among: others, within: 60)
    guard known.agreed else {
      throw LabError("the crash did not become known: \(known.missing.joined(separator: "; "))")
    }
    say("all others hold it dead after \(known.seconds.shown) s; starting it again ...")
    try lab.start(victim)
    let back = lab.agree(on: nodes, among: lab.members, within: 60)
    guard back.agreed else {
      throw LabError("\(victim.name) did not come back: \(back.missing.joined(separator: "; "))")
    }
    say("it is back after \(back.seconds.shown) s; stopping all ...")
    return LabReply(
      nodes: nodes, joinedSeconds: joined, crashKnownSeconds: known.seconds, returnedSeconds: back.seconds,
      stoppedCleanly: lab.stopAll())
  }

  /// Starts and stays until `isOver` says so.
  package func stay(until isOver: () -> Bool) throws(LabError) {
    let (lab, _) = try up()
    defer { lab.stop() }
    let first = lab.members[0]
    let second = lab.members[1]
    say("")
    say("\(nodes) nodes run. In another terminal:")
    say("  \(binaries)/mesh-ctl --dir \(first.folder) status")
    say("  \(binaries)/mesh-ctl --dir \(first.folder) members")
    say("  \(binaries)/mesh-ctl --dir \(first.folder) events -f")
    say("  kill -9 \(second.process?.identifier ?? 0)        and watch \(second.name) being found dead")
    say("Ctrl-C stops all of them and removes \(lab.folder).")
    while !isOver() { LabClock.pause(0.1) }
    say("stopping ...")
  }

  private func up() throws(LabError) -> (Lab, joined: Double) {
    guard nodes >= 2 else { throw LabError("a mesh has at least 2 nodes") }
    say("making a network of \(nodes) hosts ...")
    let lab = try Lab(Lab.Options(binaries: binaries))
    try lab.admit(count: nodes - 1)
    for member in lab.members { try lab.start(member) }
    let agreed = lab.agree(on: nodes, among: lab.members, within: 60)
    guard agreed.agreed else {
      let tails = lab.members.filter { !$0.isRunning }.map { "\($0.name): \($0.process?.logTail(lines: 5) ?? "")" }
      throw LabError("no common view: \((agreed.missing + tails).joined(separator: "; "))")
    }
    say("all \(nodes) agree after \(agreed.seconds.shown) s")
    return (lab, agreed.seconds)
  }
}

extension Double {
  /// Two decimals.
  fileprivate var shown: String {
    let hundredths = Int((self * 100).rounded())
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
  }
}
