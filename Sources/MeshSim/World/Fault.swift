import Wire

/// The fault alphabet: everything that can go wrong in a world, and what mends it. Machines are named by number.
package enum Fault: Hashable, Sendable {
  // Processes
  /// kill -9.
  case crash(Int)
  /// Starts a machine's node again, from its disk.
  case restart(Int)
  /// Starts it with an empty disk.
  case restartEmpty(Int)
  /// Starts it at an address that nobody has had.
  case restartElsewhere(Int)
  /// Starts it at the address of another machine, which must be down.
  case restartAt(Int, addressOf: Int)
  /// SIGTERM: the node says goodbye, then ends.
  case leave(Int)
  /// A spare machine runs with the keys of another: a copied disk.
  case clone(of: Int, on: Int)
  /// The same with the key files alone.
  case cloneKeys(of: Int, on: Int)
  /// The operator revokes a machine's certificate, on another machine.
  case revoke(Int, on: Int)

  // Stalls (the three kinds of `gossip.md` 3.4)
  /// The whole process stands: SIGSTOP, a paused virtual machine.
  case freeze(Int, for: UInt64)
  /// One turn of the loop, then a stall of `pause`, over and over: a machine without processor time.
  case starve(Int, pause: UInt64, for: UInt64)
  /// Nothing is sent or received while timers run; what was sent leaves at the end.
  case block(Int, for: UInt64, BlockKind)
  /// The same again and again, with an open span after each.
  case blockAndOpen(Int, blocked: UInt64, open: UInt64, for: UInt64, BlockKind)

  // Wires
  case egressLoss(Int, Double)
  case ingressLoss(Int, Double)
  case egressDelay(Int, UInt64)
  case pathLoss(from: Int, to: Int, Double)
  /// Everything sent to a machine is lost for `half`, then nothing, over and over.
  case flipFlop(Int, half: UInt64, for: UInt64)
  /// The network falls in two: machines with a set bit, and the rest.
  case split(UInt64)
  /// Only datagrams from the rest to machines with a set bit are lost.
  case splitOneWay(UInt64)
  case mendSplit
  case loss(Double)
  case duplication(Double)
  case reordering(Double)
  case corruption(Double)
  /// The machine's address changes while its node runs (a new lease, a NAT that forgot).
  case rebind(Int)

  // Disk and clock
  case slowDisk(Int, UInt64)
  case brokenDisk(Int)
  case wallStep(Int, seconds: Int64)

  // Whole nodes
  /// The power goes: peers hear nothing, what was not synced may be gone.
  case powerLoss(Int)
  /// Jobs of the log take so long.
  case slowStore(Int, UInt64)
  /// Syncs of the log fail.
  case failStore(Int)
  case fullStore(Int)
  case mendStore(Int)
  /// The operator wants the machine empty, or no longer.
  case drain(Int, Bool)
  /// The operator wants a shard on a machine, or takes that back.
  case pin(shard: Int, on: Int?)
  /// All streams between two machines break and can be made again.
  case breakStreams(Int, Int)

  /// Ends what is wrong with wires and disks. Stalls end by themselves; machines that are down stay down.
  case heal

  /// How a blocked process is blocked.
  package enum BlockKind: UInt8, Hashable, Sendable {
    /// The first send blocks the part that sends: ticks stand, only suspicions expire (the paper's agents).
    case worker
    /// Everything runs on, sends queue and are flushed at the end.
    case queue
  }
}

extension Fault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .crash(let host): "crash \(host)"
    case .restart(let host): "restart \(host)"
    case .restartEmpty(let host): "restart \(host) with an empty disk"
    case .restartElsewhere(let host): "restart \(host) at a new address"
    case .restartAt(let host, let other): "restart \(host) at the address of \(other)"
    case .leave(let host): "leave \(host)"
    case .clone(let host, let spare): "clone \(host) on \(spare)"
    case .cloneKeys(let host, let spare): "clone the keys of \(host) on \(spare)"
    case .revoke(let host, let on): "revoke \(host) on \(on)"
    case .freeze(let host, let span): "freeze \(host) for \(seconds(span)) s"
    case .starve(let host, let pause, let span):
      "starve \(host) in pauses of \(seconds(pause)) s for \(seconds(span)) s"
    case .block(let host, let span, let kind): "block \(host) (\(kind)) for \(seconds(span)) s"
    case .blockAndOpen(let host, let blocked, let open, let span, let kind):
      "block \(host) (\(kind)) for \(seconds(blocked)) s, open for \(seconds(open)) s, for \(seconds(span)) s"
    case .egressLoss(let host, let loss): "egress of \(host) loses \(percent(loss))"
    case .ingressLoss(let host, let loss): "ingress of \(host) loses \(percent(loss))"
    case .egressDelay(let host, let delay): "egress of \(host) takes \(seconds(delay)) s more"
    case .pathLoss(let from, let to, let loss): "path \(from) to \(to) loses \(percent(loss))"
    case .flipFlop(let host, let half, let span):
      "ingress of \(host) off and on every \(seconds(half)) s for \(seconds(span)) s"
    case .split(let sides): "split \(String(sides, radix: 2))"
    case .splitOneWay(let sides): "split one way \(String(sides, radix: 2))"
    case .mendSplit: "mend the split"
    case .loss(let loss): "every wire loses \(percent(loss))"
    case .duplication(let chance): "every wire doubles \(percent(chance))"
    case .reordering(let chance): "every wire reorders \(percent(chance))"
    case .corruption(let chance): "every wire flips a bit in \(percent(chance))"
    case .rebind(let host): "address of \(host) changes"
    case .slowDisk(let host, let latency): "disk of \(host) takes \(seconds(latency)) s"
    case .brokenDisk(let host): "disk of \(host) fails"
    case .wallStep(let host, let step): "wall clock of \(host) steps \(step) s"
    case .powerLoss(let host): "power of \(host) goes"
    case .slowStore(let host, let span): "store of \(host) takes \(seconds(span)) s"
    case .failStore(let host): "store of \(host) fails"
    case .fullStore(let host): "store of \(host) is full"
    case .mendStore(let host): "store of \(host) is well again"
    case .drain(let host, let isWanted): isWanted ? "drain \(host)" : "drain \(host) no more"
    case .pin(let shard, let host): host.map { "pin shard \(shard) on \($0)" } ?? "unpin shard \(shard)"
    case .breakStreams(let host, let other): "streams of \(host) with \(other) break"
    case .heal: "heal"
    }
  }

  private func percent(_ share: Double) -> String { "\(Int(share * 100 + 0.5)) %" }
}
