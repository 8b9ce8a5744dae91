import UVShim
package import Wire

/// What the kernel lets through to a socket: datagrams whose first four bytes are one of four words and whose length
/// fits. The words are as `Reader.u32` reads them.
package struct DatagramFilter: Hashable, Sendable {
  /// Exactly 488 bytes.
  package var hello: UInt32
  /// Exactly 108 bytes.
  package var response: UInt32
  /// Exactly 64 bytes.
  package var cookie: UInt32
  /// 32 + 16k bytes, at most 1,232.
  package var data: UInt32

  package init(hello: UInt32, response: UInt32, cookie: UInt32, data: UInt32) {
    self.hello = hello
    self.response = response
    self.cookie = cookie
    self.data = data
  }
}

/// A UDP socket. What it receives goes to `LoopClient.received`.
///
/// Datagrams are read with recvmmsg straight into the socket's slab and handed on from there; nothing is allocated or
/// copied per datagram. (libuv's own receiving reads at most 40 per turn, so after a stall deadlines would fire with
/// the socket still full: here libuv only tells that the socket is readable.) What the loop cannot keep up with waits
/// in the kernel's buffer, and what does not fit there is dropped by the kernel and counted.
package final class Datagrams: Handle {
  package struct Counters: Sendable {
    package var received: UInt64 = 0
    package var bytesReceived: UInt64 = 0
    /// Longer than any datagram of ours; not handed on.
    package var oversize: UInt64 = 0
    package var receiveErrors: UInt64 = 0
    /// Dropped by the kernel: by the filter, or because the receive buffer was full.
    package var droppedByKernel: UInt64 = 0
    /// The fullest that the receive buffer was seen, and its size, both with the kernel's overhead.
    package var mostQueued: UInt64 = 0
    package var queueLimit: UInt64 = 0
    package var sent: UInt64 = 0
    package var bytesSent: UInt64 = 0
    /// Not sent because the kernel's send buffer was full.
    package var sendBufferFull: UInt64 = 0
    /// Refused by the kernel for any other reason; `sendFailures` says which.
    package var sendErrors: UInt64 = 0
  }

  /// The last reason why datagrams to one address did not leave this machine. EPERM: its own firewall refuses.
  package struct SendFailure: Sendable {
    package var to: Endpoint
    package var error: UVError
    package var count: UInt64
    /// `Now.monotonic` of the last one.
    package var last: UInt64
  }

  /// DESIGN 4.5.
  package static let receiveBufferWanted: Int32 = 4 << 20
  /// Addresses whose send failures are remembered; the one that failed longest ago makes room.
  package static let sendFailureLimit = 64

  /// Where it is bound, with the port that the kernel chose for port 0.
  package let local: Endpoint
  /// What the kernel granted of `receiveBufferWanted`, in bytes.
  package let receiveBufferGranted: Int
  package private(set) var sendFailures: ContiguousArray<SendFailure> = []

  /// The kernel has said that datagrams wait, and not all of them have been taken.
  private(set) var isReadable = false
  private var counted = Counters()
  private var kernelDrops: UInt32 = 0
  private let descriptor: Int32
  private let family: Int32
  private let batch: OpaquePointer
  private let arrivals: UnsafeMutablePointer<uvshim_arrival>
  private let bytes: UnsafeMutablePointer<UInt8>

  fileprivate init(_ loop: Loop, descriptor: Int32, batch: OpaquePointer, local: Endpoint, granted: Int32) {
    self.descriptor = descriptor
    self.batch = batch
    self.local = local
    arrivals = uvshim_batch_arrivals(batch)
    bytes = uvshim_batch_bytes(batch)
    family = uvshim_family(local.raw)
    receiveBufferGranted = Int(granted)
    super.init(loop, .datagrams, UV_POLL)
  }

  fileprivate func start() throws(UVError) {
    let poll = pointer(as: uv_poll_t.self)
    let result = uv_poll_init_socket(loop.uv, poll, descriptor)
    guard result >= 0 else {
      didClose()
      throw UVError(code: result)
    }
    try adopt(result)
    loop.sockets.append(self)
    watch()
  }

  private func watch() {
    uv_poll_start(pointer(as: uv_poll_t.self), Int32(UV_READABLE.rawValue)) { handle, status, _ in
      guard let handle else { return }
      withHandle(handle, as: Datagrams.self) { me in
        if status < 0 { me.clearError() } else { me.isReadable = true }
      }
    }
  }

  // libuv stops watching a socket that reports an error.
  private func clearError() {
    counted.receiveErrors &+= 1
    _ = uvshim_take_error(descriptor)
    isReadable = true
    watch()
  }

  override func willClose() {
    isReadable = false
    loop.sockets.removeAll { $0 === self }
  }

  override func didClose() {
    File(descriptor: descriptor).close()
    uvshim_batch_free(batch)
  }

  /// Hands datagrams to the client until none waits or `limit` is reached. Returns how many were taken.
  func receive(_ client: any LoopClient, atMost limit: Int) -> Int {
    var taken = 0
    while isOpen, taken < limit {
      let asked = min(limit - taken, UVSHIM_BATCH)
      let got = Int(uvshim_receive(descriptor, batch, UInt32(asked)))
      if got < 0 { counted.receiveErrors &+= 1 }
      if got > 0 {
        taken += got
        handOn(got, to: client)
      }
      if got < asked {
        isReadable = false
        return taken
      }
      // A full batch: there may be a crowd behind it.
      if taken == asked { lookAtQueue() }
    }
    return taken
  }

  private func handOn(_ count: Int, to client: any LoopClient) {
    let now = loop.now
    for index in 0..<count {
      let arrival = arrivals[index]
      guard arrival.truncated == 0 else {
        counted.oversize &+= 1
        continue
      }
      let length = Int(arrival.length)
      counted.received &+= 1
      counted.bytesReceived &+= UInt64(arrival.length)
      client.received(
        UnsafeMutableRawBufferPointer(start: bytes + index * UVSHIM_SLOT, count: length),
        from: Endpoint(arrival.from), on: self, now: now)
      guard isOpen else { return }
    }
  }

  /// Sends one datagram or counts why not; nothing is queued but by the kernel. `true` when the kernel took it.
  @discardableResult
  package func send(_ datagram: UnsafeRawBufferPointer, to: Endpoint) -> Bool {
    guard isOpen else { return false }
    let result = uvshim_send(descriptor, family, datagram.baseAddress, datagram.count, to.raw)
    if result == 0 {
      counted.sent &+= 1
      counted.bytesSent &+= UInt64(datagram.count)
      return true
    }
    let error = UVError(code: result)
    if error == .again || error == .noBufferSpace {
      counted.sendBufferFull &+= 1
    } else {
      counted.sendErrors &+= 1
      remember(error, to: to)
    }
    return false
  }

  private func remember(_ error: UVError, to: Endpoint) {
    let failure = SendFailure(to: to, error: error, count: 1, last: loop.now.monotonic)
    var oldest = 0
    for index in sendFailures.indices {
      if sendFailures[index].to == to {
        sendFailures[index].count &+= 1
        sendFailures[index].error = error
        sendFailures[index].last = failure.last
        return
      }
      if sendFailures[index].last < sendFailures[oldest].last { oldest = index }
    }
    if sendFailures.count < Datagrams.sendFailureLimit {
      sendFailures.append(failure)
    } else {
      sendFailures[oldest] = failure
    }
  }

  private func lookAtQueue() {
    var queue = uvshim_queue()
    guard uvshim_receive_queue(descriptor, &queue) == 0 else { return }
    // The kernel's number wraps at 32 bits.
    counted.droppedByKernel &+= UInt64(queue.drops &- kernelDrops)
    kernelDrops = queue.drops
    counted.mostQueued = max(counted.mostQueued, UInt64(queue.queued))
    counted.queueLimit = UInt64(queue.limit)
  }

  /// Asks the kernel for its part.
  package var counters: Counters {
    if isOpen { lookAtQueue() }
    return counted
  }
}

extension Loop {
  /// A UDP socket bound to an address of this machine: `::` takes IPv4 too, port 0 lets the kernel choose. The filter
  /// is in place before the first datagram can arrive. Datagrams leave with DF set.
  ///
  /// `reusingAddress` lets two sockets share a port, of which one gets nothing: for tests only.
  package func datagrams(
    on endpoint: Endpoint, filter: DatagramFilter? = nil, receiveBuffer: Int32 = Datagrams.receiveBufferWanted,
    reusingAddress: Bool = false
  ) throws(UVError) -> Datagrams {
    let words = filter.map { [$0.hello, $0.response, $0.cookie, $0.data] }
    let descriptor = try checked(uvshim_udp_socket(endpoint.raw, reusingAddress ? 1 : 0, words))
    var local = uvshim_endpoint()
    let granted = uvshim_receive_buffer(descriptor, receiveBuffer)
    let named = uvshim_local_endpoint(descriptor, &local)
    guard granted >= 0, named >= 0, let batch = uvshim_batch_new() else {
      File(descriptor: descriptor).close()
      throw granted < 0 ? UVError(code: granted) : named < 0 ? UVError(code: named) : .outOfMemory
    }
    let socket = Datagrams(self, descriptor: descriptor, batch: batch, local: Endpoint(local), granted: granted)
    try socket.start()
    return socket
  }
}
