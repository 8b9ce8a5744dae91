import Configuration
import Control
import Glibc

/// `doctor hardware` without a node: this machine against `host_requirements`. (A running node tells it itself, because
/// it also sees the limits of its container.)
struct HardwareCheck {
  let setup: Setup

  func finding() -> Finding {
    let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let memory = UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES)))) &* UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
    let wanted = setup.settings.hostRequirements
    var missing: [String] = []
    if cores < wanted.cpuCores {
      missing.append("\(Plural.of(cores, "core")), wants \(wanted.cpuCores) (\(origin("min_cpu_cores")))")
    }
    if memory < wanted.memoryBytes {
      missing.append(
        "\(Figures.bytes(memory)) memory, wants \(Figures.bytes(wanted.memoryBytes)) (\(origin("min_memory_gb")))")
    }
    guard !missing.isEmpty else {
      return Finding(.hardware, .ok, "\(Plural.of(cores, "core")), \(Figures.bytes(memory)) memory")
    }
    return Finding(
      .hardware, .warn, "\(missing.joined(separator: "; ")): holds copies, but owns no maps",
      fix: "mesh-ctl explain host_requirements.min_cpu_cores")
  }

  private func origin(_ name: String) -> String {
    setup.loaded.origin(of: "host_requirements.\(name)")?.description ?? "default"
  }
}
