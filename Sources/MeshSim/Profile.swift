package import Gossip

/// The settings that a mesh can be run with, by the names of the configuration.
package enum Profile: String, CaseIterable, Sendable {
  case lan
  case lanFast = "lan-fast"
  case wan

  package var membership: MembershipSettings {
    switch self {
    case .lan: .lan
    case .lanFast: .lanFast
    case .wan: .wan
    }
  }
}
