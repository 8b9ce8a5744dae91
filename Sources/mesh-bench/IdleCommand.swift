import ArgumentParser
import Glibc
import MeshLab

/// A quiet mesh of real nodes, and serf (Debian's package) with as many agents in the same run. Where the machine allows
/// it each group has a network namespace of its own, so that its bytes can be counted.
struct IdleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "idle", abstract: "Memory, processor time and traffic of a quiet node in a mesh of 50.")

  @OptionGroup var options: IdleOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws { try BenchOutput.print(try IdleMesh(options).rows(), json: json) }
}

struct IdleOptions: ParsableArguments {
  @Option(help: "How many nodes.") var nodes = 50
  @Option(help: "For how long each group is watched, in seconds.") var seconds = 60.0
  @Option(help: "The folder with mesh-node and mesh-ctl, linked statically.") var binaries: String
  @Option(help: "The timing profile.") var profile = "lan"
  @Option(help: "serf's program; without it there is no comparison.") var serf: String?
}

struct IdleMesh {
  /// Both groups have found themselves and their tables have settled by then.
  private static let settling = 30.0
  private let options: IdleOptions

  init(_ options: IdleOptions) { self.options = options }

  func rows() throws -> [BenchRow] {
    let mesh = try measureMesh()
    let serf = try measureSerf()
    let name = "idle node in a mesh of \(options.nodes)"
    func row(
      _ what: String, _ unit: String, budget: Double? = nil, scale: Double = 1, _ figure: (GroupCost) -> Double
    ) -> BenchRow {
      BenchRow(
        what: "\(name): \(what)", measured: figure(mesh) / scale, unit: unit, reference: serf.map { _ in "serf" },
        referenceMeasured: serf.map { figure($0) / scale }, budget: budget)
    }
    let mebibyte = 1_048_576.0
    var rows = [
      row("RSS, median", "MB", budget: 16, scale: mebibyte) { Double($0.residentBytesMedian) },
      row("RSS, largest", "MB", budget: 16, scale: mebibyte) { Double($0.residentBytesMaximum) },
      row("private dirty, median", "MB", budget: 9, scale: mebibyte) { Double($0.privateDirtyBytesMedian) },
      row("private dirty, largest", "MB", budget: 9, scale: mebibyte) { Double($0.privateDirtyBytesMaximum) },
      row("share of a core, median", "%", budget: 0.5, scale: 0.01) { $0.coreShareMedian },
      row("share of a core, largest", "%", scale: 0.01) { $0.coreShareMaximum },
    ]
    if mesh.bytesPerSecond != nil {
      rows.append(row("received, headers and load records included", "B/s") { $0.bytesPerSecond ?? 0 })
    }
    return rows
  }

  /// `body` with a namespace of its own, or with none where that is not possible.
  private func isolated<R>(_ name: String, _ body: (LabNamespace?) throws -> R) throws -> R {
    let folder = try Lab.scratchFolder()
    defer { Lab.removeScratch(folder) }
    guard LabNamespace.isPossible(folder: folder) else {
      note("no network namespaces here: bytes are not counted")
      return try body(nil)
    }
    let namespace = try LabNamespace("mesh-bench-\(name)-\(getpid())", folder: folder)
    defer { namespace.remove() }
    return try body(namespace)
  }

  private func watch(_ processes: [LabProcess], _ namespace: LabNamespace?) throws -> GroupCost {
    LabClock.pause(IdleMesh.settling)
    guard
      let cost = GroupCost.watch(
        processes.map(\.identifier), seconds: options.seconds, received: { namespace?.loopbackBytes() },
        pause: LabClock.pause)
    else { throw LabError("a process ended: \(processes.first { !$0.isRunning }?.logTail(lines: 3) ?? "")") }
    return cost
  }

  private func measureMesh() throws -> GroupCost {
    try isolated("mesh") { namespace in
      var labOptions = Lab.Options(binaries: options.binaries)
      labOptions.profile = options.profile
      labOptions.namespace = namespace
      let lab = try Lab(labOptions)
      defer { lab.stop() }
      try lab.admit(count: options.nodes - 1)
      for member in lab.members { try lab.start(member) }
      let joined = lab.agree(on: options.nodes, among: lab.members, within: 120)
      guard joined.agreed else { throw LabError("no common view: \(joined.missing.joined(separator: "; "))") }
      note("\(options.nodes) nodes agree after \(Int(joined.seconds)) s; watching them for \(Int(options.seconds)) s")
      return try watch(lab.members.compactMap(\.process), namespace)
    }
  }

  private func measureSerf() throws -> GroupCost? {
    guard let serf = options.serf else { return nil }
    guard access(serf, X_OK) == 0 else { throw LabError("\(serf) cannot be run") }
    return try isolated("serf") { namespace in
      let folder = try Lab.scratchFolder()
      defer { Lab.removeScratch(folder) }
      var agents: [LabProcess] = []
      defer { for agent in agents { agent.kill() } }
      let base = 12_000
      for index in 0..<options.nodes {
        var words =
          (namespace?.prefix ?? []) + [
            serf, "agent", "-node=s\(index)", "-bind=127.0.0.1:\(base + index)",
            "-rpc-addr=127.0.0.1:\(base + 2_000 + index)", "-log-level=warn",
          ]
        // The first may not listen yet.
        if index > 0 { words += ["-retry-join=127.0.0.1:\(base)", "-retry-interval=1s"] }
        agents.append(
          try LabProcess(
            name: "s\(index)", executable: "/usr/bin/env", arguments: words, logPath: folder + "/serf-\(index).log"))
      }
      note("\(options.nodes) serf agents; watching them for \(Int(options.seconds)) s")
      return try watch(agents, namespace)
    }
  }

  private func note(_ text: String) {
    let line = text + "\n"
    _ = write(STDERR_FILENO, line, line.utf8.count)
  }
}
