import Gossip
import Wire

/// What really happened to each identity, as only the world knows: what nodes say is measured against it.
struct Truth {
  struct Facts {
    /// The greatest incarnation that a node of this identity ever gave itself.
    var greatest = Incarnation(rawValue: 0)
    /// The greatest generation in which it was told to leave.
    var leftGeneration: UInt64 = 0
    var isRevoked = false
    /// World time at which its last process ended; `nil` while one runs or none ever did.
    var endedAt: UInt64?
  }

  private var facts: ContiguousArray<Facts>

  init(identities: Int) { facts = ContiguousArray(repeating: Facts(), count: identities) }

  subscript(identity: Int) -> Facts {
    _read { yield facts[identity] }
    _modify { yield &facts[identity] }
  }
}
