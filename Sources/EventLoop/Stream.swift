import UVShim
package import Wire

/// Whom a stream tells. `closed` is the last call, exactly once, for every stream that the client has got.
package protocol StreamClient: AnyObject {
  /// A stream that we opened is established.
  func connected(_ stream: Stream)
  /// Bytes are valid during the call only.
  func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream)
  /// After a write that answered `.queued`: everything is with the kernel now.
  func drained(_ stream: Stream)
  /// The far side sends no more. We still may, until `close`, `finish` or `reset`.
  func ended(_ stream: Stream)
  /// Ended for good: `nil` when we closed it, else why (refused, reset, timed out, …).
  func closed(_ stream: Stream, _ error: UVError?)
}

extension StreamClient {
  package func connected(_ stream: Stream) {}
  package func drained(_ stream: Stream) {}
}

/// One end of a TCP connection, a Unix socket or a pipe of a child.
package final class Stream: Handle {
  package enum Transport: Sendable { case tcp, unix }

  package enum WriteOutcome: Sendable {
    /// All of it is with the kernel.
    case sent
    /// Taken; `drained` follows when it is with the kernel.
    case queued
    /// Nothing was taken: more than `writeLimit` would wait, or the stream is closed, finishing or broken.
    case refused
  }

  /// Bytes that may wait for the kernel.
  package static let defaultWriteLimit = 1 << 20
  /// How long `finish` waits for the far side.
  package static let finishLimit: UInt64 = 2_000_000_000

  package let transport: Transport
  package var writeLimit = Stream.defaultWriteLimit
  /// The far end of a TCP connection.
  package private(set) var peer: Endpoint?
  package private(set) var isConnected = false
  package private(set) var isReading = false
  package private(set) var bytesReceived: UInt64 = 0
  package private(set) var bytesSent: UInt64 = 0

  private var client: (any StreamClient)?
  private var writesInFlight = 0
  private var isFinishing = false
  private var sentEnd = false
  private var gotEnd = false
  private var failure: UVError?
  private var timeout: UInt64?
  private var listener: Listener?

  private var stream: UnsafeMutablePointer<uv_stream_t> { pointer(as: uv_stream_t.self) }

  init(_ loop: Loop, _ transport: Transport) throws(UVError) {
    self.transport = transport
    super.init(loop, .stream, transport == .tcp ? UV_TCP : UV_NAMED_PIPE)
    switch transport {
    case .tcp: try adopt(uv_tcp_init(loop.uv, pointer(as: uv_tcp_t.self)))
    case .unix: try adopt(uv_pipe_init(loop.uv, pointer(as: uv_pipe_t.self), 0))
    }
  }

  // MARK: Reading

  /// Goes on after `pauseReading`. A new stream reads by itself.
  package func resumeReading() {
    guard isOpen, isConnected, !isReading, !gotEnd else { return }
    isReading = true
    let result = uv_read_start(
      stream,
      { handle, _, buffer in
        guard let handle, let buffer else { return }
        withHandle(handle, as: Stream.self) { me in
          let slab = me.loop.readSlab
          buffer.pointee = uv_buf_init(slab.baseAddress?.assumingMemoryBound(to: CChar.self), UInt32(slab.count))
        }
      },
      { handle, count, _ in
        guard let handle else { return }
        withHandle(handle, as: Stream.self) { $0.read(count) }
      })
    if result < 0 { fail(UVError(code: result)) }
  }

  /// The kernel's buffers fill up, then the far side has to wait.
  package func pauseReading() {
    guard isOpen, isReading, !isFinishing else { return }
    isReading = false
    uv_read_stop(stream)
  }

  private func read(_ count: Int) {
    if count == 0 { return }
    loop.wakeUp()
    guard count < 0 else {
      bytesReceived &+= UInt64(count)
      if isFinishing { return }
      client?.received(UnsafeRawBufferPointer(rebasing: loop.readSlab[0..<count]), on: self)
      return
    }
    let error = UVError(code: Int32(truncatingIfNeeded: count))
    guard error == .endOfFile else { return fail(error) }
    uv_read_stop(stream)
    isReading = false
    gotEnd = true
    if isFinishing { closeWhenFinished() } else { client?.ended(self) }
  }

  // MARK: Writing

  /// Bytes that wait for the kernel.
  package var queuedBytes: Int { isOpen ? stream.pointee.write_queue_size : 0 }

  /// All of the bytes or none: they are sent at once as far as the kernel takes them, the rest is copied and queued.
  @discardableResult
  package func write(_ bytes: UnsafeRawBufferPointer) -> WriteOutcome {
    guard isOpen, !isFinishing, !sentEnd, bytes.count <= writeLimit - queuedBytes else { return .refused }
    if bytes.isEmpty { return writesInFlight == 0 ? .sent : .queued }
    var rest = bytes
    if isConnected, writesInFlight == 0 {
      var buffer = Stream.buffer(bytes)
      let taken = uv_try_write(stream, &buffer, 1)
      if taken > 0 {
        bytesSent &+= UInt64(taken)
        if Int(taken) == bytes.count { return .sent }
        rest = UnsafeRawBufferPointer(rebasing: bytes[Int(taken)...])
      } else if taken < 0, UVError(code: taken) != .again {
        fail(UVError(code: taken))
        return .refused
      }
    }
    return queue(rest) ? .queued : .refused
  }

  @discardableResult
  package func write(_ bytes: [UInt8]) -> WriteOutcome { bytes.withUnsafeBytes { write($0) } }

  // A request and its bytes are one allocation, freed in the callback.
  private func queue(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let headerSize = (MemoryLayout<uv_write_t>.size + 15) & ~15
    let block = UnsafeMutableRawPointer.allocate(byteCount: headerSize + bytes.count, alignment: 16)
    let request = block.assumingMemoryBound(to: uv_write_t.self)
    let copy = UnsafeMutableRawBufferPointer(start: block + headerSize, count: bytes.count)
    copy.copyMemory(from: bytes)
    request.pointee.data = UnsafeMutableRawPointer(bitPattern: bytes.count)
    var buffer = Stream.buffer(UnsafeRawBufferPointer(copy))
    let result = uv_write(request, stream, &buffer, 1) { request, status in
      guard let request, let handle = request.pointee.handle else { return }
      let count = Int(bitPattern: request.pointee.data)
      UnsafeMutableRawPointer(request).deallocate()
      withHandle(handle, as: Stream.self) { $0.wrote(count, status) }
    }
    guard result >= 0 else {
      block.deallocate()
      fail(UVError(code: result))
      return false
    }
    writesInFlight += 1
    return true
  }

  private func wrote(_ count: Int, _ status: Int32) {
    writesInFlight -= 1
    guard isOpen else { return }
    loop.wakeUp()
    guard status >= 0 else { return fail(UVError(code: status)) }
    bytesSent &+= UInt64(count)
    if writesInFlight == 0, !isFinishing { client?.drained(self) }
  }

  private static func buffer(_ bytes: UnsafeRawBufferPointer) -> uv_buf_t {
    let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
    return uv_buf_init(base, UInt32(clamping: bytes.count))
  }

  // MARK: Ending

  /// After what is queued the far side reads an end; we go on reading. The stream must be connected.
  package func endWriting() {
    guard isOpen, !sentEnd else { return }
    sentEnd = true
    let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
    let result = uv_shutdown(request, stream) { request, status in
      guard let request, let handle = request.pointee.handle else { return }
      request.deallocate()
      withHandle(handle, as: Stream.self) { $0.endWritten(status) }
    }
    guard result < 0 else { return }
    request.deallocate()
    fail(UVError(code: result))
  }

  private var isEndWritten = false

  private func endWritten(_ status: Int32) {
    guard isOpen else { return }
    loop.wakeUp()
    guard status >= 0 else { return fail(UVError(code: status)) }
    isEndWritten = true
    if isFinishing { closeWhenFinished() }
  }

  /// Closes after what was written has reached the far side: sends the end, throws away what still comes in (closing
  /// with unread bytes would reset the connection and lose what is under way), and closes when the far side has ended
  /// too, after `limit` nanoseconds at the latest. Only `closed` is still called. A stream that is not connected yet
  /// closes at once.
  package func finish(within limit: UInt64 = Stream.finishLimit) {
    guard isOpen, !isFinishing else { return }
    guard isConnected else { return close() }
    isFinishing = true
    resumeReading()
    endWriting()
    guard isOpen else { return }
    setTimeout(limit)
    closeWhenFinished()
  }

  private func closeWhenFinished() {
    if isEndWritten, gotEnd { close() }
  }

  /// Closes at once; the far side gets a reset and what is under way is lost. A Unix socket is just closed.
  package func reset() {
    guard isOpen else { return }
    if transport == .tcp { _ = uvshim_reset_on_close(uvshim_file_descriptor(base)) }
    close()
  }

  private func fail(_ error: UVError) {
    guard isOpen else { return }
    failure = error
    close()
  }

  override func timedOut() {
    timeout = nil
    // A far side that does not end in time after `finish` is no failure of ours.
    if isFinishing { close() } else { fail(.timedOut) }
  }

  private func setTimeout(_ limit: UInt64) {
    clearTimeout()
    timeout = loop.setTimeout(self, after: limit)
  }

  private func clearTimeout() {
    if let timeout { loop.cancelTimeout(timeout) }
    timeout = nil
  }

  override func willClose() {
    isReading = false
    clearTimeout()
  }

  override func didClose() {
    listener?.streamClosed()
    listener = nil
    let client = client
    self.client = nil
    client?.closed(self, failure)
  }

  // MARK: Beginning

  /// Gives up a stream that no client has seen.
  func discard() {
    client = nil
    close()
  }

  /// Reading begins before the client hears of the stream, so that it may pause at once; bytes come later.
  func established() {
    isConnected = true
    identifyPeer()
    resumeReading()
  }

  func setClient(_ client: any StreamClient, from listener: Listener? = nil) {
    self.client = client
    self.listener = listener
  }

  private func identifyPeer() {
    guard transport == .tcp else { return }
    let tcp = pointer(as: uv_tcp_t.self)
    // Frames are small and wait for answers.
    uv_tcp_nodelay(tcp, 1)
    var storage = sockaddr_storage()
    var length = Int32(MemoryLayout<sockaddr_storage>.size)
    withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        if uv_tcp_getpeername(tcp, address, &length) == 0 { peer = Endpoint(UnsafePointer(address)) }
      }
    }
  }

  fileprivate func connect(to endpoint: Endpoint, limit: UInt64, client: any StreamClient) throws(UVError) {
    peer = endpoint
    let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
    let result = endpoint.withSocketAddress { address in
      uv_tcp_connect(request, pointer(as: uv_tcp_t.self), address, connectionAnswered)
    }
    guard result >= 0 else {
      request.deallocate()
      discard()
      throw UVError(code: result)
    }
    self.client = client
    setTimeout(limit)
  }

  fileprivate func connect(toPath path: String, limit: UInt64, client: any StreamClient) {
    let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
    self.client = client
    uv_pipe_connect(request, pointer(as: uv_pipe_t.self), path, connectionAnswered)
    setTimeout(limit)
  }

  fileprivate func connectionResult(_ status: Int32) {
    guard isOpen else { return }
    loop.wakeUp()
    clearTimeout()
    guard status >= 0 else { return fail(UVError(code: status)) }
    established()
    client?.connected(self)
  }

  /// Who is on the other end of a Unix socket, as the kernel knows it.
  package func peerCredentials() throws(UVError) -> PeerCredentials {
    let descriptor = try checked(uvshim_file_descriptor(base))
    var raw = uvshim_credentials()
    try checked(uvshim_peer_credentials(descriptor, &raw))
    return PeerCredentials(process: raw.pid, user: raw.uid, group: raw.gid)
  }
}

package struct PeerCredentials: Hashable, Sendable {
  package let process: Int32
  package let user: UInt32
  package let group: UInt32

  package init(process: Int32, user: UInt32, group: UInt32) {
    self.process = process
    self.user = user
    self.group = group
  }
}

private func connectionAnswered(_ request: UnsafeMutablePointer<uv_connect_t>?, _ status: Int32) {
  guard let request, let handle = request.pointee.handle else { return }
  request.deallocate()
  withHandle(handle, as: Stream.self) { $0.connectionResult(status) }
}

extension Loop {
  /// Opens a TCP connection. The client hears `connected`, or `closed` with the reason (`timedOut` after `limit`
  /// nanoseconds); a failure that is known at once is thrown and the client hears nothing.
  package func connect(
    to endpoint: Endpoint, within limit: UInt64 = 10_000_000_000, client: any StreamClient
  ) throws(UVError) -> Stream {
    let stream = try Stream(self, .tcp)
    try stream.connect(to: endpoint, limit: limit, client: client)
    return stream
  }

  /// The same for a Unix socket.
  package func connect(
    toPath path: String, within limit: UInt64 = 10_000_000_000, client: any StreamClient
  ) throws(UVError) -> Stream {
    try checkSocketPath(path)
    let stream = try Stream(self, .unix)
    stream.connect(toPath: path, limit: limit, client: client)
    return stream
  }

  /// libuv would cut a longer path off and use another file.
  func checkSocketPath(_ path: String) throws(UVError) {
    if path.isEmpty { throw .invalid }
    if path.utf8.count >= uvshim_socket_path_capacity() { throw .nameTooLong }
  }
}
