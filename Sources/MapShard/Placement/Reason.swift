/// Why this host should own this shard now.
package enum OwnerReason: UInt8, Sendable, CaseIterable {
  /// Nobody had it: the least loaded host of its list.
  case initial = 1
  /// It owns it already and nothing speaks against it.
  case incumbent = 2
  case pin = 3
  /// The recorded owner's life is over: the least loaded in-sync host.
  case death = 4
  /// The owner gives everything away.
  case drain = 5
  /// The owner has become unfit: role, class, requirements or world.
  case unfit = 6
  /// The owner is no longer on the list, because weights or hosts have changed.
  case placement = 7
  /// The owner had more than `max_maps_per_host`.
  case cap = 8
  /// The owner carries more than its share, this host less.
  case relief = 9
  /// An operator said so, once.
  case order = 10
  /// The owner should give it away, and no fit host has all of its state yet.
  case waitsForCopy = 11
  /// No host may own it.
  case nobody = 12

  /// What is kept in the register when a move for this reason is made; `nil` where nothing moves.
  package var change: ChangeReason? {
    switch self {
    case .initial: .initial
    case .death: .death
    case .drain: .drain
    case .pin: .pin
    case .relief, .cap: .relief
    case .order: .order
    case .unfit, .placement: .placement
    case .incumbent, .waitsForCopy, .nobody: nil
    }
  }

  /// A half-sentence that follows the host's name.
  package var text: String {
    switch self {
    case .initial: "carried least for its weight when the shard began"
    case .incumbent: "owns it already and nothing speaks against it"
    case .pin: "an operator has pinned the shard to it"
    case .death: "carried least of the in-sync copies when the owner was lost"
    case .drain: "takes it from a host that is drained"
    case .unfit: "takes it from a host that may own no shards any more"
    case .placement: "takes it from a host that is no longer among the best for this shard"
    case .cap: "takes it from a host with more maps than max_maps_per_host"
    case .relief: "carries less than its share, the former owner carried more"
    case .order: "an operator has moved the shard to it"
    case .waitsForCopy: "should give the shard away and waits until another host has a whole copy"
    case .nobody: "no host may own the shard"
    }
  }
}
