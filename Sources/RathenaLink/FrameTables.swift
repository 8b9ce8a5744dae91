/// How long a frame is, by its command.
package enum FrameLength: Hashable, Sendable {
  /// No such frame in this direction. Nobody can know where it ends: what follows is noise.
  case unknown
  case fixed(Int)
  /// A 16-bit length at offset 2 counts the whole frame.
  case variable
}

/// The lengths of all frames of one direction of a char-link.
///
/// rAthena keeps such a table only where it receives. Its table for 2af8-2b2f has wrong or dummy entries for what a
/// map-server sends (2afe, 2b05, 2b13, 2b26, 2b28, 2b2a); these here are what is really sent.
package struct FrameTable: Sendable {
  /// Every frame has its command.
  package static let smallest = 2
  /// The length is a 16-bit number.
  package static let largest = 65_535

  /// Commands from 2af8 on.
  private let link: [Int16]
  /// Commands from `interBase` on.
  private let inter: [Int16]
  private let interBase: UInt16
  /// Of client traffic, whose ids lie everywhere.
  private var sparse: [UInt16: FrameLength] = [:]

  private init(link: [Int16], inter: [Int16], interBase: UInt16) {
    self.link = link
    self.inter = inter
    self.interBase = interBase
  }

  /// Packets of a client version, towards the client, from lines of "id length": the id in hexadecimal digits, -1 for a
  /// 16-bit length at offset 2. Nil when a line is something else.
  package init?(clientPackets text: String) {
    self.init(link: [], inter: [], interBase: .max)
    for line in text.split(whereSeparator: \.isNewline) {
      let fields = line.split(separator: " ")
      guard fields.count == 2, let id = UInt16(fields[0], radix: 16), let length = Int(fields[1]),
        length == -1 || (FrameTable.smallest...FrameTable.largest).contains(length)
      else { return nil }
      sparse[id] = length == -1 ? .variable : .fixed(length)
    }
  }

  package func length(of command: UInt16) -> FrameLength {
    if let length = sparse[command] { return length }
    let isInter = command >= interBase
    let index = Int(command) - Int(isInter ? interBase : FrameTable.linkBase)
    let lengths = isInter ? inter : link
    guard lengths.indices.contains(index) else { return .unknown }
    switch lengths[index] {
    case 0: return .unknown
    case v: return .variable
    case let length: return .fixed(Int(length))
    }
  }

  /// All commands of the direction, rising.
  package var commands: [UInt16] {
    let near = link.indices.map { FrameTable.linkBase + UInt16($0) }
    let far = inter.indices.map { interBase + UInt16($0) }
    return (near + far).filter { length(of: $0) != .unknown }
  }

  private static let linkBase: UInt16 = 0x2af8

  /// What a map-server sends.
  package static let toCharServer = FrameTable(
    link: [
      60, 0, v, 0, 10, 0, 4, v,  // 2af8
      0, v, 18, 0, 0, 53, 0, 10,  // 2b00
      6, 0, 10, 0, 86, 0, 44, 0,  // 2b08
      11, 10, 0, 6, 0, v, 0, 10,  // 2b10
      2, 10, 2, 0, v, 0, 0, 0,  // 2b18
      0, 0, 0, 2, 0, 0, 20, 0,  // 2b20
      34, 0, 30, 0, 0, 6, v, 0,  // 2b28
    ],
    inter: [
      v, v, 7, v, v, 13, 36, 38, 0, v, 0, 0, 0, 0, 0, 0,  // 3000
      6, v, 0, 0, 0, 0, 0, 0, 10, v, 0, 0, 0, 0, 0, 0,  // 3010
      v, 10, v, 14, 39, 33, 6, v, 14, 14, 6, 0, 0, 0, 0, 0,  // 3020 parties
      v, 6, v, v, 55, 19, 6, v, 14, v, v, v, 18, 19, 186, v,  // 3030 guilds
      v, 9, 10, 0, 0, 0, 0, 0, 8, 6, 11, 10, 10, v, 30, 0,  // 3040 castles, mail
      v, v, 10, 10, 0, v, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // 3050 auctions
      6, v, 6, v, 90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // 3060 quests
      v, 10, 6, v, 0, 0, 0, 0, 0, 0, 0, 0, v, 10, 6, v,  // 3070 mercenaries, elementals
      52, 14, v, 6, 0, 0, 0, 0, 0, 0, 13, v, 0, 0, 0, 0,  // 3080 pets, storage
      v, 10, v, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // 3090 homunculi
      2, v, 6, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // 30a0 clans
    ],
    interBase: 0x3000)

  /// What the char-server sends.
  package static let toMapServer = FrameTable(
    link: [
      0, 3, 0, v, 0, v, 0, 0,  // 2af8
      6, 0, 0, 7, v, 0, 44, 0,  // 2b00
      0, 30, 0, v, 0, 7, 0, 34,  // 2b08
      0, 0, 10, 0, 11, 0, 0, 0,  // 2b10
      0, 0, 0, v, 0, v, 2, 7,  // 2b18
      v, 10, 8, 0, 2, 14, 0, 19,  // 2b20
      0, 0, 0, 15, 0, 0, 0, v,  // 2b28
    ],
    inter: [
      v, v, 27, v, v, 0, 37, v, 34, v, 0, 0, 0, 0, 0, 0,  // 3800
      0, 0, 0, 0, 0, 0, 0, 0, v, 11, 0, 0, 0, 0, 0, 0,  // 3810
      39, v, 15, 15, 39, 33, 7, v, 0, 0, 0, 0, 0, 0, 0, 0,  // 3820 parties
      10, v, 15, 0, 79, 19, 7, v, 0, v, v, v, 14, 67, 186, v,  // 3830 guilds
      v, 10, 0, 18, 0, 0, 0, 0, v, 75, v, 11, 11, v, 38, 0,  // 3840 castles, mail
      v, v, 7, 7, 7, 11, 8, v, 0, 0, 0, 0, 0, 0, 0, 0,  // 3850 auctions
      v, 7, v, 7, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // 3860 quests
      v, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, v, 3, 3, 0,  // 3870 mercenaries, elementals
      12, v, 7, 3, 0, 0, 0, 0, 0, 0, v, 9, v, 0, 0, 0,  // 3880 pets, storage
      v, v, 7, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // 3890 homunculi
      v, v, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // 38a0 clans
    ],
    interBase: 0x3800)
}

/// Stands for a variable length in the rows above.
private let v: Int16 = -1
