import SecureChannel
import Wire

func fuzzCertificate(_ bytes: UnsafeRawBufferPointer) {
  let world = FuzzWorld.shared
  if let certificate = try? Certificate(bytes) {
    // One encoding only.
    precondition(certificate.bytes == [UInt8](bytes))
    keep(certificate.notAfter)
  }
  keep((try? world.roster.verify(bytes, at: FuzzWorld.wall / 1_000_000_000)) == nil ? 0 : 1)
}

func fuzzMetadata(_ bytes: UnsafeRawBufferPointer) {
  let world = FuzzWorld.shared
  let seconds = FuzzWorld.wall / 1_000_000_000
  keep(world.roster.adopt(metadata: bytes, version: 1, of: world.other.hostID, at: seconds) == .adopted ? 1 : 0)
}

func fuzzRevocation(_ bytes: UnsafeRawBufferPointer) {
  let world = FuzzWorld.shared
  if case .adopted(let host) = world.roster.adopt(revocation: bytes) { keep(host.rawValue) }
}

func fuzzAdmission(_ bytes: UnsafeRawBufferPointer) {
  let world = FuzzWorld.shared
  let line = String(decoding: bytes, as: UTF8.self)
  if let request = try? AdmissionRequest(line: line) { keep(request.name) }
  if let welcome = try? Welcome(
    line: line, identity: world.own, current: nil, at: FuzzWorld.wall / 1_000_000_000, arena: world.arena)
  {
    keep(welcome.peers.count)
  }
  if let key = HostKey(line) { keep(key.hostID.rawValue) }
}

/// A session of datagrams, each led by its length: state carries over from one to the next.
func fuzzDatagram(_ bytes: UnsafeRawBufferPointer) {
  var channel = FuzzWorld.shared.channel()
  var effects = ChannelEffects(buffer: MessageBuffer())
  var now = FuzzWorld.shared.now
  var reader = Reader(bytes)
  while let length = try? reader.u16() {
    let size = min(Int(length % 1_500), reader.remaining)
    guard let slice = try? reader.take(size) else { break }
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { copy.deallocate() }
    copy.copyMemory(from: slice)
    channel.handle(.datagram(copy, from: FuzzWorld.peerEndpoint), now: now, into: &effects)
    now.monotonic += 1_000_000
    // Nothing that is answered to a stranger may be longer than what he sent.
    for send in effects.sends { precondition(send.message.count <= size) }
    effects.removeAll()
    effects.buffer.removeAll()
  }
  keep(channel.counters[.datagramsReceived])
}

func fuzzCompression(_ bytes: UnsafeRawBufferPointer) {
  var reader = Reader(bytes)
  guard let declared = try? reader.u32(), let packed = try? reader.take(reader.remaining) else { return }
  let size = Int(declared % (1 << 17))
  keep(Compression.decompress(packed, size: size, limit: 1 << 16)?.count ?? 0)
}

func fuzzKeyFiles(_ bytes: UnsafeRawBufferPointer) {
  let world = FuzzWorld.shared
  keep(Identity(file: bytes, arena: world.arena) == nil ? 0 : 1)
  keep(Network(file: bytes, arena: world.arena) == nil ? 0 : 1)
  keep((try? OperatorFile.publicKey(of: bytes)) == nil ? 0 : 1)
}
