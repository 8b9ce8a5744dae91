/// A decoder of bytes from outside, as fuzzers drive it: any input is allowed, nothing may trap, hang or grow.
///
/// libFuzzer enters by `LLVMFuzzerTestOneInput` (`bootstrap/fuzz`); the suite runs the same targets over the corpus and
/// over seeded mutations of it.
package enum FuzzTarget: String, CaseIterable, Sendable {
  case wire
  case endpoint
  case certificate
  case metadata
  case revocation
  case admission
  case datagram
  case handshake
  case frames
  case session
  case stream
  case link
  case transfer
  case compression
  case gossip
  case roster
  case configuration
  case bootstrapList = "bootstrap-list"
  case control
  case replies
  case keyFiles = "key-files"
  case mapCache = "map-cache"
  case mapObject = "map-object"
  case world
  case worldBundle = "world-bundle"
  case worldMessage = "world-message"
  case worldText = "world-text"
  case registerMessage = "register-message"
  case replicaMessage = "replica-message"
  case shardContent = "shard-content"
  case stewardMessage = "steward-message"

  package func run(_ bytes: UnsafeRawBufferPointer) {
    switch self {
    case .wire: fuzzWire(bytes)
    case .endpoint: fuzzEndpoint(bytes)
    case .certificate: fuzzCertificate(bytes)
    case .metadata: fuzzMetadata(bytes)
    case .revocation: fuzzRevocation(bytes)
    case .admission: fuzzAdmission(bytes)
    case .datagram: fuzzDatagram(bytes)
    case .handshake: fuzzHandshake(bytes)
    case .frames: fuzzFrames(bytes)
    case .session: fuzzSession(bytes)
    case .stream: fuzzStream(bytes)
    case .link: fuzzLink(bytes)
    case .transfer: fuzzTransfer(bytes)
    case .compression: fuzzCompression(bytes)
    case .gossip: fuzzGossip(bytes)
    case .roster: fuzzRoster(bytes)
    case .configuration: fuzzConfiguration(bytes)
    case .bootstrapList: fuzzBootstrapList(bytes)
    case .control: fuzzControl(bytes)
    case .replies: fuzzReplies(bytes)
    case .keyFiles: fuzzKeyFiles(bytes)
    case .mapCache: fuzzMapCache(bytes)
    case .mapObject: fuzzMapObject(bytes)
    case .world: fuzzWorld(bytes)
    case .worldBundle: fuzzWorldBundle(bytes)
    case .worldMessage: fuzzWorldMessage(bytes)
    case .worldText: fuzzWorldText(bytes)
    case .registerMessage: fuzzRegisterMessage(bytes)
    case .replicaMessage: fuzzReplicaMessage(bytes)
    case .shardContent: fuzzShardContent(bytes)
    case .stewardMessage: fuzzStewardMessage(bytes)
    }
  }
}

/// Where results go: an unused result would let the optimiser remove the decoder under test.
nonisolated(unsafe) private var sink: UInt64 = 0

@inline(never)
func keep(_ value: some BinaryInteger) { sink = sink &* 31 &+ UInt64(truncatingIfNeeded: value) }

@inline(never)
func keep(_ text: String) { keep(text.utf8.count) }
