import EventLoop
import Glibc
import Testing
import Wire

extension EventLoopTests {
  @Suite("Files")
  struct FilesTests {
    @Test("write, flush, rename on the pool; the old content stays until the new one is whole")
    func replaceOnThePool() async throws {
      try await withLoop { bench in
        try withDirectory { directory in
          let path = directory + "/state"
          try Files.replace(path, with: "old".bytes)
          let disk = bench.loop.lane(atOnce: 1, waiting: 4)
          var results: [Result<Void, UVError>?] = []
          disk.run({ Result { () throws(UVError) in try Files.replace(path, with: "new".bytes, mode: 0o640) } }) {
            results.append($0)
          }
          disk.run({ Result { () throws(UVError) in try Files.replace(directory + "/no/state", with: []) } }) {
            results.append($0)
          }
          bench.run { results.count == 2 }
          #expect(throws: Never.self) { try results[0]?.get() }
          #expect(throws: UVError.notFound) { try results[1]?.get() }
          #expect(try Files.read(path, atMost: 3) == "new".bytes)
          #expect(try Files.information(path).mode == 0o640)
          #expect(try Files.list(directory) == ["state"])
          #expect(throws: UVError.fileTooLarge) { try Files.read(path, atMost: 2) }
        }
      }
    }

    @Test("a replace that fails leaves the old content and no other file")
    func failedReplace() throws {
      try withDirectory { directory in
        let path = directory + "/state"
        try Files.replace(path, with: "old".bytes)
        // A link where the new content would be written: not followed.
        try #require(symlink("/tmp/eventloop-elsewhere", path + ".new") == 0)
        #expect(throws: UVError.self) { try Files.replace(path, with: "new".bytes) }
        #expect(try Files.read(path, atMost: 10) == "old".bytes)
        #expect(throws: UVError.notFound) { try Files.information("/tmp/eventloop-elsewhere") }
      }
    }

    @Test("append, read back, cut off")
    func log() throws {
      try withDirectory { directory in
        let file = try File.open(directory + "/log", [.read, .write, .create, .exclusive])
        defer { file.close() }
        try file.write("first".bytes, at: 0)
        try file.write("second".bytes, at: 5)
        try file.synchronizeData()
        #expect(try file.information().size == 11)
        #expect(try file.information().isRegular)
        #expect(try file.information().mode == 0o600)
        try file.truncate(to: 7)
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 3) }
        #expect(Array(bytes.prefix(count)) == "stse".bytes)
        #expect(throws: UVError.exists) { try File.open(directory + "/log", [.write, .create, .exclusive]) }
      }
    }

    @Test("a lock keeps another out until it is closed")
    func lock() throws {
      try withDirectory { directory in
        let first = try File.open(directory + "/lock", [.write, .create])
        let second = try File.open(directory + "/lock", [.write])
        #expect(try first.lock())
        #expect(try !second.lock())
        first.close()
        #expect(try second.lock())
        second.close()
      }
    }

    @Test("links are refused where secrets are")
    func noFollow() throws {
      try withDirectory { directory in
        try Files.replace(directory + "/key", with: [1])
        try #require(symlink(directory + "/key", directory + "/link") == 0)
        #expect(throws: UVError.self) { try File.open(directory + "/link", [.read, .noFollow]) }
        #expect(throws: Never.self) { try File.open(directory + "/link", [.read]).close() }
      }
    }

    @Test("files whose size the system does not tell are read whole")
    func unknownSize() throws {
      let status = try Files.read("/proc/self/status", atMost: 1 << 16)
      #expect(String(decoding: status, as: UTF8.self).contains("VmRSS"))
      #expect(throws: UVError.fileTooLarge) { try Files.read("/proc/self/status", atMost: 100) }
    }

    @Test("a file far above the limit costs no memory")
    func huge() throws {
      try withDirectory { directory in
        let file = try File.open(directory + "/huge", [.write, .create])
        defer { file.close() }
        try file.truncate(to: 1 << 40)
        #expect(throws: UVError.fileTooLarge) { try Files.read(directory + "/huge", atMost: 100) }
      }
    }

    @Test("a full disk is an error", .enabled(if: access("/dev/full", W_OK) == 0, "no /dev/full"))
    func full() throws {
      let file = try File.open("/dev/full", [.write])
      defer { file.close() }
      #expect(throws: UVError.noSpace) { try file.write([1], at: 0) }
    }
  }
}
