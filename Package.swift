// swift-tools-version: 6.2
import PackageDescription

// Rooms and who may import whom. Dependencies point downwards only; ArchitectureTests checks it against the sources.

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// C libraries of the system: as a module, where pkg-config finds it, who has it in Debian, and its static archive.
let systemLibraries = [
  (module: "CUV", pkgConfig: "libuv", debian: "libuv1-dev", archive: "libuv_a.a"),
  (module: "CSodium", pkgConfig: "libsodium", debian: "libsodium-dev", archive: "libsodium.a"),
  (module: "CLZ4", pkgConfig: "liblz4", debian: "liblz4-dev", archive: "liblz4.a"),
  (module: "CZlib", pkgConfig: "zlib", debian: "zlib1g-dev", archive: "libz.a"),
]

// MESH_STATIC=1 (set by bootstrap/package and bootstrap/bench) links them statically, so that a host needs only libc.
// pkg-config is not asked then: its -l flags would come first and bring the shared libraries.
let isStatic = Context.environment["MESH_STATIC"] == "1"
let archives: [LinkerSetting] = isStatic ? systemLibraries.map { .linkedLibrary(":" + $0.archive) } : []

// MESH_PLANTED_BUGS=1 (set by bootstrap/test) compiles in the rules that the simulator can break on purpose.
let isTested = Context.environment["MESH_PLANTED_BUGS"] == "1"
let plantedBugs: [SwiftSetting] = isTested ? [.define("MESH_PLANTED_BUGS")] : []
// MESH_SANITIZED=1 (set by bootstrap/test): only what the sanitizers look at, and long tests are shorter.
let isSanitized = Context.environment["MESH_SANITIZED"] == "1"
/// What waits more than it computes, and what no simulation runs, is built without optimisation for the tests: it is sooner.
let unoptimisedForTests: [SwiftSetting] = isTested ? [.unsafeFlags(["-Onone"])] : []

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict + plantedBugs)
}

/// A shell, or a room that no simulation runs.
func shell(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict + plantedBugs + unoptimisedForTests)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name,
    dependencies: dependencies + [.product(name: "ArgumentParser", package: "swift-argument-parser")],
    swiftSettings: strict + unoptimisedForTests, linkerSettings: archives)
}

/// Tests are built without optimisation also where what they test is optimised: that takes a quarter of the time.
/// `optimised` are those that simulate or count in their own code.
func tests(
  _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], optimised: Bool = false
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: exclude,
    swiftSettings: strict + plantedBugs + (isSanitized ? [.define("MESH_SANITIZED")] : [])
      + (optimised ? [] : [.unsafeFlags(["-Onone"])]))
}

let package = Package(
  name: "athena-mesh",
  products: [
    .executable(name: "mesh-node", targets: ["mesh-node"]),
    .executable(name: "mesh-ctl", targets: ["mesh-ctl"]),
    .executable(name: "mesh-sim", targets: ["mesh-sim"]),
    // Linked with libFuzzer by bootstrap/fuzz.
    .library(name: "Fuzz", type: .static, targets: ["Fuzz"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
  ],
  targets: systemLibraries.map {
    .systemLibrary(name: $0.module, pkgConfig: isStatic ? nil : $0.pkgConfig, providers: [.apt([$0.debian])])
  } + [
    .target(name: "UVShim", dependencies: ["CUV"]),

    room("Wire"),
    room("EventLoop", ["UVShim", "Wire"]),
    room("Hashing", ["CSodium"]),
    room("SecureChannel", ["Wire", "Hashing", "CSodium", "CLZ4"]),
    room("Gossip", ["Wire"]),
    shell("WorldData", ["Wire", "Hashing", "CSodium", "CZlib"]),
    room("MapShard", ["Wire", "Hashing", "CLZ4"]),
    room("RathenaLink", ["Wire"]),
    room("ShardSim", ["Wire", "Hashing", "MapShard"]),
    room("NodeCore", ["Wire", "Hashing", "SecureChannel", "Gossip", "MapShard", "WorldData"]),
    room("Configuration"),
    shell("Control", []),
    shell("KeyStore", ["Wire", "Hashing", "SecureChannel", "Configuration", "Control"]),
    shell(
      "MeshNode",
      [
        "Wire", "Hashing", "EventLoop", "SecureChannel", "Gossip", "WorldData", "MapShard", "NodeCore", "Configuration",
        "Control", "KeyStore", .product(name: "Logging", package: "swift-log"),
      ]),
    shell("MeshLab", ["Control", "WorldData"]),
    room("MeshSim", ["Wire", "Hashing", "SecureChannel", "Gossip", "WorldData", "MapShard", "NodeCore", "ShardSim"]),

    program("mesh-node", ["MeshNode", "Configuration", "Control"]),
    program(
      "mesh-ctl",
      [
        "Wire", "Hashing", "SecureChannel", "WorldData", "MapShard", "Configuration", "Control", "KeyStore", "MeshLab",
      ]),
    program("mesh-sim", ["MeshSim", "ShardSim", "Wire"]),
    room(
      "Fuzz",
      ["Wire", "Hashing", "SecureChannel", "Gossip", "WorldData", "MapShard", "NodeCore", "Configuration", "Control"]),
    .target(name: "CFlood"),
    program(
      "mesh-bench",
      [
        "MeshLab", "MeshNode", "MapShard", "ShardSim", "CFlood", "AllocationCounter", "Wire", "EventLoop",
        "SecureChannel", "Gossip", "NodeCore", "Control",
      ]),

    tests("ArchitectureTests", []),
    tests("WireTests", ["Wire"]),
    // Counts heap allocations of a thread, for the hot paths that may have none.
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
    tests("EventLoopTests", ["EventLoop", "Wire", "AllocationCounter"]),
    tests(
      "SecureChannelTests", ["SecureChannel", "Hashing", "Wire", "AllocationCounter"],
      exclude: ["second_implementation.py"]),
    tests("GossipTests", ["Gossip", "Wire"]),
    tests("WorldDataTests", ["WorldData", "Hashing", "Wire"]),
    tests("MapShardTests", ["ShardSim", "MapShard", "Hashing", "Wire"], optimised: true),
    tests("RathenaLinkTests", ["RathenaLink", "Wire", "CZlib"], optimised: true),
    tests("ShardSimTests", ["ShardSim", "MapShard", "Wire"]),
    tests("NodeCoreTests", ["NodeCore", "MapShard", "WorldData", "Gossip", "SecureChannel", "Hashing", "Wire"]),
    tests("ConfigurationTests", ["Configuration"]),
    tests(
      "ControlTests", ["Control", "Configuration", "SecureChannel", "WorldData", "MapShard", "Hashing", "Wire"],
      exclude: ["Golden"]
    ),
    tests("KeyStoreTests", ["KeyStore", "Control", "SecureChannel", "Wire"]),
    tests("MeshSimTests", ["MeshSim", "ShardSim", "NodeCore", "MapShard", "Gossip", "Wire"]),
    tests("FuzzTests", ["Fuzz", "Wire"], exclude: ["corpus"]),
    tests("NodeTests", ["MeshLab", "Control"]),
    tests(
      "MeshNodeTests",
      [
        "MeshNode", "MeshLab", "Control", "Configuration", "KeyStore", "EventLoop", "NodeCore", "SecureChannel",
        "Gossip",
        "MapShard", "WorldData", "Hashing", "Wire",
      ]),
  ]
)

if isSanitized {
  var wanted: Set<String> = ["WireTests", "EventLoopTests", "SecureChannelTests", "GossipTests"]
  var count = 0
  while wanted.count > count {
    count = wanted.count
    for target in package.targets where wanted.contains(target.name) {
      for case .byNameItem(let name, _) in target.dependencies { wanted.insert(name) }
    }
  }
  package.targets.removeAll { !wanted.contains($0.name) }
  package.products = []
  package.dependencies = []
}
