package import EventLoop
package import Wire

/// What was seen of one peer while the doctor watched.
package struct PeerEvidence: Equatable {
  /// How a TCP connection to the peer's mesh port went.
  package enum TCP: Equatable {
    case notTried
    case accepted
    /// The machine is up, nobody listens.
    case refused
    /// No answer at all.
    case silent
    /// This machine refused to try, or has no way there.
    case failed(String)
  }

  package var name: String
  package var endpoint: Endpoint
  /// Handshakes that were sent to it, those included that this machine did not let out.
  package var hellos = 0
  /// Answers that came back from its address.
  package var answers = 0
  /// There is a confirmed session with it.
  package var hasSession = false
  /// Why datagrams to it did not leave this machine.
  package var sendError: UVError?
  package var tcp = TCP.notTried

  package init(name: String, endpoint: Endpoint) {
    self.name = name
    self.endpoint = endpoint
  }
}

/// What came of questions of full size to one host.
package struct SurveyEvidence: Equatable {
  package var name: String
  package var endpoint: Endpoint
  package var questions = 0
  /// How far its wall clock is ahead of ours, in seconds; `nil` when no answer came.
  package var ahead: Double?
  /// Half of the round trip: the answer tells the time of some moment within it.
  package var precision = 0.0
  /// Something came from it after it was first asked, so small datagrams pass.
  package var isHeard = false

  package init(name: String, endpoint: Endpoint) {
    self.name = name
    self.endpoint = endpoint
  }
}

/// Everything that the network checks go by. It needs no session: a host whose UDP is blocked has none.
package struct NetworkEvidence: Equatable {
  /// The mesh port.
  package var port: UInt16
  package var peers: [PeerEvidence] = []
  /// Packets that reached this machine's IP layer and were not handed on while the doctor watched: its packet filter
  /// dropped them. `nil`: the counters cannot be read.
  package var droppedAfterArrival: UInt64?
  /// Sessions that peers opened without being asked, since the start.
  package var sessionsFromOutside: UInt64 = 0
  package var sessions = 0
  /// TCP connections that peers opened to the mesh port, since the start.
  package var connectionsFromOutside: UInt64 = 0
  /// Hosts with a session that were asked for their clocks in datagrams of full size.
  package var surveys: [SurveyEvidence] = []
  /// Sends that the kernel refused as longer than the path's MTU.
  package var tooLong: [Endpoint] = []
  /// Where peers see this host, newest last.
  package var observed: [Endpoint] = []
  /// Addresses of this machine, without ports.
  package var ownAddresses: [Endpoint] = []
  package var advertised: Endpoint?
  /// Whether `ufw` is the tool to advise.
  package var hasUFW = false

  package init(port: UInt16) { self.port = port }

  var anyAnswer: Bool { sessions > 0 || peers.contains { $0.answers > 0 || $0.hasSession } }

  /// This machine's own filter keeps answers from us: handshakes leave, nothing comes back, and packets that arrived
  /// were not handed on.
  var dropsIncoming: Bool {
    !anyAnswer && (droppedAfterArrival ?? 0) > 0 && peers.contains { $0.hellos > 0 && $0.sendError == nil }
  }
}
