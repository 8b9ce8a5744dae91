import ArgumentParser
import Glibc
import MeshLab

/// Replicated writes of the mesh beside those of Redis and etcd, in one run.
struct StateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "state", abstract: "Replicated writes beside Redis and etcd: throughput, latency, cost, failover.",
    discussion: """
      Three processes of each system on loopback, 24 shards of 1,000 keys, values of 100 bytes, 32 clients with one write
      under way each, all on one thread. Every row names its durability level: A in memory on two hosts, B in memory on
      three, C durable on a majority, D durable on all three. Clients ask where their key is written: the owner's control
      socket (JSON over a Unix socket), Redis' master (TCP), etcd's leader (gRPC, TCP). Placement and the
      shard log beside the raw disk stand in the same table.
      """)

  @Option(help: "The folder with mesh-node and mesh-ctl.") var binaries: String
  @Option(help: "The folder into which Debian's redis-server, etcd-server and etcd-client were unpacked.")
  var peers: String?
  @Option(help: "For how long each system is loaded in each run, in seconds.") var seconds = 15.0
  @Option(help: "Runs of each system; medians are told.") var runs = 3
  @Option(help: "How often the owner (etcd: the leader) is killed; 0: never.") var kills = 3
  @Flag(inversion: .prefixedNo, help: "Run etcd's own load generator too, for a minute.") var etcdCheck = true
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    guard seconds >= 1, seconds <= 600 else { throw ValidationError("--seconds is a number from 1 to 600") }
    guard (1...99).contains(runs) else { throw ValidationError("--runs is a number from 1 to 99") }
    guard (0...20).contains(kills) else { throw ValidationError("--kills is a number from 0 to 20") }
  }

  func run() throws {
    let run = StateRun(
      binaries: binaries, peers: peers, seconds: seconds, runs: runs, kills: kills, runsEtcdCheck: etcdCheck)
    let rows = try PlacementCommand.parse([]).benchRows() + LogCommand.parse([]).benchRows() + run.rows()
    try BenchOutput.print(rows, json: json)
  }
}
