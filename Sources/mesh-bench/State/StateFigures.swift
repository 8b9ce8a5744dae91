import Glibc
import MeshLab

/// What one span of the workload has shown of one system.
struct StateFigures {
  var operationsPerSecond: Double
  /// Of acknowledged writes, in ms.
  var p50: Double
  var p99: Double
  var p999: Double
  /// Of all processes of the system under test.
  var processorSecondsPer1000: Double
  /// Of all processes together at the end, in MB.
  var residentMegabytes: Double
  /// Of 100 requests.
  var refusedPercent: Double

  private static let warmUp = 2.0

  /// Loads the system for `seconds` after a short time that does not count.
  static func measure<Dialect>(
    _ loop: ClosedLoop<Dialect>, _ processes: [LabProcess], seconds: Double
  ) throws(LabError) -> StateFigures {
    _ = try loop.run(seconds: warmUp)
    let before = try costs(processes)
    let result = try loop.run(seconds: seconds)
    let after = try costs(processes)
    let count = Double(result.latencies.count)
    if let refusal = result.refusal { BenchNote.say("\(result.refused) refused, such as: \(refusal)") }
    guard count > 0 else { throw LabError("no write was acknowledged: \(result.refusal ?? "no answer")") }
    let spent = zip(before, after).map { $1.processorSeconds - $0.processorSeconds }.reduce(0, +)
    return StateFigures(
      operationsPerSecond: count / result.seconds, p50: result.latencies.quantile(0.5),
      p99: result.latencies.quantile(0.99), p999: result.latencies.quantile(0.999),
      processorSecondsPer1000: spent / count * 1_000,
      residentMegabytes: after.reduce(0) { $0 + Double($1.resident) } / 1_048_576,
      refusedPercent: Double(result.refused) / (count + Double(result.refused)) * 100)
  }

  private static func costs(_ processes: [LabProcess]) throws(LabError) -> [ProcessCost] {
    let found = processes.compactMap { ProcessCost(of: $0.identifier) }
    guard found.count == processes.count else {
      let gone = processes.first { !$0.isRunning }
      throw LabError("\(gone?.name ?? "a process") ended: \(gone?.logTail(lines: 3) ?? "")")
    }
    return found
  }

  /// Of each figure the median by itself.
  static func median(_ runs: [StateFigures]) -> StateFigures {
    func middle(_ figure: (StateFigures) -> Double) -> Double { runs.map(figure).sorted().quantile(0.5) }
    return StateFigures(
      operationsPerSecond: middle(\.operationsPerSecond), p50: middle(\.p50), p99: middle(\.p99), p999: middle(\.p999),
      processorSecondsPer1000: middle(\.processorSecondsPer1000), residentMegabytes: middle(\.residentMegabytes),
      refusedPercent: middle(\.refusedPercent))
  }

  var shown: String {
    "\(Int(operationsPerSecond)) a second, p50 \(p50.shown) ms, p99 \(p99.shown) ms, p99.9 \(p999.shown) ms, "
      + "\(processorSecondsPer1000.shown) CPU s for 1,000, \(Int(residentMegabytes)) MB"
  }
}

/// Words for people while a run goes on.
enum BenchNote {
  static func say(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
