import Glibc

/// What one process costs at one moment, from /proc (Linux, proc(5)).
struct ProcessCost {
  /// User and system time so far, in seconds.
  var processorSeconds: Double
  /// Resident set, in bytes.
  var resident: UInt64
  /// Pages that only this process has and that were written, in bytes.
  var privateDirty: UInt64

  /// `nil` when the process is gone.
  init?(of process: pid_t) {
    guard let stat = readText("/proc/\(process)/stat"), let memory = readText("/proc/\(process)/smaps_rollup"),
      let name = stat.lastIndex(of: ")")
    else { return nil }
    let fields = stat[stat.index(after: name)...].split(separator: " ")
    // utime and stime are fields 14 and 15; two stand before the closing parenthesis.
    guard fields.count > 13, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
    processorSeconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    func kilobytes(_ label: String) -> UInt64? {
      for line in memory.split(separator: "\n") where line.hasPrefix(label + ":") {
        return line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }
      }
      return nil
    }
    guard let resident = kilobytes("Rss"), let dirty = kilobytes("Private_Dirty") else { return nil }
    self.resident = resident * 1024
    privateDirty = dirty * 1024
  }
}

/// A group of like processes, watched over a span of time.
struct GroupCost: Encodable {
  var processes: Int
  var seconds: Double
  var residentBytesMedian: UInt64
  var residentBytesMaximum: UInt64
  var privateDirtyBytesMedian: UInt64
  var privateDirtyBytesMaximum: UInt64
  /// Share of one core, median and maximum over the processes.
  var coreShareMedian: Double
  var coreShareMaximum: Double

  /// Watches them for `seconds`; `nil` when one is gone.
  static func watch(_ processes: [pid_t], seconds: Double, pause: (Double) -> Void) -> GroupCost? {
    let before = processes.compactMap { ProcessCost(of: $0) }
    pause(seconds)
    let after = processes.compactMap { ProcessCost(of: $0) }
    guard !processes.isEmpty, before.count == processes.count, after.count == processes.count else { return nil }
    let shares = zip(before, after).map { ($1.processorSeconds - $0.processorSeconds) / seconds }.sorted()
    let resident = after.map(\.resident).sorted()
    let dirty = after.map(\.privateDirty).sorted()
    return GroupCost(
      processes: processes.count, seconds: seconds, residentBytesMedian: resident[resident.count / 2],
      residentBytesMaximum: resident[resident.count - 1], privateDirtyBytesMedian: dirty[dirty.count / 2],
      privateDirtyBytesMaximum: dirty[dirty.count - 1], coreShareMedian: shares[shares.count / 2],
      coreShareMaximum: shares[shares.count - 1])
  }
}

func readText(_ path: String) -> String? {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return nil }
  defer { close(file) }
  var content: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 16 << 10)
  while true {
    let count = read(file, &chunk, chunk.count)
    if count <= 0 { break }
    content.append(contentsOf: chunk[..<count])
  }
  return String(decoding: content, as: UTF8.self)
}
