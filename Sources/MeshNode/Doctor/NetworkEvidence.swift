import EventLoop
import Wire

/// What was seen of one peer while the doctor watched.
struct PeerEvidence: Equatable {
  /// How a TCP connection to the peer's mesh port went.
  enum TCP: Equatable {
    case notTried
    case accepted
    /// The machine is up, nobody listens.
    case refused
    /// No answer at all.
    case silent
    /// This machine refused to try, or has no way there.
    case failed(String)
  }

  var name: String
  var endpoint: Endpoint
  /// Handshakes that were sent to it, those included that this machine did not let out.
  var hellos = 0
  /// Answers that came back from its address.
  var answers = 0
  /// There is a confirmed session with it.
  var hasSession = false
  /// Why datagrams to it did not leave this machine.
  var sendError: UVError?
  var tcp = TCP.notTried
}

/// Everything that the network checks go by. It needs no session: a host whose UDP is blocked has none.
struct NetworkEvidence: Equatable {
  /// The mesh port.
  var port: UInt16
  var peers: [PeerEvidence] = []
  /// Packets that reached this machine's IP layer and were not handed on while the doctor watched: its packet filter
  /// dropped them. `nil`: the counters cannot be read.
  var droppedAfterArrival: UInt64?
  /// Sessions that peers opened without being asked, since the start.
  var sessionsFromOutside: UInt64 = 0
  var sessions = 0
  /// TCP connections that peers opened to the mesh port, since the start.
  var connectionsFromOutside: UInt64 = 0
  var largestSent = 0
  var largestReceived = 0
  /// Sends that the kernel refused as longer than the path's MTU.
  var tooLong: [Endpoint] = []
  /// Where peers see this host, newest last.
  var observed: [Endpoint] = []
  /// Addresses of this machine, without ports.
  var ownAddresses: [Endpoint] = []
  var advertised: Endpoint?
  /// Whether `ufw` is the tool to advise.
  var hasUFW = false

  var anyAnswer: Bool { sessions > 0 || peers.contains { $0.answers > 0 || $0.hasSession } }

  /// This machine's own filter keeps answers from us: handshakes leave, nothing comes back, and packets that arrived
  /// were not handed on.
  var dropsIncoming: Bool {
    !anyAnswer && (droppedAfterArrival ?? 0) > 0 && peers.contains { $0.hellos > 0 && $0.sendError == nil }
  }
}
