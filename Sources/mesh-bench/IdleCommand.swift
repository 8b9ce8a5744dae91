import ArgumentParser
import FoundationEssentials
import Glibc
import MeshLab

/// A quiet mesh of real nodes, and serf (Debian's package) with as many agents in the same run.
struct IdleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "idle", abstract: "Memory and processor time of a quiet node in a mesh of 50.")

  @Option(help: "How many nodes.") var nodes = 50
  @Option(help: "For how long each group is watched.") var seconds = 60.0
  @Option(help: "The folder with mesh-node and mesh-ctl.") var binaries: String
  @Option(help: "The timing profile.") var profile = "lan"
  @Flag(help: "Leave serf out.") var withoutSerf = false
  @Flag(help: "Print JSON.") var json = false

  struct Report: Encodable {
    var mesh: GroupCost
    var serf: GroupCost?
  }

  func run() throws {
    let mesh = try measureMesh()
    let serf = withoutSerf ? nil : try measureSerf()
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      encoder.keyEncodingStrategy = .convertToSnakeCase
      print(String(decoding: try encoder.encode(Report(mesh: mesh, serf: serf)), as: UTF8.self))
      return
    }
    print("| per process, \(nodes) on one machine, \(Int(seconds)) s | RSS median / max | private dirty median / max | share of a core median / max |")
    print("|---|---|---|---|")
    print(row("mesh-node", mesh))
    if let serf { print(row("serf agent", serf)) }
  }

  private func row(_ name: String, _ cost: GroupCost) -> String {
    func megabytes(_ bytes: UInt64) -> String { "\(Double(bytes / 1024 * 10 / 1024) / 10)" }
    func percent(_ share: Double) -> String { "\((share * 10_000).rounded() / 100)" }
    return "| \(name) | \(megabytes(cost.residentBytesMedian)) / \(megabytes(cost.residentBytesMaximum)) MB | "
      + "\(megabytes(cost.privateDirtyBytesMedian)) / \(megabytes(cost.privateDirtyBytesMaximum)) MB | "
      + "\(percent(cost.coreShareMedian)) / \(percent(cost.coreShareMaximum)) % |"
  }

  private func measureMesh() throws -> GroupCost {
    var options = Lab.Options(binaries: binaries)
    options.profile = profile
    let lab = try Lab(options)
    defer { lab.stop() }
    try lab.admit(count: nodes - 1)
    for member in lab.members { try lab.start(member) }
    let joined = lab.agree(on: nodes, among: lab.members, within: 120)
    guard joined.agreed else { throw LabError("no common view: \(joined.missing.joined(separator: "; "))") }
    note("\(nodes) nodes agree after \(Int(joined.seconds)) s; watching them for \(Int(seconds)) s")
    LabClock.pause(10)
    guard
      let cost = GroupCost.watch(
        lab.members.compactMap { $0.process?.identifier }, seconds: seconds, pause: LabClock.pause)
    else { throw LabError("a node ended while it was watched") }
    return cost
  }

  private func measureSerf() throws -> GroupCost? {
    let places: [String] = ["/usr/bin/serf", "/usr/local/bin/serf"]
    guard let serf = places.first(where: { access($0, X_OK) == 0 }) else {
      note("serf is not installed (apt-get install serf): no comparison")
      return nil
    }
    let folder = try Lab.scratchFolder()
    defer { Lab.removeScratch(folder) }
    var agents: [LabProcess] = []
    defer { for agent in agents { agent.kill() } }
    let base = 12_000
    for index in 0..<nodes {
      var arguments = [
        "agent", "-node=s\(index)", "-bind=127.0.0.1:\(base + index)", "-rpc-addr=127.0.0.1:\(base + 2_000 + index)",
        "-log-level=warn",
      ]
      if index > 0 { arguments.append("-join=127.0.0.1:\(base)") }
      agents.append(
        try LabProcess(
          name: "s\(index)", executable: serf, arguments: arguments, logPath: folder + "/serf-\(index).log"))
    }
    note("\(nodes) serf agents; settling for 30 s, then watching them for \(Int(seconds)) s")
    LabClock.pause(30)
    guard let cost = GroupCost.watch(agents.map(\.identifier), seconds: seconds, pause: LabClock.pause) else {
      throw LabError("a serf agent ended: \(agents.first { !$0.isRunning }?.logTail(lines: 3) ?? "")")
    }
    return cost
  }

  private func note(_ text: String) {
    let line = text + "\n"
    _ = write(STDERR_FILENO, line, line.utf8.count)
  }
}
