import Configuration
import Control
import EventLoop
import Wire

/// The mesh port: UDP and TCP on the same number, the first of `network.port_range`.
struct Ports {
  let datagrams: Datagrams
  let listener: Listener
  /// Where both are bound, with the port that was given.
  let endpoint: Endpoint

  /// Connections at once: a node's links (128), transfers (16) and prefaces under way (64), doubled for those that are
  /// still closing.
  static let connectionLimit = 416

  /// Binds both or neither.
  init(
    _ loop: Loop, listen address: String, port: UInt16, filter: DatagramFilter, connections: any ListenerClient
  ) throws(Fault) {
    guard let wanted = Endpoint(address: address, port: port) else {
      throw Fault(
        .portInUse, ["address": "\(address):\(port)", "reason": "network.listen is not an IP address"])
    }
    let datagrams: Datagrams
    do throws(UVError) {
      datagrams = try loop.datagrams(on: wanted, filter: filter)
    } catch {
      throw Ports.fault(error, wanted, "UDP")
    }
    do throws(UVError) {
      listener = try loop.listen(
        on: wanted.withPort(datagrams.local.port), limit: Ports.connectionLimit, client: connections)
    } catch {
      datagrams.close()
      throw Ports.fault(error, wanted, "TCP")
    }
    self.datagrams = datagrams
    endpoint = datagrams.local
  }

  func close() {
    datagrams.close()
    listener.close()
  }

  private static func fault(_ error: UVError, _ endpoint: Endpoint, _ transport: String) -> Fault {
    var evidence: [String] = []
    var notes: [String] = []
    if error == .addressInUse {
      evidence.append("the mesh port is the first of network.port_range, UDP and TCP")
      notes.append("`ss -lntup 'sport = :\(endpoint.port)'` shows who has it")
    }
    return Fault(
      .portInUse, ["address": "\(endpoint) (\(transport))", "reason": error.message], at: "\(endpoint)",
      evidence: evidence, notes: notes)
  }
}
