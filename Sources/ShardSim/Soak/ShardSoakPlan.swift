import MapShard
import Wire

/// The faults of one soak world. What takes something away for good (a lost disk, damage at rest) hits only hosts
/// without a seat, so that recovery stays possible.
struct ShardSoakPlan {
  private(set) var faults: [(at: UInt64, fault: ShardFault)] = []
  private(set) var reflexes: [Reflex] = []
  private let settings: ShardWorldSettings
  private let shards: [ShardID]
  private let begin: UInt64
  private let end: UInt64

  init(settings: ShardWorldSettings, shards: [ShardID], begin: UInt64, end: UInt64) {
    self.settings = settings
    self.shards = shards
    self.begin = begin
    self.end = end
  }

  mutating func draw(_ count: Int, _ chance: inout Chance) {
    for _ in 0..<count { drawOne(&chance) }
  }

  private mutating func add(_ fault: ShardFault, at: UInt64) { faults.append((at, fault)) }

  private mutating func drawOne(_ chance: inout Chance) {
    let at = begin + chance.below(end - begin)
    let machine = chance.below(settings.hosts)
    // Short enough that something else happens before it ends, long enough for promises to lapse.
    let span = chance.below(3) == 0 ? chance.below(Nanoseconds.seconds(1)) : chance.below(Nanoseconds.seconds(7))
    switch chance.below(20) {
    case 0...5: drawProcess(machine, at: at, for: span, &chance)
    case 6...12: drawWire(machine, at: at, for: span, &chance)
    case 13, 14: drawDisk(machine, at: at, for: span, &chance)
    case 15...17:
      let shard = shards[chance.below(shards.count)]
      add(.move(shard, to: machine), at: at)
      if chance.below(4) == 0 { add(.cancelMove(shard), at: at + chance.below(Nanoseconds.milliseconds(200))) }
    case 18:
      let advice: [HostAdvice] = [.suspect, .dead, .alive, .left]
      let listener = chance.below(settings.hosts)
      if listener != machine { add(.advice(listener, about: machine, advice[chance.below(4)]), at: at) }
    default: drawMass(at: at, for: span, &chance)
    }
  }

  private mutating func drawProcess(_ machine: Int, at: UInt64, for span: UInt64, _ chance: inout Chance) {
    switch chance.below(7) {
    case 0:
      add(.crash(machine), at: at)
      add(.restart(machine), at: at + span)
    case 1:
      add(.powerLoss(machine), at: at)
      add(.restart(machine), at: at + span)
    case 2, 3: add(.bounce(machine), at: at)
    case 4:
      add(.stop(machine), at: at)
      add(.restart(machine), at: at + Nanoseconds.milliseconds(300) + span)
    default: add(.pause(machine, for: span), at: at)
    }
  }

  private mutating func drawWire(_ machine: Int, at: UInt64, for span: UInt64, _ chance: inout Chance) {
    let other = (machine + 1 + chance.below(settings.hosts - 1)) % settings.hosts
    switch chance.below(8) {
    case 0:
      add(.cut(from: machine, to: other), at: at)
      add(.mend(from: machine, to: other), at: at + span)
    case 1, 2:
      for (from, to) in [(machine, other), (other, machine)] {
        add(.cut(from: from, to: to), at: at)
        add(.mend(from: from, to: to), at: at + span)
      }
    case 3:
      add(.split(1 << UInt64(machine)), at: at)
      add(.mendSplit(1 << UInt64(machine)), at: at + span)
    case 4:
      let sides = chance.next() & (1 << UInt64(settings.hosts) - 1)
      add(.split(sides), at: at)
      add(.mendSplit(sides), at: at + span)
    case 5:
      add(.loss(from: machine, to: other, 0.3 + 0.7 * chance.unit()), at: at)
      add(.loss(from: machine, to: other, 0), at: at + span)
    case 6:
      add(.delay(from: machine, to: other, chance.below(Nanoseconds.milliseconds(900))), at: at)
      add(.delay(from: machine, to: other, 0), at: at + span)
    default: add(.breakLink(machine, other), at: at)
    }
  }

  private mutating func drawDisk(_ machine: Int, at: UInt64, for span: UInt64, _ chance: inout Chance) {
    switch chance.below(5) {
    case 0, 1: add(.slowDisk(machine, Nanoseconds.milliseconds(20) + chance.below(Nanoseconds.seconds(2))), at: at)
    case 2:
      add(chance.below(2) == 0 ? .failDisk(machine) : .fullDisk(machine), at: at)
      add(.mendDisk(machine), at: at + span)
    case 3:
      add(.powerLoss(machine), at: at)
      add(.loseDisk(machine), at: at + span)
      add(.restart(machine), at: at + span + 1)
    default:
      add(.crash(machine), at: at)
      add(.rot(machine, shards[chance.below(shards.count)]), at: at + span)
      add(.restart(machine), at: at + span + 1)
    }
  }

  private mutating func drawMass(at: UInt64, for span: UInt64, _ chance: inout Chance) {
    let all = Array(0..<settings.hosts)
    switch chance.below(3) {
    case 0: add(.killAll(all, backAfter: span), at: at)
    case 1: add(.killAll(all.filter { !settings.voters.contains($0) }, backAfter: span), at: at)
    default:
      for machine in settings.voters {
        add(.crash(machine), at: at)
        add(.restart(machine), at: at + span)
      }
    }
  }

  // MARK: Reflexes

  mutating func drawReflexes(_ count: Int, _ chance: inout Chance) {
    let triggers: [Reflex.Trigger] = [
      .sends(.propose), .sends(.propose), .takes(.propose), .sends(.record), .sends(.record), .takes(.record),
      .sends(.release), .sends(.heartbeatAnswer), .sends(.appended), .takes(.appended), .sends(.append), .wins, .loses,
      .votes, .acknowledges, .sends(.accept), .sends(.accepted), .takes(.promise),
    ]
    for _ in 0..<count {
      let trigger = triggers[chance.below(triggers.count)]
      let isCommon = [.sends(.heartbeatAnswer), .sends(.appended), .takes(.appended), .sends(.append), .acknowledges]
        .contains(trigger)
      let skips = isCommon ? chance.below(300) : chance.below(12)
      reflexes.append(Reflex(trigger, skips: skips, drawAction(&chance)))
    }
  }

  private func drawAction(_ chance: inout Chance) -> Reflex.Action {
    let span = Nanoseconds.milliseconds(200) + chance.below(Nanoseconds.seconds(5))
    switch chance.below(16) {
    case 0: return .crash
    case 1: return .powerLoss
    case 2: return .bounce
    case 3: return .pause(for: span)
    case 4: return .cutTo(for: span)
    case 5: return .cutFrom(for: span)
    case 6: return .cutBoth(for: span)
    case 7: return .isolate(for: span)
    case 8: return .breakLink
    case 9, 10: return .delay(span)
    case 11, 12: return .drop
    case 13: return .crashPeer
    case 14: return .bouncePeer
    default: return chance.below(2) == 0 ? .killMembers(backAfter: span) : .move
    }
  }
}
