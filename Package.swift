// swift-tools-version: 6.2
import PackageDescription

// Rooms and who may import whom. Dependencies point downwards only; ArchitectureTests checks it against the sources.

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// MESH_STATIC=1 (set by bootstrap/package) links the three C libraries statically, so that a host needs only libc.
let staticLibraries: [LinkerSetting] =
  Context.environment["MESH_STATIC"] == "1"
  ? [.unsafeFlags(["-Xlinker", "-l:libuv_a.a", "-Xlinker", "-l:libsodium.a", "-Xlinker", "-l:liblz4.a"])]
  : []

// MESH_PLANTED_BUGS=1 (set by bootstrap/test) compiles in the rules that the simulator can break on purpose.
let plantedBugs: [SwiftSetting] =
  Context.environment["MESH_PLANTED_BUGS"] == "1" ? [.define("MESH_PLANTED_BUGS")] : []

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict + plantedBugs)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name,
    dependencies: dependencies + [.product(name: "ArgumentParser", package: "swift-argument-parser")],
    swiftSettings: strict, linkerSettings: staticLibraries)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict + plantedBugs)
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
  targets: [
    .systemLibrary(name: "CUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
    .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "UVShim", dependencies: ["CUV"]),

    room("Wire"),
    room("EventLoop", ["UVShim", "Wire"]),
    room("Hashing", ["CSodium"]),
    room("SecureChannel", ["Wire", "Hashing", "CSodium", "CLZ4"]),
    room("Gossip", ["Wire"]),
    room("WorldData", ["Wire", "Hashing", "CSodium", "CZlib"]),
    room("MapShard", ["Wire", "Hashing", "CLZ4"]),
    room("ShardSim", ["Wire", "Hashing", "MapShard"]),
    room("NodeCore", ["Wire", "SecureChannel", "Gossip"]),
    room("Configuration"),
    room("Control"),
    room("KeyStore", ["Wire", "SecureChannel", "Configuration", "Control"]),
    room(
      "MeshNode",
      [
        "Wire", "Hashing", "EventLoop", "SecureChannel", "Gossip", "WorldData", "NodeCore", "Configuration", "Control",
        "KeyStore", .product(name: "Logging", package: "swift-log"),
      ]),
    room("MeshLab", ["Control"]),
    room("MeshSim", ["Wire", "SecureChannel", "Gossip", "NodeCore"]),

    program("mesh-node", ["MeshNode", "Configuration", "Control"]),
    program(
      "mesh-ctl", ["Wire", "Hashing", "SecureChannel", "WorldData", "Configuration", "Control", "KeyStore", "MeshLab"]),
    program("mesh-sim", ["MeshSim", "Wire"]),
    room("Fuzz", ["Wire", "Hashing", "SecureChannel", "Gossip", "WorldData", "NodeCore", "Configuration", "Control"]),
    .target(name: "CFlood"),
    program("mesh-bench", ["MeshLab", "CFlood", "Wire", "EventLoop", "SecureChannel"]),

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
    tests("MapShardTests", ["MapShard", "Hashing", "Wire"]),
    tests("ShardSimTests", ["ShardSim", "MapShard", "Wire"]),
    tests("NodeCoreTests", ["NodeCore", "Gossip", "SecureChannel", "Wire"]),
    tests("ConfigurationTests", ["Configuration"]),
    tests(
      "ControlTests", ["Control", "Configuration", "SecureChannel", "WorldData", "Hashing", "Wire"], exclude: ["Golden"]
    ),
    tests("KeyStoreTests", ["KeyStore", "Control", "SecureChannel", "Wire"]),
    tests("MeshSimTests", ["MeshSim", "NodeCore", "Gossip", "Wire"]),
    tests("FuzzTests", ["Fuzz", "Wire"], exclude: ["corpus"]),
    tests("NodeTests", ["MeshLab", "Control"]),
    tests(
      "MeshNodeTests",
      [
        "MeshNode", "MeshLab", "Control", "Configuration", "KeyStore", "EventLoop", "NodeCore", "SecureChannel",
        "Gossip",
        "WorldData", "Hashing", "Wire",
      ]),
  ]
)
