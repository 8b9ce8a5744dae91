import Gossip
import Wire

/// What the checks look at of one entry of a node's table.
struct MemberView {
  let host: HostID
  let incarnation: Incarnation
  let status: Status
}
