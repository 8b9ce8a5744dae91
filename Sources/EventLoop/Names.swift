import UVShim
package import Wire

/// Looks names up on the pool, one at a time for each owner of a `NameLookup`: a dead resolver takes half a minute per
/// name, and must not take the pool with it (libuv itself keeps half of its threads free of look-ups).
package final class NameLookup {
  /// Addresses kept of one answer.
  package static let limit = 16

  private final class Request {
    let owner: NameLookup
    let port: UInt16
    let done: (Result<[Endpoint], UVError>) -> Void
    let raw = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)

    init(_ owner: NameLookup, port: UInt16, _ done: @escaping (Result<[Endpoint], UVError>) -> Void) {
      self.owner = owner
      self.port = port
      self.done = done
    }

    deinit { raw.deallocate() }
  }

  private let loop: Loop
  package private(set) var isBusy = false

  fileprivate init(_ loop: Loop) { self.loop = loop }

  /// `done` gets the addresses of a host, with this port, in the resolver's order. An address in text form needs no
  /// resolver. Throws, and `done` is not called, while an earlier look-up is under way (`busy`) and for a name that
  /// cannot be one.
  package func lookUp(
    _ name: String, port: UInt16, then done: @escaping (Result<[Endpoint], UVError>) -> Void
  ) throws(UVError) {
    if isBusy { throw .busy }
    if !loop.canBegin { throw .cancelled }
    let request = Request(self, port: port, done)
    request.raw.pointee.data = Unmanaged.passRetained(request).toOpaque()
    var hints = addrinfo()
    // One entry per address instead of one per kind of socket.
    hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    let result = uv_getaddrinfo(
      loop.uv, request.raw,
      { raw, status, list in
        defer { uv_freeaddrinfo(list) }
        guard let data = raw?.pointee.data else { return }
        let request = Unmanaged<Request>.fromOpaque(data).takeRetainedValue()
        request.owner.answered(request, status, list)
      }, name, nil, &hints)
    guard result >= 0 else {
      Unmanaged.passUnretained(request).release()
      throw UVError(code: result)
    }
    isBusy = true
    loop.poolJobs += 1
  }

  private func answered(_ request: Request, _ status: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
    isBusy = false
    loop.poolJobs -= 1
    loop.wakeUp()
    if status < 0 { return request.done(.failure(UVError(code: status))) }
    var endpoints: [Endpoint] = []
    var next = list
    while let entry = next, endpoints.count < NameLookup.limit {
      if let address = entry.pointee.ai_addr {
        let endpoint = Endpoint(UnsafePointer(address)).withPort(request.port)
        if !endpoints.contains(endpoint) { endpoints.append(endpoint) }
      }
      next = entry.pointee.ai_next
    }
    request.done(endpoints.isEmpty ? .failure(.notFound) : .success(endpoints))
  }
}

extension Loop {
  /// A look-up service for one caller.
  package func nameLookup() -> NameLookup { NameLookup(self) }
}
