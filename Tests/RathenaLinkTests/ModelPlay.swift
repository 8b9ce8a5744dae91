import RathenaLink
import Wire

// What players do, and what befalls their world.
extension ModelMesh {
  /// One thing that happens, and some messages that arrive.
  mutating func step(faults: Bool = true) {
    pass(Nanoseconds.milliseconds(UInt64(20 + chance.below(200))))
    for _ in 0..<(1 + chance.below(3)) { play(UInt32(1 + chance.below(Int(size.players)))) }
    if faults, chance.happens(0.06) { befall() }
    for _ in 0..<(2 + chance.below(30)) where !deliver() { break }
  }

  private mutating func play(_ number: UInt32) {
    let player = Made.player(number)
    switch clients[number] ?? .offline {
    case .offline: if chance.happens(0.6) { logIn(player) }
    case .entering: break
    case .playing(let process):
      switch chance.below(20) {
      case 0: logOut(player)
      case 1...12: warp(player, from: process)
      case 13...15:
        processes[process]?.server.autosave(player.account)
        collect(process)
      default: processes[process]?.server.earn(player.account)
      }
    case .crossing(let map, let address, let loginID1):
      arrive(player, map, address, loginID1)
    }
  }

  mutating func logIn(_ player: PlayerKey) {
    let number = player.account - 2_000_000
    if tryingSince[number] == nil { tryingSince[number] = now }
    let home = Rig.shardMaps(1 + UInt64(number) % size.shards)[0]
    guard case .map(let map, let loginID1) = charServer.choose(player, home: Made.map(home), now: now) else { return }
    connect(player, map, loginID1)
  }

  /// The door knows who serves a map now.
  private mutating func connect(_ player: PlayerKey, _ map: LinkMapName, _ loginID1: UInt32) {
    guard let process = liveProcess(of: map),
      processes[process]?.server.enter(player, loginID1: loginID1, now: now) == true
    else { return }
    clients[number: player.account] = .entering(process)
    collect(process)
  }

  private mutating func arrive(_ player: PlayerKey, _ map: LinkMapName, _ address: LinkAddress, _ loginID1: UInt32) {
    clients[number: player.account] = .offline
    guard let process = liveProcess(of: map), let reign = processes[process]?.reign,
      ModelMesh.door(reign.shard.rawValue, reign.host.rawValue) == address
    else { return }
    connect(player, map, loginID1)
  }

  func liveProcess(of map: LinkMapName) -> Int? {
    processes.keys.sorted().last { number in
      guard let process = processes[number], !process.isFrozen else { return false }
      return process.server.maps.contains(map) && owners[process.reign.shard.rawValue] == process.reign
        && process.server.isOnline
    }
  }

  mutating func logOut(_ player: PlayerKey) {
    guard case .playing(let process) = clients[number: player.account] else { return }
    clients[number: player.account] = .offline
    processes[process]?.server.leave(player.account, now: now)
    collect(process)
  }

  private mutating func warp(_ player: PlayerKey, from process: Int) {
    let shard = 1 + UInt64(chance.below(Int(size.shards)))
    let map = Made.map(Rig.shardMaps(shard)[chance.below(2)])
    _ = processes[process]?.server.warp(player.account, to: map, now: now)
    collect(process)
  }

  private mutating func befall() {
    let numbers = processes.keys.sorted()
    let number = numbers[chance.below(numbers.count)]
    guard let process = processes[number] else { return }
    let shard = process.reign.shard.rawValue
    let isOwner = owners[shard] == process.reign
    let other = 1 + (process.reign.host.rawValue + UInt64(chance.below(Int(size.hosts) - 1))) % size.hosts
    switch chance.below(12) {
    case 0...3 where isOwner && !process.isFrozen:
      // The owner's host dies.
      deaths += 1
      kill(number)
      give(shard, to: other)
    case 4...6 where isOwner && !process.isFrozen:
      // It stands still, is declared dead, and its clients are told by nobody.
      deaths += 1
      processes[number]?.isFrozen = true
      dropClients(of: number)
      give(shard, to: other)
    case 7 where isOwner && !process.isFrozen:
      // The process alone dies, and starts again in the same reign.
      kill(number)
      feed(.gone(process.reign))
      start(process.reign, opens: process.reign.epoch)
      renumber(process.sequence)
    case 8: relink(number)
    case 9: restartCharServer(losesMemory: chance.happens(0.5))
    default: if process.isFrozen { thaw(number) } else if !isOwner { kill(number) }
    }
  }

  /// The host goes on counting where the process before it ended.
  private mutating func renumber(_ sequence: UInt64) {
    guard let number = processes.keys.max(), let process = processes[number] else { return }
    processes[number]?.up = process.up.map { ($0.bytes, $0.epoch, $0.sequence + sequence) }
    processes[number]?.sequence += sequence
  }

  /// No more faults: all that was frozen thaws, goes on for a while, and is stopped by its host.
  mutating func heal() {
    for number in processes.keys.sorted() { thaw(number) }
    drain()
    for _ in 0..<40 {
      pass(Nanoseconds.seconds(2))
      drain()
    }
    for number in processes.keys.sorted() {
      guard let process = processes[number], owners[process.reign.shard.rawValue] != process.reign else { continue }
      // One that is cut off has nobody who could tell it.
      if !process.isOutdated, !process.server.players.isEmpty {
        violations.append("a thawed map-server has not forgotten its players")
      }
      kill(number)
    }
    drain()
  }

  /// Everybody tries until he is in.
  mutating func everybodyIn() {
    for _ in 0..<60 {
      for number in 1...size.players {
        switch clients[number] ?? .offline {
        case .offline: logIn(Made.player(number))
        case .crossing(let map, let address, let loginID1): arrive(Made.player(number), map, address, loginID1)
        case .entering, .playing: break
        }
      }
      drain()
      pass(Nanoseconds.seconds(1))
    }
  }

  mutating func everybodyOut() {
    for number in 1...size.players { logOut(Made.player(number)) }
    drain()
    pass(Nanoseconds.seconds(1))
    drain()
  }

  var allViolations: [String] {
    violations + charServer.violations + processes.values.flatMap(\.server.violations)
  }
}
