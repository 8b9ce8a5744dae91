import Wire

/// Whispers that the char-server has given to all map-servers, and who asked for one.
///
/// The char-server counts links: the first "not here" from this link would be the last word, although the other
/// map-servers have not answered. So "not here" is passed on when the last one has said it, anything else at once.
struct Whispers {
  /// The char-server forgets a whisper after 60 s.
  static let limit = 4_096

  private var open: [UInt32: [StreamID]] = [:]
  private var order: [UInt32] = []
  private var senders: [Name: StreamID] = [:]

  private struct Name: Hashable {
    let bytes: [UInt8]
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = [UInt8](bytes.prefix { $0 != 0 }) }
  }

  mutating func asked(_ sender: UnsafeRawBufferPointer, by stream: StreamID) {
    let name = Name(sender)
    if senders[name] == nil, senders.count >= Whispers.limit { senders.removeAll(keepingCapacity: true) }
    senders[name] = stream
  }

  func stream(ofSender name: UnsafeRawBufferPointer) -> StreamID? { senders[Name(name)] }

  mutating func spread(_ whisper: UInt32, to streams: [StreamID]) {
    if order.count >= Whispers.limit { open[order.removeFirst()] = nil }
    open[whisper] = streams
    order.append(whisper)
  }

  /// True when the answer is to be passed on.
  mutating func answered(_ whisper: UInt32, by stream: StreamID, isNotHere: Bool) -> Bool {
    guard var left = open[whisper], let place = left.firstIndex(of: stream) else { return false }
    left.remove(at: place)
    if isNotHere && !left.isEmpty {
      open[whisper] = left
      return false
    }
    close(whisper)
    return true
  }

  /// The map-server is gone: whispers that waited only for it, to be answered with "not here".
  mutating func forget(_ stream: StreamID) -> [UInt32] {
    for (name, asker) in senders where asker == stream { senders[name] = nil }
    var ended: [UInt32] = []
    for whisper in order {
      guard let left = open[whisper], left.contains(stream) else { continue }
      let others = left.filter { $0 != stream }
      open[whisper] = others
      if others.isEmpty { ended.append(whisper) }
    }
    for whisper in ended { close(whisper) }
    return ended
  }

  mutating func removeAll() { self = Whispers() }

  private mutating func close(_ whisper: UInt32) {
    open[whisper] = nil
    if let place = order.firstIndex(of: whisper) { order.remove(at: place) }
  }
}
