import Glibc

/// Network namespaces for tests: hosts with addresses of their own and firewalls of their own, on one machine. Needs
/// root and Debian's iproute2 and nftables; `isPossible` says whether this machine allows it.
package final class LabNamespace {
  package let name: String
  private let folder: String

  /// Whether namespaces can be made here.
  package static func isPossible(folder: String) -> Bool {
    guard getuid() == 0, let probe = try? LabNamespace("mesh-probe-\(getpid())", folder: folder) else { return false }
    defer { probe.remove() }
    return (try? probe.filter("")) != nil
  }

  package init(_ name: String, folder: String) throws(LabError) {
    self.name = name
    self.folder = folder
    try LabNamespace.ip(["netns", "add", name], folder: folder)
    try LabNamespace.ip(["-n", name, "link", "set", "lo", "up"], folder: folder)
  }

  deinit { remove() }

  package func remove() { _ = try? LabNamespace.ip(["netns", "delete", name], folder: folder) }

  /// Bytes that have come in over this namespace's loopback, headers included.
  package func loopbackBytes() -> UInt64? {
    guard let result = try? LabCommand.run("/usr/bin/env", prefix + ["cat", "/proc/net/dev"], folder: folder) else {
      return nil
    }
    for line in result.output.split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == ":" }
      if words.first == "lo", words.count > 1 { return UInt64(words[1]) }
    }
    return nil
  }

  /// Words before a command that put it into this namespace.
  package var prefix: [String] { ["ip", "netns", "exec", name] }

  /// Joins two namespaces by a cable with an address at each end (/24).
  package static func connect(
    _ left: LabNamespace, _ leftAddress: String, _ right: LabNamespace, _ rightAddress: String
  ) throws(LabError) {
    let folder = left.folder
    try ip(
      ["link", "add", "cable", "netns", left.name, "type", "veth", "peer", "name", "cable", "netns", right.name],
      folder: folder)
    for (end, address) in [(left, leftAddress), (right, rightAddress)] {
      try ip(["-n", end.name, "address", "add", address + "/24", "dev", "cable"], folder: folder)
      try ip(["-n", end.name, "link", "set", "cable", "up"], folder: folder)
    }
  }

  /// Joins namespaces by a switch in this one: the first gets 10.77.0.1, the next 10.77.0.2 and so on (/24).
  package func connect(_ ends: [LabNamespace]) throws(LabError) {
    try LabNamespace.ip(["-n", name, "link", "add", "switch", "type", "bridge"], folder: folder)
    try LabNamespace.ip(["-n", name, "link", "set", "switch", "up"], folder: folder)
    for (index, end) in ends.enumerated() {
      let port = "port\(index + 1)"
      try LabNamespace.ip(
        ["link", "add", "cable", "netns", end.name, "type", "veth", "peer", "name", port, "netns", name], folder: folder
      )
      try LabNamespace.ip(["-n", name, "link", "set", port, "master", "switch", "up"], folder: folder)
      try LabNamespace.ip(
        ["-n", end.name, "address", "add", LabNamespace.address(index) + "/24", "dev", "cable"], folder: folder)
      try LabNamespace.ip(["-n", end.name, "link", "set", "cable", "up"], folder: folder)
    }
  }

  /// Of the namespace with this index (from 0) on a switch.
  package static func address(_ index: Int) -> String { "10.77.0.\(index + 1)" }

  /// Replaces the packet filter of this namespace by these rules (of chains `incoming` and `outgoing`).
  package func filter(_ incoming: String, outgoing: String = "") throws(LabError) {
    let rules = """
      flush ruleset
      table inet lab {
        chain incoming { type filter hook input priority 0; policy accept; \(incoming.isEmpty ? "" : incoming + ";") }
        chain outgoing { type filter hook output priority 0; policy accept; \(outgoing.isEmpty ? "" : outgoing + ";") }
      }

      """
    let path = folder + "/rules-" + name
    unlink(path)
    try LabFiles.write(rules, to: path)
    try LabNamespace.run(prefix + ["nft", "-f", path], folder: folder)
  }

  private static func ip(_ arguments: [String], folder: String) throws(LabError) {
    try run(["ip"] + arguments, folder: folder)
  }

  private static func run(_ words: [String], folder: String) throws(LabError) {
    let result = try LabCommand.run("/usr/bin/env", words, folder: folder)
    guard result.status == 0 else {
      throw LabError("\(words.joined(separator: " ")) ended with \(result.status): \(result.errors)")
    }
  }
}
