import Wire

/// The first byte of each step chooses an accessor; the rest is what it reads.
func fuzzWire(_ bytes: UnsafeRawBufferPointer) {
  var reader = Reader(bytes)
  while let choice = try? reader.u8() {
    let before = reader.remaining
    switch choice % 9 {
    case 0: keep((try? reader.u16()) ?? 0)
    case 1: keep((try? reader.u32()) ?? 0)
    case 2: keep((try? reader.u64()) ?? 0)
    case 3: keep((try? reader.varint()) ?? 0)
    case 4: keep((try? reader.count(atMost: 100)) ?? 0)
    case 5: keep((try? reader.endpoint())?.low ?? 0)
    case 6: keep((try? reader.take(Int(choice)))?.count ?? 0)
    case 7: keep((try? reader.signature()) == nil ? 0 : 1)
    default: keep((try? reader.hostID())?.rawValue ?? 0)
    }
    precondition(reader.remaining <= before)
  }
}

/// What reads as an endpoint reads the same after it was written.
func fuzzEndpoint(_ bytes: UnsafeRawBufferPointer) {
  let text = String(decoding: bytes, as: UTF8.self)
  guard let endpoint = Endpoint(text) else { return }
  precondition(Endpoint(endpoint.description) == endpoint)
  keep(endpoint.low)
  keep(endpoint.description)
}
