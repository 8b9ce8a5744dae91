import Wire

/// The faults of one soak world, drawn so that agreement stays possible: at least three nodes are never taken down or
/// off for good, and what is taken down comes back or stays away, but never half.
struct SoakPlan {
  private(set) var faults: FaultList = []
  /// Machines that are down when the healing begins, and start again then.
  private(set) var returning: [Int] = []
  private let hosts: Int
  private let spare: Int
  private let begin: UInt64
  private let end: UInt64
  /// Machines that a fault of the process has been drawn for: one such fault each.
  private var used: Set<Int> = []
  private var revoked = false
  private var cloned = false

  init(hosts: Int, spare: Int, begin: UInt64, end: UInt64) {
    self.hosts = hosts
    self.spare = spare
    self.begin = begin
    self.end = end
  }

  mutating func draw(_ count: Int, _ chance: inout Chance) {
    for _ in 0..<count { drawOne(&chance) }
    faults.leaveClocksWhereDisksAreLost()
  }

  private mutating func drawOne(_ chance: inout Chance) {
    let at = begin + chance.below(end - begin)
    let span = Nanoseconds.seconds(1) + chance.below(min(Nanoseconds.seconds(120), end + Nanoseconds.seconds(10) - at))
    let machine = chance.below(hosts)
    switch chance.below(24) {
    case 0...6: drawProcess(machine, at: at, for: span, &chance)
    case 7...11: drawStall(machine, at: at, for: span, &chance)
    case 12...18: drawWire(machine, at: at, for: span, &chance)
    case 19: split(at: at, for: span, &chance)
    case 20: drawDisk(machine, at: at, for: span, &chance)
    case 21: add(.wallStep(machine, seconds: Int64(chance.below(20_000)) - 10_000), at: at)
    case 22: add(.rebind(machine), at: at)
    default: massRestart(at: at, &chance)
    }
  }

  private mutating func add(_ fault: Fault, at: UInt64) { faults.append((at, fault)) }

  // MARK: Processes

  private mutating func drawProcess(_ machine: Int, at: UInt64, for span: UInt64, _ chance: inout Chance) {
    guard used.count < hosts - 3, used.insert(machine).inserted else { return }
    switch chance.below(8) {
    case 0:  // down until the healing
      add(.crash(machine), at: at)
      returning.append(machine)
    case 1:  // down for good
      add(.crash(machine), at: at)
    case 2:
      add(.crash(machine), at: at)
      add(.restart(machine), at: at + span)
    case 3:
      add(.crash(machine), at: at)
      add(chance.below(2) == 0 ? .restartEmpty(machine) : .restartElsewhere(machine), at: at + span)
    case 4:  // two machines swap their addresses
      guard let other = (0..<hosts).first(where: { !used.contains($0) }) else { return }
      used.insert(other)
      add(.crash(machine), at: at)
      add(.crash(other), at: at)
      add(.restartAt(machine, addressOf: other), at: at + span)
      add(.restart(other), at: at + span + Nanoseconds.seconds(1))
    case 5:
      add(.leave(machine), at: at)
    case 6:
      add(.leave(machine), at: at)
      add(.restart(machine), at: at + Nanoseconds.seconds(12) + span)
    default:
      if chance.below(2) == 0, !cloned {
        cloned = true
        add(.clone(of: machine, on: spare), at: at)
      } else if !revoked {
        revoked = true
        // Somebody who certainly lives tells the others.
        guard let judge = (0..<hosts).first(where: { !used.contains($0) }) else { return }
        used.insert(judge)
        add(.revoke(machine, on: judge), at: at)
      }
    }
  }

  private mutating func massRestart(at: UInt64, _ chance: inout Chance) {
    for machine in 0..<hosts where !used.contains(machine) {
      let down = at + chance.below(Nanoseconds.seconds(8))
      used.insert(machine)
      add(.crash(machine), at: down)
      add(chance.below(10) == 0 ? .restartEmpty(machine) : .restart(machine), at: down + Nanoseconds.seconds(1))
    }
  }

  // MARK: Stalls, wires, disks

  private mutating func drawStall(_ machine: Int, at: UInt64, for span: UInt64, _ chance: inout Chance) {
    switch chance.below(4) {
    case 0: add(.freeze(machine, for: span), at: at)
    case 1:
      add(
        .starve(machine, pause: Nanoseconds.milliseconds(300) + chance.below(Nanoseconds.seconds(5)), for: span), at: at
      )
    case 2: add(.block(machine, for: span, chance.below(2) == 0 ? .worker : .queue), at: at)
    default:
      add(
        .blockAndOpen(
          machine, blocked: Nanoseconds.milliseconds(500) + chance.below(Nanoseconds.seconds(10)),
          open: Nanoseconds.milliseconds(16) + chance.below(Nanoseconds.seconds(4)), for: span,
          chance.below(2) == 0 ? .worker : .queue), at: at)
    }
  }

  private mutating func drawWire(_ machine: Int, at: UInt64, for span: UInt64, _ chance: inout Chance) {
    let other = (machine + 1 + chance.below(hosts - 1)) % hosts
    switch chance.below(9) {
    case 0: addSpan(.egressLoss(machine, 0.8), .egressLoss(machine, 0), at: at, for: span)
    case 1: addSpan(.egressLoss(machine, 1), .egressLoss(machine, 0), at: at, for: span)
    case 2: addSpan(.ingressLoss(machine, 1), .ingressLoss(machine, 0), at: at, for: span)
    case 3: addSpan(.pathLoss(from: machine, to: other, 1), .pathLoss(from: machine, to: other, 0), at: at, for: span)
    case 4: add(.flipFlop(machine, half: Nanoseconds.seconds(5 + chance.below(20)), for: span), at: at)
    case 5:
      let delay = Nanoseconds.milliseconds(50 + chance.below(450))
      addSpan(.egressDelay(machine, delay), .egressDelay(machine, 0), at: at, for: span)
    case 6: addSpan(.loss(0.05 + 0.25 * chance.unit()), .loss(0.01), at: at, for: span)
    case 7: addSpan(.corruption(0.02), .corruption(0), at: at, for: span)
    default: addSpan(.duplication(0.2), .duplication(0), at: at, for: span)
    }
  }

  private mutating func split(at: UInt64, for span: UInt64, _ chance: inout Chance) {
    let sides = chance.next() & (1 << UInt64(hosts) - 1)
    addSpan(chance.below(3) == 0 ? .splitOneWay(sides) : .split(sides), .mendSplit, at: at, for: span)
  }

  private mutating func drawDisk(_ machine: Int, at: UInt64, for span: UInt64, _ chance: inout Chance) {
    add(
      chance.below(2) == 0
        ? .slowDisk(machine, Nanoseconds.milliseconds(100) + chance.below(Nanoseconds.seconds(3)))
        : .brokenDisk(machine),
      at: at)
  }

  private mutating func addSpan(_ fault: Fault, _ mended: Fault, at: UInt64, for span: UInt64) {
    add(fault, at: at)
    add(mended, at: at + span)
  }
}
