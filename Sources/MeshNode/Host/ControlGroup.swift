import Glibc

/// The limits that control groups (containers, units) put on this process, and what the group uses of them.
///
/// In a v2 hierarchy every group above counts too: the smallest limit rules, and its group's usage is what is compared.
/// Of v1 the own group of each controller is read, or the root of the mount where a container shows nothing else.
struct ControlGroup {
  /// Processors, e.g. 1.5; `nil` = no limit.
  private(set) var processors: Double?
  /// Bytes; `nil` = no limit.
  private(set) var memory: UInt64?
  private var processorUsage: ProcFile?
  /// Of the two hierarchies, which writes the usage how.
  private var isUnified = false
  private var memoryUsage: ProcFile?
  private var memoryStat: ProcFile?

  /// `root` is `/`; tests give a folder that looks like it.
  init(root: String) {
    let groups = ProcFile.text(root + "proc/self/cgroup") ?? ""
    let mount = root + "sys/fs/cgroup"
    if access(mount + "/cgroup.controllers", F_OK) == 0 {
      isUnified = true
      readUnified(mount: mount, path: ProcText.group(controller: nil, in: groups) ?? "/")
    } else {
      readSeparate(mount: mount, groups: groups)
    }
  }

  private mutating func readUnified(mount: String, path: String) {
    var names = path.split(separator: "/")
    // `..` stands there when the process was moved out of its namespace's root.
    if names.contains("..") || names.count > 32 { names = [] }
    while true {
      let folder = mount + names.map { "/" + $0 }.joined()
      if let limit = ProcFile.text(folder + "/cpu.max").flatMap(ProcText.processorLimit),
        limit < processors ?? .infinity
      {
        processors = limit
        processorUsage = ProcFile(folder + "/cpu.stat")
      }
      if let limit = ProcFile.text(folder + "/memory.max").flatMap(ProcText.number), limit < memory ?? .max {
        memory = limit
        memoryUsage = ProcFile(folder + "/memory.current")
        memoryStat = ProcFile(folder + "/memory.stat")
      }
      if names.isEmpty { return }
      names.removeLast()
    }
  }

  private mutating func readSeparate(mount: String, groups: String) {
    func folder(_ controller: String, having file: String) -> String? {
      let path = ProcText.group(controller: controller, in: groups) ?? "/"
      let candidates = [mount + "/" + controller + path, mount + "/" + controller]
      return candidates.first { access($0 + "/" + file, R_OK) == 0 }
    }
    if let cpu = folder("cpu", having: "cpu.cfs_quota_us"),
      let quota = ProcFile.text(cpu + "/cpu.cfs_quota_us").flatMap(ProcText.number),
      let period = ProcFile.text(cpu + "/cpu.cfs_period_us").flatMap(ProcText.number), quota > 0, period > 0,
      let usage = folder("cpuacct", having: "cpuacct.usage")
    {
      processors = Double(quota) / Double(period)
      processorUsage = ProcFile(usage + "/cpuacct.usage")
    }
    if let group = folder("memory", having: "memory.limit_in_bytes"),
      let limit = ProcFile.text(group + "/memory.limit_in_bytes").flatMap(ProcText.number)
    {
      memory = limit
      memoryUsage = ProcFile(group + "/memory.usage_in_bytes")
      memoryStat = ProcFile(group + "/memory.stat")
    }
  }

  /// Processor time that the limited group has used, in nanoseconds.
  var processorNanoseconds: UInt64? {
    guard let text = processorUsage?.text() else { return nil }
    if !isUnified { return ProcText.number(text) }
    return ProcText.value("usage_usec", in: text).map { $0 &* 1_000 }
  }

  /// Memory that the limited group holds and cannot give back at once: usage without what only caches files, as the
  /// kernel's MemAvailable counts for the whole machine.
  var memoryBytes: UInt64? {
    guard let used = memoryUsage?.text().flatMap(ProcText.number) else { return nil }
    let stat = memoryStat?.text() ?? ""
    let prefix = isUnified ? "" : "total_"
    let cached = ["active_file", "inactive_file"].reduce(UInt64(0)) {
      $0 &+ (ProcText.value(prefix + $1, in: stat) ?? 0)
    }
    return used - min(used, cached)
  }
}
