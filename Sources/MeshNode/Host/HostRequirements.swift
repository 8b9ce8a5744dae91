import Configuration
import Control

/// A number of `host_requirements` that this machine does not reach.
struct HardwareShortfall: Equatable {
  /// The setting, e.g. `host_requirements.min_cpu_cores`.
  var setting: String
  /// A few words for tables: `1 core < 4`.
  var words: String
}

extension Shell {
  /// What this machine lacks, each with the line that asks for it: `1 core < 4 (conf/p2p_athena.conf:6)`.
  var shortfalls: [HardwareShortfall] {
    settings.hostRequirements.shortfalls(of: host).map { shortfall in
      guard case .set(let places)? = options.loaded?.origin(of: "p2p_settings." + shortfall.setting),
        let place = places.last
      else { return shortfall }
      var shortfall = shortfall
      shortfall.words += " (\(place.file.printable(limit: 60)):\(place.line))"
      return shortfall
    }
  }
}

extension Settings.HostRequirements {
  /// What this machine lacks. Bandwidth and uptime are not measured here; they are judged by what peers see.
  func shortfalls(of host: HostMeasurements) -> [HardwareShortfall] {
    var found: [HardwareShortfall] = []
    if host.processors < Double(cpuCores) {
      let has = host.processors.rounded() == host.processors ? "\(Int(host.processors))" : "\(tenths(host.processors))"
      found.append(
        HardwareShortfall(
          setting: "host_requirements.min_cpu_cores", words: "\(has) core\(has == "1" ? "" : "s") < \(cpuCores)"))
    }
    if let memory = host.memoryLimit, memory < memoryBytes {
      found.append(
        HardwareShortfall(
          setting: "host_requirements.min_memory_gb",
          words: "\(tenths(Double(memory) / 1e9)) GB memory < \(tenths(Double(memoryBytes) / 1e9))"))
    }
    return found
  }

  private func tenths(_ value: Double) -> String {
    let tenths = UInt64((min(max(value, 0), 1e12) * 10).rounded(.down))
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
  }
}
