import UVShim
package import Wire

/// Who takes the connections of a listener.
package protocol ListenerClient: AnyObject {
  /// A connection came in. Returns the client of the new stream, `nil` to reset it.
  func accepted(_ stream: Stream, by listener: Listener) -> (any StreamClient)?
  /// Accepting failed, e.g. `tooManyFiles`. The listener goes on.
  func acceptFailed(_ error: UVError, by listener: Listener)
}

/// A listening TCP or Unix socket with a limit on the connections that it has open at once.
package final class Listener: Handle {
  package static let backlog: Int32 = 128

  package let transport: Stream.Transport
  /// Connections above it are reset at once and counted.
  package let limit: Int
  /// Where TCP listens, with the port that the kernel chose for port 0.
  package private(set) var local: Endpoint?
  package private(set) var openStreams = 0
  package private(set) var accepted: UInt64 = 0
  package private(set) var refused: UInt64 = 0

  private var client: (any ListenerClient)?

  fileprivate init(_ loop: Loop, _ transport: Stream.Transport, limit: Int) throws(UVError) {
    self.transport = transport
    self.limit = limit
    super.init(loop, .listener, transport == .tcp ? UV_TCP : UV_NAMED_PIPE)
    switch transport {
    case .tcp: try adopt(uv_tcp_init(loop.uv, pointer(as: uv_tcp_t.self)))
    case .unix: try adopt(uv_pipe_init(loop.uv, pointer(as: uv_pipe_t.self), 0))
    }
  }

  fileprivate func listen(_ client: any ListenerClient) throws(UVError) {
    self.client = client
    let result = uv_listen(pointer(as: uv_stream_t.self), Listener.backlog) { handle, status in
      guard let handle else { return }
      withHandle(handle, as: Listener.self) { $0.connectionWaits(status) }
    }
    try checked(result)
    guard transport == .tcp else { return }
    var local = uvshim_endpoint()
    try checked(uvshim_local_endpoint(try checked(uvshim_file_descriptor(base)), &local))
    self.local = Endpoint(local)
  }

  fileprivate func bind(to endpoint: Endpoint) throws(UVError) {
    try checked(endpoint.withSocketAddress { uv_tcp_bind(pointer(as: uv_tcp_t.self), $0, 0) })
  }

  fileprivate func bind(toPath path: String) throws(UVError) {
    try checked(uv_pipe_bind(pointer(as: uv_pipe_t.self), path))
  }

  private func connectionWaits(_ status: Int32) {
    loop.wakeUp()
    guard let client else { return }
    if status < 0 { return client.acceptFailed(UVError(code: status), by: self) }
    let stream: Stream
    do throws(UVError) {
      stream = try Stream(loop, transport)
    } catch {
      return client.acceptFailed(error, by: self)
    }
    let result = uv_accept(pointer(as: uv_stream_t.self), stream.pointer(as: uv_stream_t.self))
    guard result >= 0 else {
      stream.discard()
      return client.acceptFailed(UVError(code: result), by: self)
    }
    guard openStreams < limit else {
      refused &+= 1
      return stream.reset()
    }
    accepted &+= 1
    stream.established()
    guard let streamClient = client.accepted(stream, by: self) else { return stream.reset() }
    openStreams += 1
    stream.setClient(streamClient, from: self)
  }

  func streamClosed() { openStreams -= 1 }

  override func didClose() { client = nil }
}

extension Loop {
  /// Accepts TCP connections at an address of this machine; `::` takes IPv4 too.
  package func listen(
    on endpoint: Endpoint, limit: Int, client: any ListenerClient
  ) throws(UVError) -> Listener {
    let listener = try Listener(self, .tcp, limit: limit)
    do throws(UVError) {
      try listener.bind(to: endpoint)
      try listener.listen(client)
    } catch {
      listener.close()
      throw error
    }
    return listener
  }

  /// Accepts connections at a Unix socket with these access rights. A socket file that nobody listens at any more is
  /// replaced; one that is in use is `addressInUse`. The file goes away when the listener closes.
  package func listen(
    onPath path: String, mode: UInt32 = 0o660, limit: Int, client: any ListenerClient
  ) throws(UVError) -> Listener {
    try checkSocketPath(path)
    if uvshim_is_stale_socket(path) != 0 { try Files.remove(path) }
    let listener = try Listener(self, .unix, limit: limit)
    do throws(UVError) {
      try listener.bind(toPath: path)
      // Nobody can connect before `listen`, so the rights are in place in time.
      try Files.setMode(path, mode)
      try listener.listen(client)
    } catch {
      listener.close()
      throw error
    }
    return listener
  }
}
