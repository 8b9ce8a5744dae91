import Glibc
package import Gossip

/// What this machine is and how busy it is: the numbers behind load records, `status` and the hardware check.
///
/// `sample` is called once a second. A number that this system does not tell is `nil`, never a guess.
package final class HostMeasurements {
  /// Smoothing of the processor's load (`gossip.md` 5.7).
  package static let smoothing = 5.0

  /// Processors that this process may use; a control group's limit may make it a fraction.
  package let processors: Double
  /// Bytes that this process may use: the machine's, or its control group's when that is less.
  package let memoryLimit: UInt64?
  /// 0…1 of `processors`, smoothed over 5 s; `nil` before the second sample.
  package private(set) var processorRatio: Double?
  /// 0…1 of `memoryLimit`.
  package private(set) var memoryRatio: Double?
  /// Bytes of this process that are in memory.
  package private(set) var residentBytes: UInt64 = 0
  package var loopLag: UInt64 { lateness.worst }

  private let group: ControlGroup
  private let stat: ProcFile?
  private let meminfo: ProcFile?
  private let statm: ProcFile?
  private let pageSize: UInt64
  private var lateness = LatenessWindow()
  private var last: (at: UInt64, machine: ProcText.ProcessorTime?, group: UInt64?)?

  /// `root` is `/`; tests give a folder that looks like it.
  package init(root: String = "/", onlineProcessors: Int = sysconf(Int32(_SC_NPROCESSORS_ONLN))) {
    group = ControlGroup(root: root)
    stat = ProcFile(root + "proc/stat")
    meminfo = ProcFile(root + "proc/meminfo")
    statm = ProcFile(root + "proc/self/statm")
    pageSize = UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
    processors = min(Double(max(1, onlineProcessors)), group.processors ?? .infinity)
    let machine = meminfo?.text().flatMap { ProcText.kilobytes("MemTotal", in: $0) }
    memoryLimit = [machine, group.memory].compactMap { $0 }.min()
  }

  /// How late the loop was in a turn, in nanoseconds.
  package func noteLateness(_ nanoseconds: UInt64, at monotonic: UInt64) {
    lateness.note(nanoseconds, at: monotonic)
  }

  package func sample(at monotonic: UInt64) {
    lateness.advance(to: monotonic)
    if let pages = statm?.text(limit: 256).flatMap(ProcText.residentPages) { residentBytes = pages &* pageSize }
    memoryRatio = currentMemoryRatio()

    let machine = stat?.text(limit: 512).flatMap(ProcText.processorTime)
    let used = group.processorNanoseconds
    if let last, monotonic > last.at {
      let elapsed = Double(monotonic - last.at) / 1e9
      let ratios = [
        HostMeasurements.machineRatio(from: last.machine, to: machine),
        groupRatio(from: last.group, to: used, over: elapsed),
      ]
      // Whichever limit is nearer is the one that binds.
      if let now = ratios.compactMap({ $0 }).max() {
        let before = processorRatio ?? now
        processorRatio = before + (now - before) * (1 - exp(-elapsed / HostMeasurements.smoothing))
      }
    }
    last = (monotonic, machine, used)
  }

  private static func machineRatio(from: ProcText.ProcessorTime?, to: ProcText.ProcessorTime?) -> Double? {
    // The kernel's counters of idle time may step back by a tick.
    guard let from, let to, to.total > from.total, to.busy >= from.busy else { return nil }
    return min(1, Double(to.busy - from.busy) / Double(to.total - from.total))
  }

  private func groupRatio(from: UInt64?, to: UInt64?, over elapsed: Double) -> Double? {
    guard let from, let to, to >= from, let limit = group.processors else { return nil }
    return min(1, Double(to - from) / 1e9 / (elapsed * limit))
  }

  private func currentMemoryRatio() -> Double? {
    var ratios: [Double] = []
    if let limit = group.memory, limit > 0, let used = group.memoryBytes {
      ratios.append(min(1, Double(used) / Double(limit)))
    }
    if let text = meminfo?.text(), let total = ProcText.kilobytes("MemTotal", in: text), total > 0,
      let available = ProcText.kilobytes("MemAvailable", in: text)
    {
      ratios.append(Double(total - min(total, available)) / Double(total))
    }
    return ratios.max()
  }

  /// What this host tells others about itself (`gossip.md` 5.7).
  package func loadRecord(flags: LoadRecord.Flags = []) -> LoadRecord {
    LoadRecord(
      processor: LoadScale.halfPercent(processorRatio ?? 0), memory: LoadScale.percent(memoryRatio ?? 0),
      loopLag: LoadScale.octaves(loopLag, from: LoadScale.lagUnit), flags: flags)
  }
}

/// The worst lateness of the last 5 s: one maximum a second.
struct LatenessWindow {
  static let seconds = 5

  private var maxima = [UInt64](repeating: 0, count: seconds)
  private var second: UInt64 = 0

  var worst: UInt64 { maxima.max() ?? 0 }

  mutating func note(_ nanoseconds: UInt64, at monotonic: UInt64) {
    advance(to: monotonic)
    let index = Int(second % UInt64(LatenessWindow.seconds))
    maxima[index] = max(maxima[index], nanoseconds)
  }

  mutating func advance(to monotonic: UInt64) {
    let now = monotonic / 1_000_000_000
    guard now > second else { return }
    if now - second >= UInt64(LatenessWindow.seconds) {
      for index in maxima.indices { maxima[index] = 0 }
    } else {
      for passed in second + 1...now { maxima[Int(passed % UInt64(LatenessWindow.seconds))] = 0 }
    }
    second = now
  }
}

/// The scales of load records (`gossip.md` 5.7), both ways.
package enum LoadScale {
  /// Lateness is counted from 1 ms.
  package static let lagUnit: UInt64 = 1_000_000

  package static func halfPercent(_ ratio: Double) -> UInt8 { UInt8((min(max(ratio, 0), 1) * 200).rounded()) }
  package static func percent(_ ratio: Double) -> UInt8 { UInt8((min(max(ratio, 0), 1) * 100).rounded()) }

  package static func processorRatio(_ code: UInt8) -> Double { Double(min(code, 200)) / 200 }
  package static func memoryRatio(_ code: UInt8) -> Double { Double(min(code, 100)) / 100 }

  /// 8 steps per octave: 0 below `unit`, 1 at it, 9 at twice.
  package static func octaves(_ value: UInt64, from unit: UInt64) -> UInt8 {
    guard value >= unit, unit > 0 else { return 0 }
    return UInt8(min(255, 1 + (log2(Double(value) / Double(unit)) * 8).rounded(.down)))
  }

  /// The lower edge of a step.
  package static func value(_ code: UInt8, from unit: UInt64) -> UInt64 {
    code == 0 ? 0 : UInt64(Double(unit) * exp2(Double(code - 1) / 8))
  }
}
