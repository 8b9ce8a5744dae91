import Glibc

/// What one process costs at one moment, from /proc (Linux, proc(5)).
struct ProcessCost {
  /// Time on a core so far, in seconds.
  var processorSeconds: Double
  /// Resident set, in bytes.
  var resident: UInt64
  /// Pages that only this process has and that were written, in bytes.
  var privateDirty: UInt64

  /// `nil` when the process is gone.
  init?(of process: pid_t) {
    guard let memory = readText("/proc/\(process)/smaps_rollup"), let nanoseconds = ProcessCost.onCore(process) else {
      return nil
    }
    processorSeconds = Double(nanoseconds) / 1e9
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

  /// What all threads have had of a core, in nanoseconds (schedstat; `stat` counts in ticks of 10 ms, and an idle node
  /// needs some ten of them a minute).
  private static func onCore(_ process: pid_t) -> UInt64? {
    guard let folder = opendir("/proc/\(process)/task") else { return nil }
    defer { closedir(folder) }
    var sum: UInt64 = 0
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let thread = pid_t(name), let text = readText("/proc/\(process)/task/\(thread)/schedstat"),
        let first = text.split(separator: " ").first, let nanoseconds = UInt64(first)
      else { continue }
      sum += nanoseconds
    }
    return sum > 0 ? sum : nil
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
  /// Received per process and second on the group's own loopback, headers included; `nil` without a namespace.
  var bytesPerSecond: Double?

  /// Watches them for `seconds`; `nil` when one is gone.
  static func watch(
    _ processes: [pid_t], seconds: Double, received: () -> UInt64?, pause: (Double) -> Void
  ) -> GroupCost? {
    let receivedBefore = received()
    let before = processes.compactMap { ProcessCost(of: $0) }
    pause(seconds)
    let after = processes.compactMap { ProcessCost(of: $0) }
    let bytes = received().flatMap { now in receivedBefore.map { Double(now - $0) } }
    guard !processes.isEmpty, before.count == processes.count, after.count == processes.count else { return nil }
    let shares = zip(before, after).map { ($1.processorSeconds - $0.processorSeconds) / seconds }.sorted()
    let resident = after.map(\.resident).sorted()
    let dirty = after.map(\.privateDirty).sorted()
    return GroupCost(
      processes: processes.count, seconds: seconds, residentBytesMedian: resident[resident.count / 2],
      residentBytesMaximum: resident[resident.count - 1], privateDirtyBytesMedian: dirty[dirty.count / 2],
      privateDirtyBytesMaximum: dirty[dirty.count - 1], coreShareMedian: shares[shares.count / 2],
      coreShareMaximum: shares[shares.count - 1],
      bytesPerSecond: bytes.map { $0 / seconds / Double(processes.count) })
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
