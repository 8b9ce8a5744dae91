package import Configuration
import Control
import EventLoop
import NodeCore
import SecureChannel
import Wire

/// Who this host is.
struct NodeIdentity {
  let roster: Roster
  let arena: SecretArena
  let certificatePath: String

  var host: HostID { roster.identity.hostID }
  var network: Network { roster.network }
  /// The one in use: a renewed one takes the place of the first.
  var certificate: Certificate { roster.certificate(of: host) ?? first }
  let first: Certificate
  var name: String { certificate.name }
}

/// How a node is to run.
package struct RunOptions {
  /// `--config`; `nil`: where `NodeSetup` looks for one.
  package var configuration: String?
  /// `--dir`.
  package var folder: String?
  /// `--set key=value`, in order.
  package var assignments: [String] = []
  /// In nanoseconds: give up when no peer has answered by then.
  package var joinTimeout: UInt64?
  /// Come up, then leave again.
  package var runsOnce = false

  // What start-up finds out, for people who ask.
  package internal(set) var configurationOrigin = ""
  package internal(set) var loaded: LoadedSettings?

  package init() {}
}

/// What `Startup` has made and `Shell` lives on.
struct ShellParts {
  var loop: Loop
  var identity: NodeIdentity
  var settings: Settings
  var node: Node<Channel>
  var signer: RosterSigner
  var ports: Ports
  var disk: Disk
  var storeDisk: StoreDisk
  var worldDisk: WorldDisk
  var orders: OrderBook
  var isNewHost: Bool
  var links: LinkSockets
  var audit: AuditLog
  var lookup: PeerSource
  var options: RunOptions
  var notices: [Announcement]
}
