/// Who takes a shard over when its owner dies: worked out beforehand and told to all members as the order of the replica
/// list, so that the shards of a dead host spread by load although every member decides alone.
extension Drafting {
  /// Replica list of each shard in the order that members are told: the owner, its heir, the others by rank.
  func orderOfSuccession() -> [[Int]] {
    var orders = lists
    var rowsOfOwner = [[Int]](repeating: [], count: table.hosts.count)
    for row in inOrderOfLoad() { if let owner = owners[row] { rowsOfOwner[owner].append(row) } }
    var ledger = ledger
    for (owner, rows) in rowsOfOwner.enumerated() where !rows.isEmpty {
      var given: [(row: Int, heir: Int)] = []
      for row in rows {
        let heir = self.heir(of: row, owner, ledger)
        if let heir {
          ledger.add(shards[row], to: heir)
          given.append((row, heir))
        }
        let front = heir.map { [owner, $0] } ?? [owner]
        orders[row] = front + lists[row].filter { !front.contains($0) }
      }
      // Each death is thought of alone.
      for (row, heir) in given { ledger.remove(shards[row], from: heir) }
    }
    return orders
  }

  private func heir(of row: Int, _ owner: Int, _ ledger: Ledger) -> Int? {
    let shard = shards[row]
    let members = shard.standing?.members
    var heir: Int?
    for host in lists[row]
    where host != owner && table.owns(host, shard.kind) && table.hosts[host].presence == .alive
      && members?.contains(table.hosts[host].id) ?? true
    {
      if let current = heir, !ledger.isLighter(host, than: current, with: shard.weighedLoad) { continue }
      heir = host
    }
    return heir
  }
}
