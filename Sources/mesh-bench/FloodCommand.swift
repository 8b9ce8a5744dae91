import ArgumentParser
import FoundationEssentials
import Glibc
import MeshLab
import SecureChannel
import Wire

/// What garbage does to legitimate traffic: 1,000 frames a second between two processes, with and without a third one
/// that floods the receiver, in one run. Loopback only.
struct FloodCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flood", abstract: "Legitimate traffic under garbage, and what the garbage costs.")

  @OptionGroup var options: FloodOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws { try BenchOutput.print(try FloodRun(options).rows(), json: json) }
}

enum Garbage: String, CaseIterable, ExpressibleByArgument {
  case none
  /// Random bytes, 20 to 1,400 long.
  case random
  /// A HELLO's first word and length, the rest random.
  case badMac1 = "bad-mac1"
  /// HELLOs that pass mac1.
  case validMac1 = "valid-mac1"
  /// The same, and the legitimate peer has no session yet when it begins.
  case validMac1Joining = "valid-mac1-joining"
  /// DATA with the index of the session that stands, a fresh counter and no right tag.
  case forgedData = "forged-data"

  var perSecond: Double {
    switch self {
    case .none: 0
    case .random: 200_000
    case .badMac1, .validMac1, .validMac1Joining, .forgedData: 100_000
    }
  }

  var passesMac1: Bool { self == .validMac1 || self == .validMac1Joining }

  /// As `security.md` 4.3 names it, and the share of legitimate frames that must arrive.
  var title: (name: String, floor: Double?) {
    switch self {
    case .none: ("no garbage", nil)
    case .random: ("F1, 200,000/s random bytes", 0.99)
    case .badMac1: ("F2, 100,000/s right word, wrong mac1", 0.97)
    case .validMac1: ("F3, 100,000/s valid mac1", 0.95)
    case .validMac1Joining: ("F3, the peer joins during the flood", 0.9)
    case .forgedData: ("F4, 100,000/s forged DATA of the live session", 0.99)
    }
  }
}

struct FloodOptions: ParsableArguments {
  @Option(name: .customLong("flood-seconds"), help: "For how long each kind is sent.") var seconds = 10.0
  @Option(help: "Which kinds: none|random|bad-mac1|valid-mac1|valid-mac1-joining|forged-data; all when not given.")
  var kind: [Garbage] = []
  @Option(help: "Garbage per second; the kind's own rate when not given.") var rate: Double?
  @Option(help: "Runs of each kind; the one with the median share of delivered frames is shown.") var runs = 3
}

struct FloodRun {
  struct Outcome {
    var garbagePerSecond: Double
    /// Legitimate frames that arrived, of those sent.
    var delivered: Double
    /// The receiver's share of a core.
    var receiverCoreShare: Double
    var receiverResidentBytes: UInt64
    var handshakeWorkPerSecond: Double
    var cookiesPerSecond: Double
    /// Bytes that came back to the sources of garbage.
    var bytesBack: UInt64
  }

  private let options: FloodOptions

  init(_ options: FloodOptions) { self.options = options }

  func rows() throws -> [BenchRow] {
    var rows: [BenchRow] = []
    var quiet: Outcome?
    let kinds = options.kind.isEmpty ? Garbage.allCases : options.kind
    for kind in kinds {
      let all = try (0..<max(1, options.runs)).map { try measure(kind, seed: UInt64($0) + 1) }
      let outcome = all.sorted { $0.delivered < $1.delivered }[all.count / 2]
      if kind == .none { quiet = outcome }
      let (name, floor) = kind.title
      let rate = "\(BenchTable.figure((outcome.garbagePerSecond / 1_000).rounded())) thousand/s came"
      rows.append(
        BenchRow(
          what: "\(name)\(kind == .none ? "" : " (\(rate))"): legitimate frames delivered",
          measured: outcome.delivered * 100, unit: "%", budget: floor.map { $0 * 100 }, isFloor: true))
      rows.append(
        BenchRow(
          what: "\(name): receiver's share of a core", measured: outcome.receiverCoreShare * 100, unit: "%",
          reference: quiet.map { _ in "no garbage" }, referenceMeasured: quiet.map { $0.receiverCoreShare * 100 }))
      guard kind != .none else { continue }
      if let quiet {
        let growth = Double(outcome.receiverResidentBytes) - Double(quiet.receiverResidentBytes)
        rows.append(
          BenchRow(what: "\(name): receiver's RSS beyond that", measured: growth / 1_048_576, unit: "MB", budget: 8))
      }
      if kind.passesMac1 {
        rows.append(
          BenchRow(
            what: "\(name): handshakes begun", measured: outcome.handshakeWorkPerSecond, unit: "per s", budget: 500))
        rows.append(
          BenchRow(what: "\(name): cookies sent", measured: outcome.cookiesPerSecond, unit: "per s", budget: 2_000))
      } else {
        rows.append(
          BenchRow(
            what: "\(name): bytes back to its sources", measured: Double(outcome.bytesBack), unit: "B", budget: 0))
      }
    }
    return rows
  }

  private func measure(_ garbage: Garbage, seed: UInt64) throws -> Outcome {
    let seconds = options.seconds
    let folder = try Lab.scratchFolder()
    defer { Lab.removeScratch(folder) }
    guard let own = CommandLine.arguments.first.flatMap({ realpath($0, nil) }).map({ String(cString: $0) }) else {
      throw FloodError.noPort
    }
    // The receiver outlives the sender, so that what is under way still counts.
    let receiver = try LabProcess(
      name: "receiver", executable: own,
      arguments: ["flood-peer", "--seed", "\(seed)", "--seconds", "\(seconds + 3)"],
      logPath: folder + "/receiver")
    var port: UInt16?
    _ = LabClock.wait(upTo: 10) {
      port = readText(folder + "/receiver")?.split(separator: "\n").first.flatMap { UInt16($0) }
      return port != nil
    }
    guard let port else { throw FloodError.noPort }
    let network = try FloodNetwork(seed: seed)
    let joins = garbage == .validMac1Joining
    let generator = FloodGenerator(
      port: port, perSecond: options.rate ?? garbage.perSecond, seconds: seconds + (joins ? 1 : -1),
      fill: try fill(garbage, network, sender: folder + "/sender"))
    // A second apart: the session stands before the flood, or the flood before the session.
    if joins {
      generator.start()
      LabClock.pause(1)
    }
    let sender = try LabProcess(
      name: "sender", executable: own,
      arguments: ["flood-peer", "--seed", "\(seed)", "--seconds", "\(seconds)", "--receiver", "\(port)"],
      logPath: folder + "/sender")
    if !joins, garbage != .none {
      LabClock.pause(1)
      generator.start()
    }
    let outcome = garbage == .none ? nil : generator.join()
    guard sender.waitForEnding(within: seconds + 20) == .exited(0), receiver.waitForEnding(within: 20) == .exited(0),
      let sent = report(folder + "/sender"), let got = report(folder + "/receiver")
    else { throw LabError("a peer failed: \(sender.logTail(lines: 5)) \(receiver.logTail(lines: 5))") }
    return Outcome(
      garbagePerSecond: outcome.map { Double($0.sent) / $0.seconds } ?? 0,
      delivered: Double(got.framesReceived) / Double(max(1, sent.framesSent)),
      receiverCoreShare: got.processorSeconds / (seconds + 3), receiverResidentBytes: got.residentBytes,
      handshakeWorkPerSecond: Double(got.handshakeWork) / seconds, cookiesPerSecond: Double(got.cookies) / seconds,
      bytesBack: outcome?.bytesBack ?? 0)
  }

  private func report(_ path: String) -> FloodPeer.Report? {
    readText(path)?.split(separator: "\n").last
      .flatMap { try? JSONDecoder().decode(FloodPeer.Report.self, from: Data($0.utf8)) }
  }

  private func fill(_ garbage: Garbage, _ network: FloodNetwork, sender: String) throws -> FloodGenerator.Fill {
    let hello = try network.helloTemplate()
    let keys = UncheckedKeys(keys: hello.keys)
    let header = Array(hello.bytes[..<4])
    /// Cheap noise: the generator must not be what limits the rate.
    @Sendable func noise(_ bytes: UnsafeMutableRawBufferPointer, _ number: UInt64) {
      var offset = 0
      var state = number
      while offset + 8 <= bytes.count {
        state = mix64(state &+ 0x9e37_79b9_7f4a_7c15)
        bytes.storeBytes(of: state, toByteOffset: offset, as: UInt64.self)
        offset += 8
      }
    }
    switch garbage {
    case .none: return { _, _ in 0 }
    case .random:
      return { bytes, number in
        let length = 20 + Int(mix64(number) % 1_381)
        noise(UnsafeMutableRawBufferPointer(rebasing: bytes[..<((length + 7) & ~7)]), number)
        return length
      }
    case .badMac1, .validMac1, .validMac1Joining:
      return { bytes, number in
        noise(UnsafeMutableRawBufferPointer(rebasing: bytes[..<DatagramSize.hello]), number)
        bytes.copyBytes(from: header)
        let mac1 = DatagramSize.hello - 32
        if garbage.passesMac1 {
          let message = UnsafeRawBufferPointer(rebasing: bytes[..<mac1])
          keys.keys.writeMac1(
            of: message, into: UnsafeMutableRawBufferPointer(rebasing: bytes[mac1..<mac1 + 16]))
          UnsafeMutableRawBufferPointer(rebasing: bytes[(mac1 + 16)..<DatagramSize.hello]).initializeMemory(
            as: UInt8.self, repeating: 0)
        }
        return DatagramSize.hello
      }
    case .forgedData:
      // Asked once, when the flood begins: the sender has a session then.
      let index = LiveIndex(sender)
      return { bytes, number in
        noise(UnsafeMutableRawBufferPointer(rebasing: bytes[..<336]), number)
        bytes.copyBytes(from: header)
        bytes[0] = 4
        bytes.storeBytes(of: index.value.littleEndian, toByteOffset: 4, as: UInt32.self)
        // A counter that is fresh and allowed: below 2^48.
        bytes[14] = 0
        bytes[15] = 0
        return 336
      }
    }
  }

  /// Used by the generator's thread alone once that runs.
  private struct UncheckedKeys: @unchecked Sendable { let keys: GreetingKeys }
}

/// The receiver's name of the session, which the sender writes to its log: what anyone on the path could see.
private final class LiveIndex: @unchecked Sendable {
  private let log: String
  private var known: UInt32?

  init(_ log: String) { self.log = log }

  /// Used by the generator's thread alone.
  var value: UInt32 {
    if let known { return known }
    let lines = readText(log)?.split(separator: "\n") ?? []
    let words = lines.first { $0.hasPrefix("index ") }?.split(separator: " ")
    guard let word = words?.last, let index = UInt32(word) else { preconditionFailure("the sender has no session") }
    known = index
    return index
  }
}

/// One end of the legitimate traffic; started by `flood`.
struct FloodPeerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "flood-peer", shouldDisplay: false)

  @Option var seed: UInt64
  @Option var seconds: Double
  @Option var receiver: UInt16?

  func run() throws {
    let peer = try FloodPeer(try FloodNetwork(seed: seed), receiverPort: receiver, perSecond: 1_000, seconds: seconds)
    // For the parent, which reads this file.
    write("\(peer.port)\n")
    let report = try peer.run { index in write("index \(index)\n") }
    write(String(decoding: try JSONEncoder().encode(report), as: UTF8.self) + "\n")
  }

  private func write(_ text: String) { _ = Glibc.write(STDOUT_FILENO, text, text.utf8.count) }
}
