import Control
import MeshLab

/// What JSON costs a node for each write: the request is read and the answer is written, nothing else.
enum ControlWork {
  private static let writes = 20_000

  static func row() -> BenchRow {
    var line: [UInt8] = []
    MeshDialect(shards: ["prt-1"], durability: "normal").write(key: 17, ofShard: 0, value: 5, to: &line)
    line.removeLast()
    var bytes = 0
    let start = threadNanoseconds()
    for number in 0..<writes {
      guard case .shards(.write(let write))? = try? ControlRequest(line: line) else {
        preconditionFailure("the write of the load generator is not a write")
      }
      bytes += StateWriteReply(shard: write.shard, epoch: 1, sequence: UInt64(number)).line().count
    }
    let spent = threadNanoseconds() - start
    precondition(bytes > 0)
    return BenchRow(
      what: "control socket: JSON of 1,000 writes read, of their answers written",
      measured: Double(spent) / 1e9 * 1_000 / Double(writes),
      unit: "CPU s")
  }
}
