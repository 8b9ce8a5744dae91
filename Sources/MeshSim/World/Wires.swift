import Wire

/// How the wires behave when nothing is wrong.
package struct NetworkSettings {
  /// One-way delay of a datagram, uniform, in nanoseconds.
  package var delay: ClosedRange<UInt64>
  /// Loss of each datagram, 0...1.
  package var loss: Double
  /// Chance of a datagram to arrive twice.
  package var duplication: Double
  /// Chance of a datagram to be held back by up to `reorderSpan`, so that later ones overtake it.
  package var reordering: Double
  package var reorderSpan: UInt64 = Nanoseconds.milliseconds(20)
  /// Chance of a datagram to arrive with one bit flipped.
  package var corruption = 0.0
  /// Bytes per second of one stream.
  package var bandwidth: UInt64 = 12_500_000

  package init(
    delay: ClosedRange<UInt64> = NetworkSettings.localDelay, loss: Double = 0, duplication: Double = 0,
    reordering: Double = 0
  ) {
    self.delay = delay
    self.loss = loss
    self.duplication = duplication
    self.reordering = reordering
  }

  /// 0.2–0.8 ms: the local rows of `gossip.md` 3.4.
  package static let localDelay = 200_000...UInt64(800_000)
  /// 20–120 ms: its WAN rows.
  package static let wideDelay = 20_000_000...UInt64(120_000_000)
}

/// The wires between hosts and what is wrong with them. Every directed pair can fail by itself.
struct Wires {
  /// What the wires do with one datagram.
  enum Transit: Equatable {
    case lost
    case arrives(after: UInt64)
    case arrivesTwice(after: UInt64, andAfter: UInt64)
  }

  var settings: NetworkSettings
  private var chance: Chance
  /// Extra loss of everything a host sends, or that is sent to it, 0...1.
  private var egressLoss: ContiguousArray<Double>
  private var ingressLoss: ContiguousArray<Double>
  /// Extra delay of everything a host sends, in nanoseconds.
  private var egressDelay: ContiguousArray<UInt64>
  /// Extra loss of directed pairs, keyed by sender and receiver.
  private var pairLoss: [UInt64: Double] = [:]
  /// The side of each host while the network is cut in parts.
  private var side: ContiguousArray<UInt8>
  private var cut = Cut.none

  enum Cut { case none, bothWays, fromLowerToHigher }

  init(settings: NetworkSettings, hosts: Int, seed: UInt64) {
    self.settings = settings
    chance = Chance(seed: seed)
    egressLoss = ContiguousArray(repeating: 0, count: hosts)
    ingressLoss = egressLoss
    egressDelay = ContiguousArray(repeating: 0, count: hosts)
    side = ContiguousArray(repeating: 0, count: hosts)
  }

  mutating func transit(from: Int, to: Int) -> Transit {
    if !isOpen(from: from, to: to) || chance.happens(settings.loss) || isFaultyLoss(from: from, to: to) { return .lost }
    let delay = oneWayDelay(from: from)
    if settings.duplication > 0, chance.happens(settings.duplication) {
      return .arrivesTwice(after: delay, andAfter: oneWayDelay(from: from) + chance.below(settings.reorderSpan))
    }
    return .arrives(after: delay)
  }

  /// The bit to flip in a datagram of `count` bytes, if it is to be damaged.
  mutating func damagedBit(count: Int) -> Int? {
    guard settings.corruption > 0, count > 0, chance.happens(settings.corruption) else { return nil }
    return chance.below(count * 8)
  }

  /// Whether a stream's segment gets through, with what delay. A lost one is sent again by the sender's TCP.
  mutating func segmentDelay(from: Int, to: Int) -> UInt64? {
    switch transit(from: from, to: to) {
    case .lost: nil
    case .arrives(let delay), .arrivesTwice(let delay, _): delay
    }
  }

  private mutating func oneWayDelay(from: Int) -> UInt64 {
    let range = settings.delay
    var delay = range.lowerBound + chance.below(range.upperBound - range.lowerBound + 1) + egressDelay[from]
    if settings.reordering > 0, chance.happens(settings.reordering) { delay += chance.below(settings.reorderSpan) }
    return delay
  }

  private mutating func isFaultyLoss(from: Int, to: Int) -> Bool {
    if egressLoss[from] > 0, chance.happens(egressLoss[from]) { return true }
    if ingressLoss[to] > 0, chance.happens(ingressLoss[to]) { return true }
    guard !pairLoss.isEmpty, let loss = pairLoss[Wires.pair(from, to)] else { return false }
    return chance.happens(loss)
  }

  private func isOpen(from: Int, to: Int) -> Bool {
    switch cut {
    case .none: true
    case .bothWays: side[from] == side[to]
    case .fromLowerToHigher: side[from] >= side[to]
    }
  }

  // MARK: Faults

  mutating func setEgressLoss(_ loss: Double, of host: Int) { egressLoss[host] = loss }
  mutating func setIngressLoss(_ loss: Double, of host: Int) { ingressLoss[host] = loss }
  mutating func setEgressDelay(_ delay: UInt64, of host: Int) { egressDelay[host] = delay }

  /// Loss on the way from one host to another; 0 mends it.
  mutating func setLoss(_ loss: Double, from: Int, to: Int) {
    pairLoss[Wires.pair(from, to)] = loss == 0 ? nil : loss
  }

  /// Cuts the network between hosts of different sides.
  mutating func split(_ sides: [UInt8], _ cut: Cut) {
    for host in side.indices { side[host] = host < sides.count ? sides[host] : 0 }
    self.cut = cut
  }

  mutating func mendSplit() { cut = .none }

  /// Ends every fault; the wires behave as at the beginning.
  mutating func heal(to settings: NetworkSettings) {
    self.settings = settings
    for host in side.indices {
      egressLoss[host] = 0
      ingressLoss[host] = 0
      egressDelay[host] = 0
    }
    pairLoss.removeAll()
    cut = .none
  }

  private static func pair(_ from: Int, _ to: Int) -> UInt64 { UInt64(from) << 32 | UInt64(to) }
}
