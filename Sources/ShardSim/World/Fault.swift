package import MapShard
package import Wire

/// The fault alphabet of ownership: everything that can go wrong in a world, and what mends it. Machines are named by
/// number.
package enum ShardFault: Hashable, Sendable {
  // Processes
  /// kill -9: peers see the connections close.
  case crash(Int)
  /// The power goes: nobody is told.
  case powerLoss(Int)
  /// Starts a machine's process again, from its disk.
  case restart(Int)
  /// A kill and a start at once, as a supervisor does.
  case bounce(Int)
  /// SIGTERM: releases everything, then ends.
  case stop(Int)
  /// SIGSTOP or a paused virtual machine.
  case pause(Int, for: UInt64)
  /// All of them at once, and back after a while.
  case killAll([Int], backAfter: UInt64)

  // Wires
  case cut(from: Int, to: Int)
  case mend(from: Int, to: Int)
  /// Both ways between machines with a set bit and the rest.
  case split(UInt64)
  case mendSplit(UInt64)
  case loss(from: Int, to: Int, Double)
  case delay(from: Int, to: Int, UInt64)
  /// The connection breaks and can be made again.
  case breakLink(Int, Int)

  // Disks
  case slowDisk(Int, UInt64)
  case failDisk(Int)
  case fullDisk(Int)
  /// The disk is well again, and a supervisor has started the process anew.
  case mendDisk(Int)
  /// A bit flips in the shard's entries at rest; found at the next start.
  case rot(Int, ShardID)
  /// A new, empty disk in a machine that is down: another store id.
  case loseDisk(Int)

  // People and placement
  case move(ShardID, to: Int)
  case cancelMove(ShardID)
  /// Gossip says so, right or wrong.
  case advice(Int, about: Int, HostAdvice)
  /// The operator signs a next voter set and gives it to all.
  case voters([Int])
  /// The only voter lost its disk: the operator has this machine rebuild the register from all hosts.
  case rebuild(Int)
  /// The operator's word that this machine takes the shard.
  case unclean(ShardID, to: Int)

  /// Ends what is wrong with wires and disks, and starts what is down.
  case heal
}

extension ShardFault: CustomStringConvertible {
  package var description: String {
    switch self {
    case .crash(let machine): "crash \(machine)"
    case .powerLoss(let machine): "power loss of \(machine)"
    case .restart(let machine): "restart \(machine)"
    case .bounce(let machine): "kill and start \(machine)"
    case .stop(let machine): "stop \(machine)"
    case .pause(let machine, let span): "pause \(machine) for \(seconds(span)) s"
    case .killAll(let machines, let span): "kill all of \(machines), back after \(seconds(span)) s"
    case .cut(let from, let to): "cut \(from) to \(to)"
    case .mend(let from, let to): "mend \(from) to \(to)"
    case .split(let sides): "split \(String(sides, radix: 2))"
    case .mendSplit(let sides): "mend the split \(String(sides, radix: 2))"
    case .loss(let from, let to, let loss): "path \(from) to \(to) loses \(Int(loss * 100 + 0.5)) %"
    case .delay(let from, let to, let span): "path \(from) to \(to) takes \(seconds(span)) s more"
    case .breakLink(let first, let second): "break the link of \(first) and \(second)"
    case .slowDisk(let machine, let span): "disk of \(machine) takes \(seconds(span)) s"
    case .failDisk(let machine): "disk of \(machine) fails"
    case .fullDisk(let machine): "disk of \(machine) is full"
    case .mendDisk(let machine): "disk of \(machine) is well again"
    case .rot(let machine, let shard): "a bit flips in shard \(shard) on the disk of \(machine)"
    case .loseDisk(let machine): "disk of \(machine) is lost"
    case .move(let shard, let target): "move shard \(shard) to \(target)"
    case .cancelMove(let shard): "cancel the move of shard \(shard)"
    case .advice(let machine, let subject, let advice): "tell \(machine) that \(subject) is \(advice)"
    case .voters(let voters): "voters are \(voters)"
    case .rebuild(let voter): "\(voter) rebuilds the register"
    case .unclean(let shard, let target): "unclean takeover of shard \(shard) by \(target)"
    case .heal: "heal"
    }
  }
}
