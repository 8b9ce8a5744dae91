package import Wire

package struct Membership {
  package let host: HostID
  package let settings: MembershipSettings
  package private(set) var counters = MembershipCounters()

  /// `persistedGeneration` is the last one that was made durable, 0 when there is none.
  package init(
    host: HostID, roles: Roles, settings: MembershipSettings, signer: any RecordSigner, persistedGeneration: UInt64,
    seed: UInt64
  ) {
    self.host = host
    self.settings = settings
  }

  package mutating func handle(_ input: MembershipInput, now: Now, into effects: inout MembershipEffects) {}

  /// Members that count as living, ourselves included.
  package var liveCount: Int { 0 }
  package var root: UInt64 { 0 }
  package var incarnation: Incarnation { Incarnation(rawValue: 0) }
  package func member(_ host: HostID) -> MemberView? { nil }
  package func roster() -> [UInt8] { [] }
}
