import Foundation
import Testing

/// The rooms and who may import whom (DESIGN 3). A new room adds its line here and in Package.swift.
private let allowedImports: [String: Set<String>] = [
  "EventLoop": ["UVShim", "Wire", "Glibc", "Synchronization"],
  "Wire": [],
  "Hashing": ["CSodium"],
  "SecureChannel": ["Wire", "Hashing", "CSodium", "CLZ4"],
  "Gossip": ["Wire"],
  "WorldData": ["Wire", "Hashing", "CSodium", "CZlib"],
  "MapShard": ["Wire", "Hashing", "CLZ4"],
  "RathenaLink": ["Wire"],
  "ShardSim": ["Wire", "Hashing", "MapShard"],
  "NodeCore": ["Wire", "Hashing", "SecureChannel", "Gossip", "MapShard", "WorldData"],
  "Configuration": [],
  "Control": ["FoundationEssentials", "Glibc"],
  "MeshNode": [
    "Wire", "Hashing", "EventLoop", "SecureChannel", "Gossip", "WorldData", "MapShard", "NodeCore", "Configuration",
    "Control", "KeyStore", "Logging", "FoundationEssentials", "Glibc", "Synchronization",
  ],
  "KeyStore": ["Wire", "Hashing", "SecureChannel", "Configuration", "Control", "Glibc"],
  "MeshSim": ["Wire", "Hashing", "SecureChannel", "Gossip", "WorldData", "MapShard", "NodeCore", "ShardSim"],
  "mesh-node": ["ArgumentParser", "MeshNode", "Configuration", "Control", "KeyStore", "Glibc", "FoundationEssentials"],
  "mesh-ctl": [
    "ArgumentParser", "Wire", "Hashing", "SecureChannel", "WorldData", "MapShard", "Configuration", "Control",
    "KeyStore", "MeshLab", "Glibc", "FoundationEssentials",
  ],
  "Fuzz": [
    "Wire", "Hashing", "SecureChannel", "Gossip", "WorldData", "MapShard", "NodeCore", "Configuration", "Control",
    "Glibc",
  ],
  "MeshLab": ["Control", "WorldData", "Glibc", "Synchronization"],
  "mesh-bench": [
    "ArgumentParser", "MeshLab", "MeshNode", "MapShard", "ShardSim", "Wire", "EventLoop", "SecureChannel", "Gossip",
    "NodeCore", "Control", "FoundationEssentials", "Glibc", "CFlood", "AllocationCounter",
  ],
  "mesh-sim": ["ArgumentParser", "MeshSim", "ShardSim", "Wire", "Gossip", "Glibc", "FoundationEssentials"],
]

/// Rooms that are pure state machines (DESIGN 3.1), and what may not stand in them.
private let cores = ["Wire", "Hashing", "SecureChannel", "Gossip", "WorldData", "MapShard", "RathenaLink", "NodeCore"]
private let impure = [
  "SystemRandomNumberGenerator", "ContinuousClock", "SuspendingClock", "Date()", "Task {", "Task.", ".randomElement()",
  "try!", "as!",
]

private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

private struct Source {
  let path: String
  let lines: [Substring]
}

private func sources(of room: String) throws -> [Source] {
  let folder = root.appendingPathComponent("Sources/\(room)")
  let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
  return try (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
    .sorted { $0.path < $1.path }
    .map { url in
      let text = try String(contentsOf: url, encoding: .utf8)
      return Source(
        path: "\(room)/\(url.lastPathComponent)", lines: text.split(separator: "\n", omittingEmptySubsequences: false))
    }
}

private func importedModule(_ line: Substring) -> String? {
  var words = line.split(separator: " ")[...]
  while let first = words.first, first.hasPrefix("@") || ["package", "public", "internal", "private"].contains(first) {
    words = words.dropFirst()
  }
  guard words.first == "import", words.count >= 2 else { return nil }
  words = words.dropFirst()
  if ["struct", "class", "enum", "protocol", "func", "var"].contains(words.first) { words = words.dropFirst() }
  return words.first.map { String($0.prefix { $0 != "." && $0 != ";" }) }
}

private func code(_ line: Substring) -> Substring {
  let trimmed = line.drop { $0 == " " }
  return trimmed.hasPrefix("//") ? "" : trimmed
}

@Suite("Architecture")
struct ArchitectureTests {
  @Test("every folder of Sources is a known room")
  func everyRoomIsKnown() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent("Sources").path)
    let swiftRooms = try folders.filter { try !sources(of: $0).isEmpty }
    #expect(Set(swiftRooms).subtracting(allowedImports.keys) == [], "rooms without a rule")
  }

  @Test("rooms import only what their rule allows", arguments: allowedImports.keys.sorted())
  func importsAreAllowed(room: String) throws {
    let allowed = try #require(allowedImports[room])
    for source in try sources(of: room) {
      for line in source.lines {
        guard let module = importedModule(line) else { continue }
        #expect(allowed.contains(module), "\(source.path) imports \(module)")
      }
    }
  }

  @Test("nobody imports all of Foundation, nothing is @testable")
  func foundationStaysOut() throws {
    for room in allowedImports.keys.sorted() {
      for source in try sources(of: room) {
        #expect(!source.lines.contains { importedModule($0) == "Foundation" }, "\(source.path)")
      }
    }
  }

  @Test("cores have no clock, global chance, task or trap on outside bytes", arguments: cores)
  func coresArePure(room: String) throws {
    for source in try sources(of: room) {
      for (number, line) in source.lines.enumerated() {
        let text = code(line)
        for word in impure where text.contains(word) {
          Issue.record("\(source.path):\(number + 1): \(word)")
        }
        let prints = text.hasPrefix("print(") || text.contains(" print(")
        #expect(!prints, "\(source.path):\(number + 1): print")
        let asynchronous = text.contains(" async ") || text.contains("await ")
        #expect(!asynchronous, "\(source.path):\(number + 1)")
      }
    }
  }

  @Test("@inlinable stands in Wire only")
  func inlinableOnlyInWire() throws {
    // Identifier-like values that the hot tables compare are the exception that the contracts make.
    for room in allowedImports.keys.sorted() where room != "Wire" {
      for source in try sources(of: room) {
        for (number, line) in source.lines.enumerated() where code(line).contains("@inlinable") {
          Issue.record("\(source.path):\(number + 1)")
        }
      }
    }
  }

  @Test("files stay readable: at most 400 lines")
  func filesStaySmall() throws {
    for room in allowedImports.keys.sorted() {
      // The last line feed begins one more.
      for source in try sources(of: room) { #expect(source.lines.count <= 401, "\(source.path)") }
    }
  }
}
