import RathenaLink
import Wire

/// A bridge that is linked, with some map-servers that are let in: shard n of host n, maps "mapn" and "inn".
extension Rig {
  static func shardMaps(_ number: UInt64) -> [String] { ["map\(number)", "in\(number)"] }

  static func reign(_ number: UInt64, epoch: UInt64 = 1) -> Reign { Made.reign(number, host: number, epoch: epoch) }

  /// The world has `shards` shards; the map-servers of the first `serving` are in.
  static func stage(
    serving: UInt64, shards: UInt64 = 3, _ change: (inout MultiplexerSettings) -> Void = { _ in }
  ) -> Rig {
    var rig = Rig(change)
    rig.handle(
      .world(
        (1...shards).map {
          ServedShard(shard: ShardID(rawValue: $0), maps: shardMaps($0).map(Made.map))
        }))
    rig.handle(.active(true))
    rig.connect()
    if serving > 0 { for number in 1...serving { rig.start(number) } }
    return rig
  }

  /// The char-server takes the link.
  mutating func connect() {
    handle(.upstreamOpened)
    down([UInt8](hex: "f92a 00") + Made.storageTable)
    down(Made.welcome + Made.fameLists)
  }

  /// The map-server of shard and host `number` begins, as stream `number` unless said otherwise.
  mutating func start(_ number: UInt64, stream: StreamID? = nil, owner: Bool = true, epoch: UInt64 = 1) {
    let stream = stream ?? StreamID(number)
    let reign = Rig.reign(number, epoch: epoch)
    if owner { handle(.owner(reign.shard, reign)) }
    handle(.streamOpened(stream, reign, process: ProcessNumber(stream.rawValue), door: Made.door(UInt32(number))))
    up(stream, reign, Made.login(LinkAddress(ipv4: 0x7f00_0001, port: UInt16(17_000 + number))))
    up(stream, reign, Made.mapList(Rig.shardMaps(number)))
  }

  /// A player enters through the char-server.
  mutating func enter(_ player: PlayerKey, at number: UInt64, stream: StreamID? = nil, reign: Reign? = nil) {
    up(stream ?? StreamID(number), reign ?? Rig.reign(number), Made.authRequest(player))
    down(Made.authAccepted(player))
  }

  func row(_ player: PlayerKey) -> PresenceRow? { multiplexer.presence.row(account: player.account) }
}
