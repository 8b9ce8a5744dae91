import Gossip
import Wire

/// What really happened to each identity, as only the world knows: what nodes say is measured against it.
struct Truth {
  struct Facts {
    /// The greatest incarnation that a node of this identity ever gave itself.
    var greatest = Incarnation(rawValue: 0)
    /// The greatest generation in which it was told to leave.
    var leftGeneration: UInt64 = 0
    var isLeaving = false
    var isRevoked = false
    /// Processes that run with its keys.
    var processes = 0
    /// When the last of them ended (world time).
    var endedAt: UInt64 = 0
  }

  private var facts: ContiguousArray<Facts>

  init(identities: Int) { facts = ContiguousArray(repeating: Facts(), count: identities) }

  subscript(identity: Int) -> Facts {
    _read { yield facts[identity] }
    _modify { yield &facts[identity] }
  }
}
