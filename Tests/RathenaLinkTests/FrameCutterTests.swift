import Foundation
import RathenaLink
import Testing
import Wire

@Suite("Frames of the char-link")
struct FrameCutterTests {
  @Test("the lengths are those of the reference, where rAthena's own table is wrong too")
  func lengths() {
    let sent: [(UInt16, FrameLength)] = [
      (0x2af8, .fixed(60)), (0x2afe, .fixed(4)), (0x2b05, .fixed(53)), (0x2b13, .fixed(6)), (0x2b26, .fixed(20)),
      (0x2b28, .fixed(34)), (0x2b2a, .fixed(30)), (0x2b2f, .unknown), (0x3000, .variable), (0x3005, .fixed(13)),
      (0x303e, .fixed(186)), (0x3062, .fixed(6)), (0x3064, .fixed(90)), (0x308a, .fixed(13)), (0x308b, .variable),
      (0x30a0, .fixed(2)), (0x30af, .unknown), (0x30b0, .unknown), (0x2af7, .unknown), (0x2b30, .unknown),
      (0x3800, .unknown), (0, .unknown), (0xffff, .unknown),
    ]
    for (command, length) in sent {
      #expect(FrameTable.toCharServer.length(of: command) == length, "\(String(command, radix: 16))")
    }
    let received: [(UInt16, FrameLength)] = [
      (0x2af9, .fixed(3)), (0x2b06, .fixed(44)), (0x2b21, .fixed(10)), (0x2b2b, .fixed(15)), (0x2b2f, .variable),
      (0x3802, .fixed(27)), (0x383d, .fixed(67)), (0x388b, .fixed(9)), (0x388c, .variable), (0x38a2, .fixed(8)),
      (0x38b0, .unknown), (0x3000, .unknown), (0x2b30, .unknown),
    ]
    for (command, length) in received {
      #expect(FrameTable.toMapServer.length(of: command) == length, "\(String(command, radix: 16))")
    }
    #expect(FrameTable.toCharServer.commands.count == 111)
    #expect(FrameTable.toMapServer.commands.count == 101)
  }

  @Test("the recorded links parse whole", .enabled(if: Capture.isThere, Capture.absence))
  func captureParses() throws {
    let counts = try Capture().charLinks.map { stream in
      let found = try frames(stream.bytes, stream.table)
      #expect(found.flatMap { $0 } == stream.bytes)
      return found.count
    }
    #expect(counts == Self.recorded)
  }

  /// Frames of A up and down, of its second life up and down, of B up and down.
  private static let recorded = [52, 62, 25, 26, 32, 46]

  /// After a first part, whatever it was cut into, a cutter holds the begun frame and nothing else: that is checked at
  /// every byte, and so is what it makes of the second part.
  @Test("every split of every recorded stream gives the same frames", .enabled(if: Capture.isThere, Capture.absence))
  func everySplit() throws {
    var splits = 0
    for stream in try Capture().charLinks {
      let whole = try frames(stream.bytes, stream.table)
      var grown = FrameCutter(table: stream.table)
      var done = 0
      var start = 0
      try stream.bytes.withUnsafeBytes { bytes in
        for split in 1..<bytes.count {
          try grown.cut(UnsafeRawBufferPointer(rebasing: bytes[(split - 1)..<split])) { frame in
            #expect(isSame(frame, whole[done]))
            start += frame.count
            done += 1
          }
          if grown.remainder.count != split - start { Issue.record("\(stream.name): after \(split)") }
          let frame = whole[done]
          splits += 1
          var second = grown
          var found = done
          let end = min(bytes.count, start + frame.count + 4)
          try second.cut(UnsafeRawBufferPointer(rebasing: bytes[split..<end])) { frame in
            if !isSame(frame, whole[found]) { Issue.record("\(stream.name): split after \(split)") }
            found += 1
          }
          if found == done { Issue.record("\(stream.name): split after \(split)") }
        }
      }
      #expect(done == whole.count - 1)
    }
    #expect(splits == 1_281_360)
  }

  private func isSame(_ frame: UnsafeRawBufferPointer, _ expected: [UInt8]) -> Bool {
    // `elementsEqual` goes byte by byte: it would take most of the time here.
    expected.withUnsafeBytes { expected in
      guard frame.count == expected.count, let left = frame.baseAddress, let right = expected.baseAddress else {
        return false
      }
      return memcmp(left, right, frame.count) == 0
    }
  }

  @Test("random segments give the same frames", .enabled(if: Capture.isThere, Capture.absence), arguments: [1, 2, 3])
  func randomSegments(seed: UInt64) throws {
    var chance = Chance(seed: seed)
    for stream in try Capture().charLinks {
      let whole = try frames(stream.bytes, stream.table)
      for longest in [2, 7, 60, 1_460, 16_384, 100_000] {
        var cutter = FrameCutter(table: stream.table)
        var done = 0
        try stream.bytes.withUnsafeBytes { bytes in
          var start = 0
          while start < bytes.count {
            let end = min(bytes.count, start + 1 + chance.below(longest))
            try cutter.cut(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) { frame in
              if done >= whole.count || !isSame(frame, whole[done]) {
                Issue.record("\(stream.name), seed \(seed), segments to \(longest), frame \(done)")
              }
              done += 1
            }
            start = end
          }
        }
        #expect(done == whole.count, "\(stream.name), seed \(seed), segments to \(longest)")
      }
    }
  }

  @Test("an unknown command stops the cutting for good and leaves all bytes from there", arguments: [1, 2, 3, 5, 100])
  func unknownCommand(segment: Int) {
    let bytes: [UInt8] = [0x23, 0x2b, 0x99, 0x2b, 7, 8, 9]
    var cutter = FrameCutter(table: .toCharServer)
    var found: [[UInt8]] = []
    var unread: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: segment) {
      let part = Array(bytes[start..<min(bytes.count, start + segment)])
      let wasFaulty = cutter.fault != nil
      part.withUnsafeBytes { part in
        do throws(FrameFault) {
          try cutter.cut(part) { found.append([UInt8]($0)) }
        } catch {
          #expect(error == .unknown(0x2b99))
        }
      }
      if wasFaulty { unread += part }
    }
    #expect(found == [[0x23, 0x2b]])
    #expect(cutter.fault == .unknown(0x2b99))
    #expect(cutter.remainder + unread == [0x99, 0x2b, 7, 8, 9])
  }

  @Test("a variable frame shorter than its header is a fault", arguments: [0, 1, 2, 3])
  func tooShort(length: UInt8) {
    var cutter = FrameCutter(table: .toCharServer)
    let bytes: [UInt8] = [0xfa, 0x2a, length, 0]
    #expect(throws: FrameFault.tooShort(0x2afa)) {
      try bytes.withUnsafeBytes { bytes in try cutter.cut(bytes) { _ in Issue.record("a frame") } }
    }
  }

  @Test("the largest frame passes, and no more than it is ever kept")
  func largest() throws {
    var frame = [UInt8](repeating: 5, count: 65_535)
    frame.replaceSubrange(0..<4, with: [0x8b, 0x30, 0xff, 0xff])
    var cutter = FrameCutter(table: .toCharServer)
    var found = 0
    for byte in frame + frame {
      try withUnsafeBytes(of: byte) { byte in
        try cutter.cut(byte) {
          #expect(isSame($0, frame))
          found += 1
        }
      }
      #expect(cutter.remainder.count < 65_535)
    }
    #expect(found == 2)
  }
}
