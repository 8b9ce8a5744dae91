import Wire

/// The faults of one soak world of whole nodes. Everything that is taken down or off comes back by the healing.
struct MeshSoakPlan {
  private(set) var faults: FaultList = []
  private let hosts: Int
  private let whole: WholeSettings
  private let begin: UInt64
  private let end: UInt64

  init(settings: WorldSettings, _ whole: WholeSettings, begin: UInt64, end: UInt64) {
    hosts = settings.hosts
    self.whole = whole
    self.begin = begin
    self.end = end
  }

  mutating func draw(_ count: Int, _ chance: inout Chance) {
    for _ in 0..<count { drawOne(&chance) }
  }

  /// One or two hosts end and come back with an empty disk. Never a voter: a blank one votes no more until the operator
  /// has signed another set.
  mutating func drawLostDisks(_ chance: inout Chance) {
    guard hosts > whole.voters else { return }
    for _ in 0...chance.below(2) {
      let machine = whole.voters + chance.below(hosts - whole.voters)
      let at = begin + chance.below(end - begin)
      add(chance.below(2) == 0 ? .powerLoss(machine) : .crash(machine), at: at)
      add(.restartEmpty(machine), at: at + 1 + chance.below(Nanoseconds.seconds(chance.below(2) == 0 ? 1 : 6)))
    }
    faults.leaveClocksWhereDisksAreLost()
  }

  private mutating func add(_ fault: Fault, at: UInt64) { faults.append((at, fault)) }

  private mutating func addSpan(_ fault: Fault, _ mended: Fault, at: UInt64, for span: UInt64) {
    add(fault, at: at)
    add(mended, at: at + span)
  }

  private mutating func drawOne(_ chance: inout Chance) {
    let at = begin + chance.below(end - begin)
    let machine = chance.below(hosts)
    // Short enough that something else happens before it ends, long enough for promises to lapse and hosts to be dead.
    let span = chance.below(3) == 0 ? chance.below(Nanoseconds.seconds(1)) : chance.below(Nanoseconds.seconds(9))
    switch chance.below(20) {
    case 0...6: drawProcess(machine, at: at, for: span, &chance)
    case 7...11: drawWire(machine, at: at, for: span, &chance)
    case 12...14: drawStore(machine, at: at, for: span, &chance)
    case 15, 16: addSpan(.drain(machine, true), .drain(machine, false), at: at, for: span)
    case 17:
      let shard = chance.below(whole.shards)
      addSpan(.pin(shard: shard, on: machine), .pin(shard: shard, on: nil), at: at, for: span)
    case 18: add(.wallStep(machine, seconds: Int64(chance.below(200)) - 100), at: at)
    default: drawMass(at: at, for: span, &chance)
    }
  }

  private mutating func drawProcess(_ machine: Int, at: UInt64, for span: UInt64, _ chance: inout Chance) {
    switch chance.below(8) {
    case 0, 1:
      add(.crash(machine), at: at)
      add(chance.below(4) == 0 ? .restartElsewhere(machine) : .restart(machine), at: at + span)
    case 2, 3:
      add(.powerLoss(machine), at: at)
      add(.restart(machine), at: at + span)
    case 4:  // a supervisor is quick
      add(.crash(machine), at: at)
      add(.restart(machine), at: at + 1)
    case 5:
      add(.leave(machine), at: at)
      add(.restart(machine), at: at + Nanoseconds.seconds(3) + span)
    default: add(.freeze(machine, for: span), at: at)
    }
  }

  private mutating func drawWire(_ machine: Int, at: UInt64, for span: UInt64, _ chance: inout Chance) {
    let other = (machine + 1 + chance.below(hosts - 1)) % hosts
    switch chance.below(9) {
    case 0: addSpan(.pathLoss(from: machine, to: other, 1), .pathLoss(from: machine, to: other, 0), at: at, for: span)
    case 1, 2:
      for (from, to) in [(machine, other), (other, machine)] {
        addSpan(.pathLoss(from: from, to: to, 1), .pathLoss(from: from, to: to, 0), at: at, for: span)
      }
    case 3: addSpan(.split(1 << UInt64(machine)), .mendSplit, at: at, for: span)
    case 4:
      let sides = chance.next() & (1 << UInt64(hosts) - 1)
      addSpan(chance.below(3) == 0 ? .splitOneWay(sides) : .split(sides), .mendSplit, at: at, for: span)
    case 5: addSpan(.egressLoss(machine, 0.3 + 0.7 * chance.unit()), .egressLoss(machine, 0), at: at, for: span)
    case 6:
      addSpan(
        .egressDelay(machine, chance.below(Nanoseconds.milliseconds(900))), .egressDelay(machine, 0), at: at, for: span)
    case 7: add(.rebind(machine), at: at)
    default: add(.breakStreams(machine, other), at: at)
    }
  }

  private mutating func drawStore(_ machine: Int, at: UInt64, for span: UInt64, _ chance: inout Chance) {
    switch chance.below(4) {
    case 0:
      addSpan(
        .slowStore(machine, Nanoseconds.milliseconds(20) + chance.below(Nanoseconds.seconds(2))), .mendStore(machine),
        at: at, for: span)
    case 1: add(.slowDisk(machine, Nanoseconds.milliseconds(100) + chance.below(Nanoseconds.seconds(2))), at: at)
    case 2: addSpan(.failStore(machine), .mendStore(machine), at: at, for: span)
    default: addSpan(.fullStore(machine), .mendStore(machine), at: at, for: span)
    }
  }

  private mutating func drawMass(at: UInt64, for span: UInt64, _ chance: inout Chance) {
    let losesPower = chance.below(2) == 0
    let spared = chance.below(3) == 0 ? chance.below(hosts) : nil
    for machine in 0..<hosts where machine != spared {
      let down = at + (chance.below(2) == 0 ? 0 : chance.below(Nanoseconds.milliseconds(500)))
      add(losesPower ? .powerLoss(machine) : .crash(machine), at: down)
      add(.restart(machine), at: down + span + chance.below(Nanoseconds.seconds(1)))
    }
  }
}
