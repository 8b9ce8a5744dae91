package import NodeCore
import Wire

/// What a host has on its disk, and how the disk behaves. Only what a node was told to be persisted is there.
package struct Disk {
  package private(set) var generation: UInt64?
  package private(set) var peers: [KnownPeer] = []
  package private(set) var revocations: [[UInt8]] = []
  package private(set) var labelFloor: UInt64 = 0
  /// Time from the request until the data is durable, in nanoseconds.
  package var latency: UInt64 = Nanoseconds.milliseconds(5)
  /// Every write fails.
  package var fails = false

  package init() {}

  mutating func write(_ content: NodeEffects.Persist.Content) {
    switch content {
    case .generation(let generation): self.generation = generation
    case .peers(let peers): self.peers = peers
    case .revocation(let revocation): if !revocations.contains(revocation) { revocations.append(revocation) }
    case .labelFloor(let floor): labelFloor = floor
    case .certificate: break  // simulated hosts have none
    }
  }

  /// A new, empty disk in the same machine.
  mutating func lose() {
    generation = nil
    peers = []
    revocations = []
    labelFloor = 0
  }
}
