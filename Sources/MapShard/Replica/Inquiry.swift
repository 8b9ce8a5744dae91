package import Wire

/// What one host has of a shard, by its own word.
package struct HeldCopy: Hashable, Sendable {
  package let life: Life
  /// The version of the record that it knows; 0: none.
  package let version: UInt64
  /// Up to where its log is durable; `.start`: it has nothing.
  package let last: Position
  /// Its log is whole, as far as it can know.
  package let isUsable: Bool

  init(_ answer: RegisterMessage.IAm, life: Life) {
    self.life = life
    version = answer.record?.record.version ?? 0
    last = answer.last
    isUsable = answer.isUsable
  }
}

enum Inquiry { static let limit = 128 }

/// A person looks for what is left of a shard, before giving an order that the rules would not allow.
extension ShardHost {
  mutating func inquire(_ shard: ShardID, _ effects: inout ShardEffects) {
    guard let index = index(of: shard) else { return }
    replicas[index].inquiry = [:]
    let hosts = Set(peers.linked + replicas[index].members.map(\.host)).subtracting([me.host])
    for host in hosts.sorted().prefix(Inquiry.limit) { send(.who(shard), to: host, &effects) }
  }

  /// What has come in since `inquire`, this host's own copy included; `nil`: this host has no part in the shard.
  package func inquiry(of shard: ShardID) -> [HostID: HeldCopy]? {
    guard let index = index(of: shard) else { return nil }
    var answers = replicas[index].inquiry ?? [:]
    answers[me.host] = HeldCopy(whatIHold(of: shard), life: me.life)
    return answers
  }
}
