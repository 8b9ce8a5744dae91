/// What stands in the files of /proc and of control groups (proc(5), the kernel's cgroup-v1 and cgroup-v2 pages). Each
/// function answers `nil` for a text that is not as described; none can trap.
package enum ProcText {
  /// Processor time of the whole machine since it started, in ticks.
  package struct ProcessorTime: Equatable {
    package var busy: UInt64
    package var total: UInt64

    package init(busy: UInt64, total: UInt64) {
      self.busy = busy
      self.total = total
    }
  }

  /// The first line of /proc/stat: user nice system idle iowait irq softirq steal. Time that the hypervisor kept
  /// (steal) counts as busy: it was not to be had. Guest time is in user already.
  package static func processorTime(_ stat: String) -> ProcessorTime? {
    guard let line = stat.firstLine, line.hasPrefix("cpu ") else { return nil }
    let fields = line.split(separator: " ").dropFirst().prefix(8).map { UInt64($0) }
    guard fields.count >= 4 else { return nil }
    var time = ProcessorTime(busy: 0, total: 0)
    for (index, field) in fields.enumerated() {
      guard let field else { return nil }
      time.total &+= field
      if index != 3, index != 4 { time.busy &+= field }
    }
    return time
  }

  /// `MemTotal:       24683128 kB` in bytes.
  package static func kilobytes(_ name: String, in meminfo: String) -> UInt64? {
    for line in meminfo.split(separator: "\n") where line.hasPrefix(name + ":") {
      let words = line.split(separator: " ")
      guard words.count == 3, words[2] == "kB", let count = UInt64(words[1]) else { return nil }
      return product(count, 1_024)
    }
    return nil
  }

  /// Resident pages, the second number of /proc/self/statm.
  package static func residentPages(_ statm: String) -> UInt64? {
    let words = statm.split(separator: " ")
    return words.count >= 2 ? UInt64(words[1]) : nil
  }

  /// One number alone on a line; `max` and what a v1 group shows for "no limit" are `nil`.
  package static func number(_ text: String) -> UInt64? {
    // v1 shows the largest page-aligned Int64 where v2 says `max`.
    guard let line = text.firstLine, let value = UInt64(line.trimmed), value < 1 << 62 else { return nil }
    return value
  }

  /// A line `name value` of a group's `*.stat` file.
  package static func value(_ name: String, in stat: String) -> UInt64? {
    for line in stat.split(separator: "\n") where line.hasPrefix(name + " ") {
      return UInt64(line.dropFirst(name.utf8.count + 1).trimmed)
    }
    return nil
  }

  /// `200000 100000` of a v2 group's cpu.max: 2 processors; `max 100000`: no limit.
  package static func processorLimit(_ cpuMax: String) -> Double? {
    let words = (cpuMax.firstLine ?? "").split(separator: " ")
    guard words.count == 2, let quota = UInt64(words[0]), let period = UInt64(words[1]), quota > 0, period > 0 else {
      return nil
    }
    return Double(quota) / Double(period)
  }

  /// The path of this process' group: of the unified hierarchy (`0::/path`) for no controller, else of the v1 hierarchy
  /// that holds the controller (`4:memory:/path`).
  package static func group(controller: String?, in text: String) -> String? {
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      if let controller {
        if fields[1].split(separator: ",").contains(Substring(controller)) { return String(fields[2]) }
      } else if fields[0] == "0", fields[1].isEmpty {
        return String(fields[2])
      }
    }
    return nil
  }

  /// A counter of /proc/net/snmp, e.g. ("Ip", "InReceives"): one line of names, one of values, for each protocol.
  package static func counter(_ group: String, _ name: String, in snmp: String) -> UInt64? {
    var names: [Substring]?
    for line in snmp.split(separator: "\n") where line.hasPrefix(group + ":") {
      let words = line.split(separator: " ")
      guard let header = names else {
        names = words
        continue
      }
      guard let index = header.firstIndex(of: Substring(name)), index < words.count else { return nil }
      return UInt64(words[index])
    }
    return nil
  }

  private static func product(_ left: UInt64, _ right: UInt64) -> UInt64? {
    let (value, overflow) = left.multipliedReportingOverflow(by: right)
    return overflow ? nil : value
  }
}

extension StringProtocol {
  var firstLine: SubSequence? { split(separator: "\n", maxSplits: 1).first }

  /// Without blanks and line ends around it.
  var trimmed: SubSequence {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0.isNewline }
    var rest = drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest = rest.dropLast() }
    return rest
  }
}
