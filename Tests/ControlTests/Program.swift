import Foundation
import Glibc

/// Runs the built `mesh-ctl` as people and scripts do.
enum Program {
  struct Outcome: Sendable {
    var code: Int32
    var output: String
    var errors: String

    var lastLine: String { output.split(separator: "\n").last.map(String.init) ?? "" }
  }

  /// It stands beside the tests.
  static let path: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let beside = URL(filePath: own).deletingLastPathComponent().appending(path: "mesh-ctl").path
    if FileManager.default.isExecutableFile(atPath: beside) { return beside }
    // Where a helper runs the tests as a library, the package's folder leads there.
    return URL(filePath: #filePath).appending(path: "../../../.build/debug/mesh-ctl").standardizedFileURL.path
  }()

  /// Runs to the end, at most 60 s, with only `environment` set.
  static func run(
    _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:], standardInput: String? = nil
  ) async throws -> Outcome {
    try await onThread {
      let scratch = try TemporaryDirectory()
      let process = Process()
      process.executableURL = URL(filePath: path)
      process.arguments = arguments
      process.environment = environment
      process.currentDirectoryURL = URL(filePath: folder ?? scratch.path)
      process.standardInput = FileHandle.nullDevice
      if let standardInput {
        let url = URL(filePath: scratch.path + "/in")
        try Data(standardInput.utf8).write(to: url)
        process.standardInput = try FileHandle(forReadingFrom: url)
      }
      func file(_ name: String) throws -> (FileHandle, URL) {
        let url = URL(filePath: scratch.path + "/" + name)
        try Data().write(to: url)
        return (try FileHandle(forWritingTo: url), url)
      }
      let (output, outputURL) = try file("out")
      let (errors, errorsURL) = try file("err")
      process.standardOutput = output
      process.standardError = errors
      try process.run()
      let code = wait(for: process)
      return Outcome(
        code: code, output: try String(contentsOf: outputURL, encoding: .utf8),
        errors: try String(contentsOf: errorsURL, encoding: .utf8))
    }
  }

  /// Runs until `isOver`, then ends it by SIGTERM.
  static func runUntil(_ isOver: @escaping @Sendable () -> Bool, _ arguments: [String]) async throws -> Outcome {
    try await onThread {
      let scratch = try TemporaryDirectory()
      let process = Process()
      process.executableURL = URL(filePath: path)
      process.arguments = arguments
      process.environment = [:]
      let url = URL(filePath: scratch.path + "/out")
      try Data().write(to: url)
      process.standardOutput = try FileHandle(forWritingTo: url)
      try process.run()
      let limit = Date(timeIntervalSinceNow: 60)
      while !isOver(), process.isRunning, Date() < limit { usleep(5_000) }
      process.terminate()
      let code = wait(for: process)
      return Outcome(code: code, output: try String(contentsOf: url, encoding: .utf8), errors: "")
    }
  }

  /// Runs on a pseudo-terminal of this size and answers each prompt, in order, when its text has appeared.
  static func runOnTerminal(
    _ arguments: [String], in folder: String? = nil, environment: [String: String] = ["TERM": "xterm"],
    columns: Int = 80,
    answers: [(prompt: String, answer: String)] = []
  ) async throws -> Outcome {
    let prompts = answers.map(\.prompt)
    let replies = answers.map(\.answer)
    return try await onThread {
      let scratch = try TemporaryDirectory()
      var main: Int32 = -1
      var secondary: Int32 = -1
      var size = winsize(ws_row: 24, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
      guard openpty(&main, &secondary, nil, nil, &size) == 0 else { throw CocoaError(.fileReadUnknown) }
      defer { close(main) }
      let terminal = FileHandle(fileDescriptor: secondary, closeOnDealloc: false)
      let process = Process()
      process.executableURL = URL(filePath: path)
      process.arguments = arguments
      process.environment = environment
      process.currentDirectoryURL = URL(filePath: folder ?? scratch.path)
      process.standardInput = terminal
      process.standardOutput = terminal
      process.standardError = terminal
      try process.run()
      close(secondary)
      var seen = ""
      var asked = 0
      var searched = seen.startIndex
      var chunk = [UInt8](repeating: 0, count: 4_096)
      while true {
        var entry = pollfd(fd: main, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 30_000) > 0 else { break }
        let count = read(main, &chunk, chunk.count)
        guard count > 0 else { break }
        seen += String(decoding: chunk[..<count], as: UTF8.self)
        searched = seen.index(seen.startIndex, offsetBy: 0)
        while asked < prompts.count, seen[searched...].components(separatedBy: prompts[asked]).count > 1 {
          let line = replies[asked] + "\n"
          _ = line.withCString { write(main, $0, strlen($0)) }
          asked += 1
          if asked < prompts.count, prompts[asked] == prompts[asked - 1] { break }
        }
      }
      return Outcome(code: wait(for: process), output: seen, errors: "")
    }
  }

  private static func wait(for process: Process) -> Int32 {
    let limit = Date(timeIntervalSinceNow: 60)
    while process.isRunning, Date() < limit { usleep(5_000) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
  }
}
