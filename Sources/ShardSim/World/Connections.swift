import MapShard
import Wire

/// Sessions and links: who knows which life of whom, and which connections stand.
extension ShardWorld {
  // MARK: Sessions

  /// Lets two machines greet each other until each has a session with the other's life.
  mutating func greetSoon(_ first: Int, _ second: Int) {
    post(
      .greet(Int32(first), Int32(second)),
      after: Nanoseconds.milliseconds(2) + chance.below(Nanoseconds.milliseconds(60)))
  }

  mutating func greet(_ first: Int, _ second: Int) {
    guard machines[first].isRunning, machines[second].isRunning, !haveMet(first, second) else { return }
    guard canTalk(first, second) else {
      return post(
        .greet(Int32(first), Int32(second)),
        after: Nanoseconds.milliseconds(200) + chance.below(Nanoseconds.milliseconds(200)))
    }
    machines[first].sessions[second] = machines[second].life
    machines[second].sessions[first] = machines[first].life
    for (machine, peer) in [(first, second), (second, first)] {
      trace.note(.met, host: machine, at: time, UInt64(peer), machines[peer].life.rawValue, "host \(peer)")
      feed(.met(machines[peer].member), to: machine)
    }
    // Nobody keeps a connection to a life that is over.
    if links[first, second].isUp, links[first, second].lives != (machines[first].life, machines[second].life) {
      breakLink(first, second, noticedWithin: Nanoseconds.milliseconds(5))
    }
    if links[first, second].isWanted { dialSoon(first, second) }
  }

  func haveMet(_ first: Int, _ second: Int) -> Bool {
    machines[first].sessions[second] == machines[second].life
      && machines[second].sessions[first] == machines[first].life
  }

  /// Both answer and packets pass both ways.
  func canTalk(_ first: Int, _ second: Int) -> Bool {
    machines[first].isResponsive(at: time) && machines[second].isResponsive(at: time)
      && wires.isOpenBothWays(first, second)
  }

  // MARK: Links

  mutating func dialSoon(_ first: Int, _ second: Int) {
    guard !links[first, second].isDialing else { return }
    links[first, second].isDialing = true
    post(
      .dial(Int32(min(first, second)), Int32(max(first, second))),
      after: Nanoseconds.milliseconds(1) + chance.below(Nanoseconds.milliseconds(20)))
  }

  mutating func dial(_ first: Int, _ second: Int) {
    links[first, second].isDialing = false
    guard links[first, second].isWanted, !links[first, second].isUp else { return }
    guard machines[first].isRunning, machines[second].isRunning else { return }
    guard haveMet(first, second), canTalk(first, second) else {
      links[first, second].isDialing = true
      return post(
        .dial(Int32(first), Int32(second)),
        after: Nanoseconds.milliseconds(150) + chance.below(Nanoseconds.milliseconds(200)))
    }
    for (side, machine, peer) in [(0, first, second), (1, second, first)]
    where links[first, second].believes(side) {
      links[first, second].setBelieved(side, false)
      feed(.linkDown(hosts[peer]), to: machine)
    }
    links[first, second].generation &+= 1
    links[first, second].clear()
    links[first, second].isUp = true
    links[first, second].believed = (true, true)
    links[first, second].lives = (machines[first].life, machines[second].life)
    for (machine, peer) in [(first, second), (second, first)] {
      trace.note(.linkUp, host: machine, at: time, UInt64(peer), 0, "to \(peer)")
      feed(.linkUp(machines[peer].member), to: machine)
    }
  }

  /// A connection ends; whoever runs notices within `span`.
  mutating func breakLink(_ first: Int, _ second: Int, noticedWithin span: UInt64) {
    guard links[first, second].isUp else { return }
    links[first, second].isUp = false
    links[first, second].clear()
    let generation = links[first, second].generation
    for (machine, peer) in [(first, second), (second, first)] where machines[machine].isRunning {
      post(
        .linkNoticed(
          Int32(machine), process: machines[machine].process, peer: Int32(peer), generation: generation),
        after: chance.below(span + 1))
    }
  }

  mutating func linkNoticed(_ machine: Int, peer: Int, generation: UInt32) {
    let side = machine < peer ? 0 : 1
    guard links[machine, peer].generation == generation, links[machine, peer].believes(side) else { return }
    links[machine, peer].setBelieved(side, false)
    trace.note(.linkDown, host: machine, at: time, UInt64(peer), 0, "to \(peer)")
    feed(.linkDown(hosts[peer]), to: machine)
    if links[machine, peer].isWanted { dialSoon(machine, peer) }
  }

  /// A link whose peer does not answer is given up after some seconds.
  mutating func suspectLink(_ first: Int, _ second: Int) {
    guard links[first, second].isUp else { return }
    post(
      .linkCheck(
        Int32(min(first, second)), Int32(max(first, second)), generation: links[first, second].generation),
      after: Nanoseconds.seconds(1) + chance.below(Nanoseconds.seconds(5)))
  }

  mutating func checkLink(_ first: Int, _ second: Int, generation: UInt32) {
    guard links[first, second].isUp, links[first, second].generation == generation else { return }
    let isCurrent = links[first, second].lives == (machines[first].life, machines[second].life)
    guard !canTalk(first, second) || !isCurrent else { return }
    breakLink(first, second, noticedWithin: Nanoseconds.seconds(1))
  }

  /// Frames that waited in the lanes of a pair go on.
  mutating func pumpLanes(_ first: Int, _ second: Int) {
    let low = min(first, second), high = max(first, second)
    guard links[low, high].isUp else { return }
    for lane in links[low, high].lanes.indices where !links[low, high].lanes[lane].frames.isEmpty {
      post(
        .lane(Int32(low), Int32(high), lane: Int8(lane), generation: links[low, high].generation),
        after: chance.below(Nanoseconds.milliseconds(2)))
    }
  }

  mutating func takeLane(_ first: Int, _ second: Int, lane: Int, generation: UInt32) {
    let isForward = lane < 3
    let from = isForward ? first : second
    let to = isForward ? second : first
    while violation == nil, links[first, second].isUp, links[first, second].generation == generation,
      wires.isOpen(from, to), machines[to].isResponsive(at: time),
      let frame = links[first, second].lanes[lane].frames.first, frame.dueAt <= time
    {
      links[first, second].lanes[lane].frames.removeFirst()
      links[first, second].lanes[lane].bytes -= frame.bytes.count
      deliver(frame.bytes, first, second, lane: lane)
    }
  }

  /// A frame arrives, if the process that it is for still is there.
  mutating func deliver(_ bytes: [UInt8], _ first: Int, _ second: Int, lane: Int) {
    let isForward = lane < 3
    let from = isForward ? first : second
    let to = isForward ? second : first
    let carrier = Link.carriers[lane % 3]
    let lives = links[first, second].lives
    guard machines[to].isRunning, machines[to].life == (isForward ? lives.1 : lives.0) else { return }
    trace.note(
      .frame, host: to, at: time, UInt64(from), bytes.withUnsafeBytes(checksum),
      "from \(from): \(MessageKind.text(carrier, bytes))")
    occasion(.takes(MessageKind(carrier, bytes)), to, peer: from)
    let sender = Member(host: hosts[from], life: isForward ? lives.0 : lives.1)
    bytes.withUnsafeBytes { feed(.frame(carrier, $0, from: sender), to: to) }
  }
}
