import MapShard
import Wire

/// Where the checks hang into the run.
extension ShardWorld {
  mutating func checkTurn(of machine: Int) {
    ledger.turns &+= 1
    checkActs(machine)
    if violation == nil { checkMembers() }
  }

  /// What a core says of itself.
  mutating func said(_ event: ShardEvent, by machine: Int) {
    switch event {
    case .recordLearned(let proven): learned(proven.record, by: machine)
    case .won: occasion(.wins, machine, peer: (machine + 1) % machines.count)
    case .lost: occasion(.loses, machine, peer: (machine + 1) % machines.count)
    case .corrupt(let shard, let text):
      // A disk that lost what it had promised may have to stop a shard; nothing else may.
      if !ledger.untrusted.contains(machine) { fail(.corrupt, "shard \(shard.index): \(text)", host: machine) }
    case .acting, .held, .committed, .asked, .refusedProposal, .cut, .differs: break
    }
  }

  /// An owner may answer the client of another host: what it says to that host is its answer.
  mutating func noteForwarded(_ carrier: ShardCarrier?, _ bytes: [UInt8], by machine: Int) {
    guard carrier == .register, MessageKind(carrier, bytes) == .forwarded else { return }
    let outcome = bytes.withUnsafeBytes { raw -> (Int, Epoch, UInt64)? in
      var reader = Reader(raw)
      guard case .forwarded(let shard, _, .acknowledged(let epoch, let sequence)) = try? RegisterMessage(&reader) else {
        return nil
      }
      return (shard.index, epoch, sequence)
    }
    guard let (shard, epoch, sequence) = outcome else { return }
    acknowledges(shard, epoch: epoch, sequence: sequence, by: machine)
  }
}
