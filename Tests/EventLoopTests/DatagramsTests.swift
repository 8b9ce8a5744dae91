import AllocationCounter
import EventLoop
import Glibc
import Testing
import Wire

extension EventLoopTests {
  @Suite("Datagrams")
  struct DatagramsTests {
    private static let v4 = Endpoint.loopback(port: 0)
    private static let v6 = Endpoint(high: 0, low: 1, port: 0)

    /// A datagram from one address to another arrives whole, with the sender's address, and can be answered.
    private func roundTrip(bound: Endpoint, from: Endpoint, to address: Endpoint) async throws {
      try await withLoop { bench in
        let socket = try bench.loop.datagrams(on: bound)
        let peer = try bench.loop.datagrams(on: from)
        #expect(socket.local.port != 0)
        var answered: [UInt8] = []
        bench.received = { bytes, sender, on in
          if on === socket {
            #expect(sender == peer.local)
            bytes[0] = 0xff
            socket.send(UnsafeRawBufferPointer(bytes), to: sender)
          } else {
            #expect(sender == address.withPort(socket.local.port))
            answered = Array(bytes)
          }
        }
        peer.send([1, 2, 3], to: address.withPort(socket.local.port))
        bench.runUndisturbed { !answered.isEmpty }
        #expect(answered == [0xff, 2, 3])
        #expect(socket.counters.received == 1 && socket.counters.sent == 1 && socket.counters.bytesReceived == 3)
        socket.close()
        peer.close()
      }
    }

    @Test("IPv4") func ipv4() async throws {
      try await roundTrip(bound: DatagramsTests.v4, from: DatagramsTests.v4, to: DatagramsTests.v4)
    }

    @Test("IPv6", .enabled(if: hasIPv6, "no IPv6 on this machine")) func ipv6() async throws {
      try await roundTrip(bound: DatagramsTests.v6, from: DatagramsTests.v6, to: DatagramsTests.v6)
    }

    @Test("dual stack", .enabled(if: hasIPv6, "no IPv6 on this machine")) func dualStack() async throws {
      let any = Endpoint.anyAddress(port: 0)
      try await roundTrip(bound: any, from: DatagramsTests.v4, to: DatagramsTests.v4)
      try await roundTrip(bound: any, from: DatagramsTests.v6, to: DatagramsTests.v6)
    }

    @Test("a taken port is refused, and the receive buffer tells what was granted")
    func binding() async throws {
      try await withLoop { bench in
        let socket = try bench.loop.datagrams(on: DatagramsTests.v4)
        #expect(throws: UVError.addressInUse) { try bench.loop.datagrams(on: socket.local) }
        #expect(socket.receiveBufferGranted > 0)
        #expect(socket.receiveBufferGranted <= Int(Datagrams.receiveBufferWanted))
        let small = try bench.loop.datagrams(on: DatagramsTests.v4, receiveBuffer: 16 << 10)
        #expect(small.receiveBufferGranted == 16 << 10)
        socket.close()
        small.close()
      }
    }

    @Test("a datagram longer than any of ours is counted and not handed on")
    func oversize() async throws {
      try await withLoop { bench in
        let socket = try bench.loop.datagrams(on: DatagramsTests.v4)
        var lengths: [Int] = []
        bench.received = { bytes, _, _ in lengths.append(bytes.count) }
        for length in [2049, 2048, 0, 60_000, 1232] {
          socket.send([UInt8](repeating: 7, count: length), to: socket.local)
        }
        bench.runUndisturbed { lengths.last == 1232 }
        #expect(lengths == [2048, 0, 1232])
        #expect(socket.counters.oversize == 2)
        socket.close()
      }
    }

    @Test("what the full receive buffer drops is counted, exactly")
    func overflow() async throws {
      try await withLoop { bench in
        let socket = try bench.loop.datagrams(on: DatagramsTests.v4, receiveBuffer: 64 << 10)
        let sender = try bench.loop.datagrams(on: DatagramsTests.v4)
        let sent = 600
        for _ in 0..<sent { sender.send([UInt8](repeating: 1, count: 1000), to: socket.local) }
        #expect(sender.counters.sent == UInt64(sent))
        #expect(socket.counters.droppedByKernel > 0)
        bench.runUndisturbed { socket.counters.received + socket.counters.droppedByKernel == UInt64(sent) }
        #expect(socket.counters.received > 0)
        #expect(socket.counters.mostQueued > socket.counters.queueLimit / 2)
        // And it goes on.
        let before = socket.counters.received
        sender.send([1], to: socket.local)
        bench.runUndisturbed { socket.counters.received == before + 1 }
        socket.close()
        sender.close()
      }
    }

    @Test("a flooded socket does not starve another")
    func fairness() async throws {
      try await withLoop { bench in
        let flooded = try bench.loop.datagrams(on: DatagramsTests.v4)
        let calm = try bench.loop.datagrams(on: DatagramsTests.v4)
        var calmTurn: UInt64?
        bench.received = { _, _, on in if on === calm { calmTurn = bench.loop.counters.turns } }
        bench.turnEnd = {
          for _ in 0..<520 { flooded.send([1], to: flooded.local) }
          if bench.loop.counters.turns == 3 { calm.send([2], to: calm.local) }
        }
        bench.turnEnd?()
        bench.runUndisturbed { calmTurn != nil }
        #expect((calmTurn ?? .max) <= 5)
        #expect(bench.loop.counters.backlogTurns >= 3)
        flooded.close()
        calm.close()
      }
    }

    @Test("a socket may be closed while its datagrams are handed on")
    func closing() async throws {
      try await withLoop { bench in
        let socket = try bench.loop.datagrams(on: DatagramsTests.v4)
        for _ in 0..<100 { socket.send([1], to: socket.local) }
        bench.received = { _, _, on in if bench.trace.count == 70 { on.close() } }
        bench.runUndisturbed { !socket.isOpen }
        #expect(bench.trace.count == 70)
        #expect(![1].withUnsafeBytes { socket.send($0, to: socket.local) })
      }
    }

    @Test("why datagrams do not leave is remembered per address, within a limit")
    func sendFailures() async throws {
      try await withLoop { bench in
        let socket = try bench.loop.datagrams(on: DatagramsTests.v4)
        // A broadcast without permission is refused by the kernel before it touches a wire.
        let refused = Endpoint(ipv4: 0xffff_ffff, port: 9)
        socket.send([1], to: refused)
        socket.send([1], to: refused)
        #expect(socket.sendFailures.count == 1)
        #expect(socket.sendFailures.first?.to == refused)
        #expect(socket.sendFailures.first?.count == 2)
        #expect(socket.sendFailures.first?.error.name == "EACCES")
        for port in 0..<200 { socket.send([1], to: Endpoint(high: 0, low: 1, port: UInt16(port))) }
        #expect(socket.sendFailures.count == Datagrams.sendFailureLimit)
        #expect(socket.sendFailures.last?.error.name == "EAFNOSUPPORT")
        #expect(socket.counters.sendErrors == 202)
        #expect(socket.counters.sent == 0)
        // Larger than IP can carry.
        socket.send([UInt8](repeating: 0, count: 66_000), to: socket.local)
        #expect(socket.counters.sendErrors == 203)
        socket.close()
      }
    }

    // MARK: The kernel filter

    private static let filter = DatagramFilter(
      hello: 0xbeef_0101, response: 0xbeef_0102, cookie: 0xbeef_0103, data: 0xbeef_0104)

    /// As the wire has them: type, version, tag.
    private static func datagram(type: UInt8, count: Int) -> [UInt8] {
      Array(([type, 1, 0xef, 0xbe] + [UInt8](repeating: 0x5a, count: max(0, count - 4))).prefix(count))
    }

    private static func passes(type: UInt8, count: Int) -> Bool {
      switch type {
      case 1: count == 488
      case 2: count == 108
      case 3: count == 64
      case 4: count >= 32 && count <= 1232 && count % 16 == 0
      default: false
      }
    }

    @Test("the filter lets exactly the right lengths of each type through", arguments: [1, 2, 3, 4, 5] as [UInt8])
    func filterLengths(type: UInt8) async throws {
      try await withLoop { bench in
        let socket = try bench.loop.datagrams(on: DatagramsTests.v4, filter: DatagramsTests.filter)
        let sender = try bench.loop.datagrams(on: DatagramsTests.v4)
        var arrived: Set<Int> = []
        bench.received = { bytes, _, _ in
          #expect(bytes.first == type || bytes.first == 3)
          if bytes.count == 64, bytes[0] == 3, type != 3 {
            bench.trace.append("end")
          } else {
            arrived.insert(bytes.count)
          }
        }
        for count in 0...1300 {
          sender.send(DatagramsTests.datagram(type: type, count: count), to: socket.local)
        }
        // One that passes marks the end; for type 3 its own does.
        if type != 3 { sender.send(DatagramsTests.datagram(type: 3, count: 64), to: socket.local) }
        bench.runUndisturbed { type == 3 ? arrived.contains(64) : bench.trace.contains("end") }
        #expect(arrived == Set((0...1300).filter { DatagramsTests.passes(type: type, count: $0) }))
        let kept = UInt64(arrived.count) + (type == 3 ? 0 : 1)
        #expect(socket.counters.received == kept)
        #expect(socket.counters.droppedByKernel == UInt64(1301 - arrived.count))
        socket.close()
        sender.close()
      }
    }

    @Test("random garbage, other networks and other versions do not arrive")
    func garbage() async throws {
      try await withLoop { bench in
        let local = hasIPv6 ? Endpoint.anyAddress(port: 0) : DatagramsTests.v4
        let socket = try bench.loop.datagrams(on: local, filter: DatagramsTests.filter)
        let sender = try bench.loop.datagrams(on: DatagramsTests.v4)
        let target = DatagramsTests.v4.withPort(socket.local.port)
        var chance = Chance(seed: 20)
        for _ in 0..<2000 {
          var bytes = [UInt8](repeating: 0, count: chance.below(1400))
          for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: chance.next()) }
          sender.send(bytes, to: target)
        }
        // One bit of a right word changed, with the right length.
        for bit in 0..<32 {
          var bytes = DatagramsTests.datagram(type: 4, count: 64)
          bytes[bit / 8] ^= 1 << UInt8(bit % 8)
          // 4 ^ 1, 2 and 4 are no type or have another length than 64; none may pass.
          sender.send(bytes, to: target)
        }
        sender.send(DatagramsTests.datagram(type: 3, count: 64), to: target)
        bench.runUndisturbed { !bench.trace.isEmpty }
        #expect(socket.counters.received == 1, "seed 20")
        #expect(socket.counters.droppedByKernel == 2032, "seed 20")
        socket.close()
        sender.close()
      }
    }

    // MARK: The hot path

    @Test(
      "nothing is allocated per datagram after warm-up",
      .enabled(if: allocation_counter_works() == 1, "the sanitizer has malloc's place"))
    func allocations() async throws {
      try await onThread {
        // The counter counts.
        allocation_counter_start()
        let block = UnsafeMutableRawPointer.allocate(byteCount: 100, alignment: 16)
        block.deallocate()
        #expect(allocation_counter_stop() >= 1)

        let loop = try Loop()
        let client = Counting(loop, socket: try loop.datagrams(on: DatagramsTests.v4))
        loop.run(client)
        #expect(client.count == Counting.total)
        #expect(client.allocations == 0)
        client.socket.close()
        try loop.close()
      }
    }

    /// Keeps datagrams going round: answers each with one to itself.
    private final class Counting: LoopClient {
      static let warmUp = 2_000
      static let total = 12_000
      let loop: Loop
      let socket: Datagrams
      var count = 0
      var allocations: UInt64 = .max

      init(_ loop: Loop, socket: Datagrams) {
        self.loop = loop
        self.socket = socket
        let bytes = [UInt8](repeating: 9, count: 200)
        for _ in 0..<40 { socket.send(bytes, to: socket.local) }
        loop.schedule(Deadline(at: 0, timer: Timer(kind: 1)))
      }

      func received(_ datagram: UnsafeMutableRawBufferPointer, from: Endpoint, on socket: Datagrams, now: Now) {
        count += 1
        if count == Counting.warmUp { allocation_counter_start() }
        if count == Counting.total {
          allocations = allocation_counter_stop()
          loop.stop()
        }
        if count <= Counting.total - 40 { socket.send(UnsafeRawBufferPointer(datagram), to: from) }
      }

      func due(_ timer: Wire.Timer, at: UInt64, now: Now) {
        loop.schedule(Deadline(at: now.monotonic + 100_000, timer: timer))
      }

      func stalled(by: UInt64, now: Now) {}
      func turnEnded(now: Now) {}
    }
  }
}
