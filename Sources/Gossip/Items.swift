package import Wire

/// What messages and rosters carry, one after the other until the end. The first byte is the kind in its low half and,
/// for deaths, the number of accusations in its high half. Integers are little-endian, `v` is a varint, N a host id of 8
/// bytes, I an incarnation {generation v, refutation v}, S a signature of 64.
///
/// | kind | item | layout after the kind | typical bytes |
/// |---|---|---|---|
/// | 1 | alive | N, I, endpoint 7 or 19, metadata version v, roles 1, S | 88 |
/// | 2 | suspect | N, I, accuser N, S | 87 |
/// | 3 | dead | N, I, age v, 1–3 × {accuser N, S} | 88, 160, 232 |
/// | 4 | obituary | as alive, then age v, 1–3 × {accuser N, S} | 161, 233, 305 |
/// | 5 | left | N, I, age v, S | 80 |
/// | 6 | revocation | N, length u16 ≤ 256, bytes | 163 |
/// | 7 | load | N, life 1, sequence v, age 1, processor, memory, uplink, lag, flags 1 each, players v, maps v | 19–21 |
/// | 8 | one-way mark | subject N, I, observer N, number v, S | 90 |
/// | 9 | metadata | N, version v, length u16 ≤ 512, bytes | 428 |
///
/// Ages are minutes since the death or goodbye. Byte strings are views into the message.
package enum Item {
  case alive(SelfRecord, Signature)
  case suspect(Suspect)
  case dead(Death)
  case obituary(SelfRecord, Signature, Death)
  case left(Goodbye)
  case revocation(HostID, UnsafeRawBufferPointer)
  case load(HostID, LoadNews)
  case oneWay(OneWayMark)
  case metadata(HostID, version: UInt64, UnsafeRawBufferPointer)

  package struct Suspect: Hashable {
    package var subject: HostID
    package var incarnation: Incarnation
    package var accuser: HostID
    package var signature: Signature
  }

  package struct Death {
    package var subject: HostID
    package var incarnation: Incarnation
    package var age: UInt64
    /// Contributors are not on the wire; the receiver looks them up.
    package var accusations: Accusations
  }

  package struct Goodbye: Hashable {
    package var subject: HostID
    package var incarnation: Incarnation
    package var age: UInt64
    package var signature: Signature
  }

  package struct LoadNews: Hashable {
    package var record: LoadRecord
    package var sequence: UInt32
    /// Low byte of the generation.
    package var life: UInt8
    /// Tenths of a second since the host said it.
    package var age: UInt8
  }

  fileprivate enum Kind {
    static let alive: UInt8 = 1
    static let suspect: UInt8 = 2
    static let dead: UInt8 = 3
    static let obituary: UInt8 = 4
    static let left: UInt8 = 5
    static let revocation: UInt8 = 6
    static let load: UInt8 = 7
    static let oneWay: UInt8 = 8
    static let metadata: UInt8 = 9
  }

  package init(reading reader: inout Reader) throws(WireError) {
    let first = try reader.u8()
    let kind = first & 15
    let accusations = Int(first >> 4)
    if accusations > 0, kind != Kind.dead, kind != Kind.obituary { throw .invalid }
    switch kind {
    case Kind.alive:
      self = .alive(try reader.selfRecord(), try reader.signature())
    case Kind.suspect:
      self = .suspect(
        Suspect(
          subject: try reader.hostID(), incarnation: try reader.incarnation(), accuser: try reader.hostID(),
          signature: try reader.signature()))
    case Kind.dead:
      let subject = try reader.hostID()
      let incarnation = try reader.incarnation()
      self = .dead(try reader.death(of: subject, incarnation, accusations: accusations))
    case Kind.obituary:
      let record = try reader.selfRecord()
      let signature = try reader.signature()
      self = .obituary(
        record, signature, try reader.death(of: record.host, record.incarnation, accusations: accusations))
    case Kind.left:
      self = .left(
        Goodbye(
          subject: try reader.hostID(), incarnation: try reader.incarnation(), age: try reader.varint(),
          signature: try reader.signature()))
    case Kind.revocation:
      self = .revocation(try reader.hostID(), try reader.blob(atMost: Limits.revocation))
    case Kind.load:
      self = .load(try reader.hostID(), try reader.loadNews())
    case Kind.oneWay:
      self = .oneWay(
        OneWayMark(
          subject: try reader.hostID(), incarnation: try reader.incarnation(), observer: try reader.hostID(),
          number: try reader.varint(), signature: try reader.signature()))
    case Kind.metadata:
      let host = try reader.hostID()
      self = .metadata(host, version: try reader.varint(), try reader.blob(atMost: Limits.metadata))
    default:
      throw .invalid
    }
  }

  package func write(into writer: inout Writer) {
    switch self {
    case .alive(let record, let signature):
      writer.u8(Kind.alive)
      writer.selfRecord(record)
      writer.signature(signature)
    case .suspect(let suspect):
      writer.u8(Kind.suspect)
      writer.hostID(suspect.subject)
      writer.incarnation(suspect.incarnation)
      writer.hostID(suspect.accuser)
      writer.signature(suspect.signature)
    case .dead(let death):
      writer.u8(Kind.dead | UInt8(death.accusations.count) << 4)
      writer.hostID(death.subject)
      writer.incarnation(death.incarnation)
      writer.death(death)
    case .obituary(let record, let signature, let death):
      writer.u8(Kind.obituary | UInt8(death.accusations.count) << 4)
      writer.selfRecord(record)
      writer.signature(signature)
      writer.death(death)
    case .left(let goodbye):
      writer.u8(Kind.left)
      writer.hostID(goodbye.subject)
      writer.incarnation(goodbye.incarnation)
      writer.varint(goodbye.age)
      writer.signature(goodbye.signature)
    case .revocation(let host, let bytes):
      writer.u8(Kind.revocation)
      writer.hostID(host)
      writer.blob(bytes)
    case .load(let host, let news):
      writer.u8(Kind.load)
      writer.hostID(host)
      writer.loadNews(news)
    case .oneWay(let mark):
      writer.u8(Kind.oneWay)
      writer.hostID(mark.subject)
      writer.incarnation(mark.incarnation)
      writer.hostID(mark.observer)
      writer.varint(mark.number)
      writer.signature(mark.signature)
    case .metadata(let host, let version, let bytes):
      writer.u8(Kind.metadata)
      writer.hostID(host)
      writer.varint(version)
      writer.blob(bytes)
    }
  }
}

// MARK: Passing over

/// Whom a self-record or a death is about.
struct ItemHead {
  let host: HostID
  let incarnation: Incarnation
  let isDead: Bool
  fileprivate let accusations: Int
}

extension Reader {
  /// The head of an alive or dead item; `nil` before any other.
  mutating func passHead() throws(WireError) -> ItemHead? {
    let first = try u8()
    switch first & 15 {
    case Item.Kind.alive where first >> 4 == 0:
      return ItemHead(host: try hostID(), incarnation: try incarnation(), isDead: false, accusations: 0)
    case Item.Kind.dead:
      return ItemHead(
        host: try hostID(), incarnation: try incarnation(), isDead: true, accusations: Int(first >> 4))
    default:
      return nil
    }
  }

  mutating func passBody(of head: ItemHead) throws(WireError) {
    if head.isDead {
      guard (1...Accusations.limit).contains(head.accusations) else { throw .invalid }
      _ = try varint()
      _ = try take(head.accusations * (8 + Signature.size))
    } else {
      _ = try endpoint()
      _ = try varint()
      guard Roles.all.isSuperset(of: Roles(rawValue: try u8())) else { throw .invalid }
      _ = try take(Signature.size)
    }
  }
}

// MARK: Parts of items

extension Reader {
  mutating func incarnation() throws(WireError) -> Incarnation {
    let generation = try varint()
    let refutation = try varint()
    guard generation < Incarnation.generationLimit, refutation < Incarnation.refutationLimit else { throw .invalid }
    return Incarnation(generation: generation, refutation: refutation)
  }

  fileprivate mutating func selfRecord() throws(WireError) -> SelfRecord {
    let record = SelfRecord(
      host: try hostID(), incarnation: try incarnation(), endpoint: try endpoint(), metadataVersion: try varint(),
      roles: Roles(rawValue: try u8()))
    guard Roles.all.isSuperset(of: record.roles) else { throw .invalid }
    return record
  }

  fileprivate mutating func death(of subject: HostID, _ incarnation: Incarnation, accusations count: Int)
    throws(WireError) -> Item.Death
  {
    guard (1...Accusations.limit).contains(count) else { throw .invalid }
    let age = try varint()
    var accusations = Accusations()
    for _ in 0..<count {
      let accusation = Accusation(accuser: try hostID(), contributor: 0, signature: try signature())
      // One death, one encoding: the same accuser twice is refused.
      guard accusations.add(accusation) else { throw .invalid }
    }
    return Item.Death(subject: subject, incarnation: incarnation, age: age, accusations: accusations)
  }

  fileprivate mutating func loadNews() throws(WireError) -> Item.LoadNews {
    let life = try u8()
    let sequence = try varint()
    let age = try u8()
    var record = LoadRecord(processor: try u8(), memory: try u8())
    record.uplink = try u8()
    record.loopLag = try u8()
    record.flags = LoadRecord.Flags(rawValue: try u8())
    let players = try varint()
    let maps = try varint()
    guard let sequence = UInt32(exactly: sequence), let players = UInt32(exactly: players),
      let maps = UInt32(exactly: maps)
    else { throw .invalid }
    record.players = players
    record.maps = maps
    return Item.LoadNews(record: record, sequence: sequence, life: life, age: age)
  }

  fileprivate mutating func blob(atMost limit: Int) throws(WireError) -> UnsafeRawBufferPointer {
    let count = Int(try u16())
    guard count > 0 else { throw .invalid }
    guard count <= limit else { throw .tooLarge }
    return try take(count)
  }
}

extension Writer {
  mutating func incarnation(_ incarnation: Incarnation) {
    varint(incarnation.generation)
    varint(incarnation.refutation)
  }

  /// What a host signs when it is alive.
  mutating func selfRecord(_ record: SelfRecord) {
    hostID(record.host)
    incarnation(record.incarnation)
    endpoint(record.endpoint)
    varint(record.metadataVersion)
    u8(record.roles.rawValue)
  }

  fileprivate mutating func death(_ death: Item.Death) {
    varint(death.age)
    for position in 0..<death.accusations.count {
      hostID(death.accusations[position].accuser)
      signature(death.accusations[position].signature)
    }
  }

  fileprivate mutating func loadNews(_ news: Item.LoadNews) {
    u8(news.life)
    varint(UInt64(news.sequence))
    u8(news.age)
    u8(news.record.processor)
    u8(news.record.memory)
    u8(news.record.uplink)
    u8(news.record.loopLag)
    u8(news.record.flags.rawValue)
    varint(UInt64(news.record.players))
    varint(UInt64(news.record.maps))
  }

  fileprivate mutating func blob(_ bytes: UnsafeRawBufferPointer) {
    u16(UInt16(truncatingIfNeeded: bytes.count))
    append(bytes)
  }
}

// MARK: What is signed

/// The bytes under a signature. Their kinds cannot be taken for one another within a domain: the byte after I is 4 or 6
/// in a self-record and 0 in a goodbye, and a one-way mark is an accusation with a number behind it.
enum SignedBody {
  static func selfRecord<R>(_ record: SelfRecord, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    written({ $0.selfRecord(record) }, body)
  }

  static func goodbye<R>(_ host: HostID, _ incarnation: Incarnation, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    written(
      {
        $0.hostID(host)
        $0.incarnation(incarnation)
        $0.u8(0)
      }, body)
  }

  static func accusation<R>(
    of subject: HostID, _ incarnation: Incarnation, by accuser: HostID, _ body: (UnsafeRawBufferPointer) -> R
  ) -> R {
    written(
      {
        $0.hostID(subject)
        $0.incarnation(incarnation)
        $0.hostID(accuser)
      }, body)
  }

  static func oneWay<R>(_ mark: OneWayMark, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    written(
      {
        $0.hostID(mark.subject)
        $0.incarnation(mark.incarnation)
        $0.hostID(mark.observer)
        $0.varint(mark.number)
      }, body)
  }

  /// 64 bytes hold the longest: a self-record with an IPv6 address and a metadata version of 10 bytes takes 48.
  private static func written<R>(_ write: (inout Writer) -> Void, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { scratch in
      var writer = Writer(scratch)
      write(&writer)
      return body(writer.written)
    }
  }
}
