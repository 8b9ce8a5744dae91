import ArgumentParser
import FoundationEssentials
import Gossip
import SecureChannel
import Wire

/// The cores without a network: codec, sealing, handshake, and whole nodes exchanging gossip. CPU time, not wall clock.
struct CoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "core", abstract: "CPU time and allocations of codec, sealing, handshake and gossip.")

  @Option(help: "Nodes of the mesh whose gossip is measured.") var nodes = 50
  @Flag(help: "Print JSON.") var json = false

  func run() throws { try BenchOutput.print(try CoreCommand.rows(nodes: nodes), json: json) }

  static func rows(nodes: Int) throws -> [BenchRow] {
    try CodecWork.rows() + SealWork.rows() + HandshakeWork.rows() + gossip(nodes)
  }

  private static func gossip(_ nodes: Int) throws -> [BenchRow] {
    let mesh = try BenchMesh(nodes, seed: 1)
    // Everybody has a session with everybody and all tables have grown.
    mesh.run(seconds: 600)
    guard mesh.agree else { throw FloodError.noAgreement }
    let seconds = 60.0
    mesh.run(seconds: seconds, measuring: true)
    let (datagrams, deadlines) = (mesh.datagrams, mesh.deadlines)
    let spent = datagrams.nanoseconds + deadlines.nanoseconds + mesh.handshakes.nanoseconds
    let share = Double(spent) / 1e9 / seconds / Double(nodes)
    let name = "node, \(nodes) in a mesh, without the kernel"
    return [
      BenchRow(
        what: "\(name): one datagram in, what follows out",
        measured: Double(datagrams.nanoseconds) / Double(max(1, datagrams.inputs)) / 1e3, unit: "µs"),
      BenchRow(
        what: "\(name): one deadline or command",
        measured: Double(deadlines.nanoseconds) / Double(max(1, deadlines.inputs)) / 1e3, unit: "µs"),
      BenchRow(
        what: "\(name): handshakes, inputs of them per minute and node",
        measured: Double(mesh.handshakes.inputs) / seconds * 60 / Double(nodes), unit: ""),
      BenchRow(what: "\(name): share of a core", measured: share * 100, unit: "%"),
      BenchRow(
        what: "\(name): allocations per datagram",
        measured: Double(datagrams.allocations) / Double(max(1, datagrams.inputs)), unit: "allocations",
        // A table that grows once more in a hundred thousand datagrams is warm-up, not cost.
        budget: 0.001),
      BenchRow(
        what: "\(name): allocations per deadline or command",
        measured: Double(deadlines.allocations) / Double(max(1, deadlines.inputs)), unit: "allocations"),
      BenchRow(
        what: "\(name): sent, load records included", measured: Double(mesh.bytes) / seconds / Double(nodes),
        unit: "B/s"),
    ]
  }
}

enum BenchOutput {
  static func print(_ rows: [BenchRow], json: Bool) throws {
    guard json else { return Swift.print(BenchTable.text(rows)) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    Swift.print(String(decoding: try encoder.encode(rows), as: UTF8.self))
  }
}
