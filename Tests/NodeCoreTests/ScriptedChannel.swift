import NodeCore
import SecureChannel
import Wire

/// A channel that does what a test says: a datagram is one frame in the clear, everything that it is told is noted, and
/// what it is to say stands in `events`.
struct ScriptedChannel: PeerChannel {
  final class Script {
    struct Sent {
      var kind: FrameKind
      var to: HostID
      var at: Endpoint?
      var bytes: [UInt8]
    }

    var sent: [Sent] = []
    var commands: [ChannelCommand] = []
    /// Inputs that are no commands and no datagrams, by name.
    var inputs: [String] = []
    var keys: [HostID: HostKey] = [:]
    var lives: [HostID: Life] = [:]
    /// Said with the next input, whatever it is.
    var events: [ChannelEvent] = []
    var deadlines: [Deadline] = []

    func takeSent() -> [Sent] {
      defer { sent = [] }
      return sent
    }

    func takeSent(to host: HostID) -> [Sent] {
      defer { sent.removeAll { $0.to == host } }
      return sent.filter { $0.to == host }
    }

    func takeCommands() -> [ChannelCommand] {
      defer { commands = [] }
      return commands
    }
  }

  let script: Script

  /// {frame kind, sender, frame}.
  static func datagram(_ kind: FrameKind, from host: HostID, _ frame: [UInt8]) -> [UInt8] {
    [kind.rawValue] + (0..<8).map { UInt8(truncatingIfNeeded: host.rawValue >> (8 * $0)) } + frame
  }

  mutating func endTurn(now: Now, into effects: inout ChannelEffects) {}

  mutating func handle(_ input: ChannelInput, now: Now, into effects: inout ChannelEffects) {
    switch input {
    case .datagram(let bytes, let from):
      var reader = Reader(UnsafeRawBufferPointer(bytes))
      if let kind = try? FrameKind(rawValue: reader.u8()), let host = try? reader.hostID() {
        effects.deliveries.append(
          ChannelEffects.Delivery(
            from: host, kind: kind, bytes: UnsafeRawBufferPointer(rebasing: bytes[9...]), endpoint: from))
      }
    case .command(let command):
      if case .introduce(let key, _) = command { script.keys[key.hostID] = key }
      script.commands.append(command)
    case .deadline(let timer): script.inputs.append("deadline \(timer.kind)")
    case .stall(let span): script.inputs.append("stall \(span)")
    case .accepted(let connection, _): script.inputs.append("accepted \(connection.rawValue)")
    case .connected(let connection): script.inputs.append("connected \(connection.rawValue)")
    case .received(let connection, let bytes): script.inputs.append("received \(connection.rawValue) \(bytes.count)")
    case .drained(let connection): script.inputs.append("drained \(connection.rawValue)")
    case .closed(let connection): script.inputs.append("closed \(connection.rawValue)")
    }
    effects.events += script.events
    script.events = []
    effects.deadlines += script.deadlines
    script.deadlines = []
  }

  mutating func send(
    _ kind: FrameKind, _ message: MessageRange, to host: HostID, at endpoint: Endpoint?, now: Now,
    into effects: inout ChannelEffects
  ) {
    script.sent.append(
      Script.Sent(kind: kind, to: host, at: endpoint, bytes: Array(effects.buffer.bytes(of: message))))
  }

  func life(of host: HostID) -> Life? { script.lives[host] }
  func key(of host: HostID) -> HostKey? { script.keys[host] }
}
