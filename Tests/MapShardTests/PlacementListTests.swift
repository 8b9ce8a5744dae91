import Foundation
import Hashing
import MapShard
import Testing
import Wire

@Suite struct PlacementListTests {
  private func bytes(_ hex: String) -> [UInt8] {
    stride(from: 0, to: hex.utf8.count, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
  }

  @Test func listsAreThoseOfTheGoldenVectors() throws {
    let salt = try #require(bytes(PlacementVectors.salt).withUnsafeBytes { ShortHash(key: $0) })
    let hosts = try PlacementVectors.hosts.map { host in
      PlacementHost(
        id: HostID(rawValue: host.id), ringSeed: try #require(RingSeed(bytes(host.seed))),
        contributor: host.contributor, zone: host.zone, weight: host.weight,
        resources: HostResources(cores: 64, memoryBytes: 1 << 40, uplinkBitsPerSecond: 1_000_000_000))
    }
    #expect(PlacementVectors.lists.count == 200)
    for vector in PlacementVectors.lists {
      let view = PlacementView(
        salt: salt, rules: PlacementRules(), hosts: Array(hosts[vector.first..<vector.first + vector.count]),
        shards: [PlacementShard(id: ShardID(rawValue: vector.shard), maps: 1)])
      let placed = try #require(view.placed().shards.first)
      #expect(placed.replicas == vector.replicas.map { hosts[$0].id }, "shard \(placed.id)")
    }
  }

  /// By floating point and by trying every host: the three of highest score, one per contributor and zone. The loads
  /// are such that every host is strong enough.
  @Test func listsAreOptimalInSmallWorlds() {
    for seed in UInt64(1)...60 {
      var sample = PlacementSample(seed: seed)
      let view = sample.view(hosts: 2 + sample.chance.below(9), shards: 20, contributors: 5, zones: 4, load: 100)
      let placement = view.placed()
      for placed in placement.shards {
        func key(_ host: PlacementHost) -> Double {
          let words = (placed.id.rawValue.bigEndian, host.ringSeed.low, host.ringSeed.high)
          let hash = withUnsafeBytes(of: words) { view.salt($0) }
          return -log2((Double(hash) + 1) * 0x1p-64) / Double(host.weight)
        }
        let order = view.hosts.sorted { key($0) < key($1) }
        var expected: [PlacementHost] = []
        for tier in 0..<3 {
          for host in order where expected.count < 3 && !expected.contains(where: { $0.id == host.id }) {
            let sameZone = expected.contains { $0.zone == host.zone }
            let samePerson = expected.contains { $0.contributor == host.contributor }
            if (tier > 0 || !sameZone) && (tier > 1 || !samePerson) { expected.append(host) }
          }
        }
        #expect(placed.replicas == expected.map(\.id), "seed \(seed), shard \(placed.id)")
      }
    }
  }

  @Test func aRankingThatIsKeptIsTheOneThatIsComputedAnew() {
    for seed in UInt64(1)...20 {
      var sample = PlacementSample(seed: seed)
      var view = sample.view(hosts: 12, shards: 60, contributors: 8, zones: 8)
      var kept = Ranking(salt: view.salt)
      for step in 0..<40 {
        switch sample.chance.below(4) {
        case 0 where view.hosts.count > 1: view.hosts.remove(at: sample.chance.below(view.hosts.count))
        case 1: view.hosts[sample.chance.below(view.hosts.count)].weight = 1 + sample.chance.below(8)
        case 2:
          let index = sample.chance.below(view.hosts.count)
          let presences: [PlacementHost.Presence] = [.alive, .suspect, .returning, .gone]
          view.hosts[index].presence = presences[sample.chance.below(4)]
        default: view.hosts.append(sample.host(contributors: 8, zones: 8))
        }
        let fresh = view.placed()
        #expect(Placement(view, ranking: &kept).shards == fresh.shards, "seed \(seed), step \(step)")
        #expect(PlacementCheck.violations(of: fresh, on: view) == [], "seed \(seed), step \(step)")
      }
    }
  }

  @Test func aJoinCostsOneScorePerShard() {
    var sample = PlacementSample(seed: 5)
    var view = sample.view(hosts: 50, shards: 300)
    var ranking = Ranking(salt: view.salt)
    _ = Placement(view, ranking: &ranking)
    let before = ranking.scoresComputed
    #expect(before == 15_000)
    view.hosts.append(sample.host())
    _ = Placement(view, ranking: &ranking)
    #expect(ranking.scoresComputed - before == 300)
  }

  /// What a host that comes or goes does not hold does not change; one contributor rule keeps it so.
  @Test(arguments: [0, 6]) func aJoinOrLeaveMovesTheLeastCopies(contributors: Int) {
    for seed in UInt64(1)...20 {
      var sample = PlacementSample(seed: seed)
      let view = sample.view(hosts: 15, shards: 150, contributors: contributors)
      var grown = view
      let joiner = sample.host(contributors: contributors)
      grown.hosts.append(joiner)
      for (before, after) in zip(view.placed().shards, grown.placed().shards) {
        let (old, new) = (Set(before.replicas), Set(after.replicas))
        let came = new.subtracting(old)
        if after.replicas.contains(joiner.id) {
          #expect(came == [joiner.id], "seed \(seed), shard \(after.id)")
        } else {
          #expect(old == new, "seed \(seed), shard \(after.id)")
        }
      }
    }
  }

  @Test func neitherOrderNorRepetitionOfTheInputMatters() {
    var sample = PlacementSample(seed: 9)
    let view = sample.view(hosts: 20, shards: 100, contributors: 9, zones: 9)
    let expected = view.placed()
    for _ in 0..<5 {
      var shuffled = view
      shuffled.hosts.shuffle(using: &sample.chance)
      shuffled.shards.shuffle(using: &sample.chance)
      shuffled.hosts += shuffled.hosts.prefix(3)
      shuffled.shards += shuffled.shards.prefix(3)
      let placement = shuffled.placed()
      #expect(placement.shards == expected.shards)
      #expect(placement.loads == expected.loads)
      #expect(
        view.membershipVersion
          == {
            var same = view; same.hosts.reverse(); return same.membershipVersion
          }())
    }
  }

  @Test func weightsDecideHowMuchAHostHolds() {
    var sample = PlacementSample(seed: 3)
    var view = sample.view(hosts: 0, shards: 4_000)
    view.rules.replicationFactor = 1
    view.hosts = [1, 2, 4, 8].map { sample.host(weight: $0) }
    var held: [HostID: Int] = [:]
    for placed in view.placed().shards { held[placed.replicas[0], default: 0] += 1 }
    for host in view.hosts {
      let share = 4_000 * Double(host.weight) / 15
      #expect(abs(Double(held[host.id] ?? 0) - share) < 4 * share.squareRoot(), "weight \(host.weight)")
    }
  }

  @Test func theDemandsAreGivenUpInTheirOrder() throws {
    var sample = PlacementSample(seed: 4)
    var view = sample.view(hosts: 0, shards: 50)
    func flags() -> Set<Degraded> { Set(view.placed().shards.map(\.degraded)) }
    view.hosts = [sample.host(weight: 4)]
    #expect(flags() == [[.count]])
    view.hosts = (0..<6).map { _ in sample.host(weight: 4) }
    #expect(flags() == [[]])
    for index in view.hosts.indices { view.hosts[index].zone = 7 }
    #expect(flags() == [[.zone]])
    for index in view.hosts.indices { view.hosts[index].contributor = UInt32(index / 3 + 1) }
    #expect(flags() == [[.zone, .contributor]])
    for placed in view.placed().shards {
      // Two persons: both have a copy.
      #expect(Set(placed.replicas.map { view[host: $0].contributor }).count == 2)
    }
    // A third person's machine that may hold copies only is better than a second one of the same person.
    var volunteer = sample.host(weight: 4)
    volunteer.contributor = 9
    volunteer.trustClass = 2
    view.hosts.append(volunteer)
    for placed in view.placed().shards {
      #expect(placed.replicas.last == volunteer.id)
      #expect(placed.owner != volunteer.id)
      #expect(placed.degraded.contains(.copyOnly))
    }
    #expect(PlacementCheck.violations(of: view.placed(), on: view) == [])
  }

  @Test(arguments: [3, 5, 50]) func realMapsHaveOneOwnerAndDistinctCopies(hosts: Int) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("../shared/data/map_cache/maps_athena.txt")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else {
      print("skipped: ../shared/data is not there")
      return
    }
    let names = text.split(whereSeparator: \.isNewline)
    #expect(names.count == 1_265)
    var sample = PlacementSample(seed: UInt64(hosts))
    var view = sample.view(hosts: hosts, shards: 0)
    view.shards = names.map { name in
      let digest = Array("shard/1\(name)".utf8).withUnsafeBytes { Digest(of: $0) }
      return PlacementShard(
        id: ShardID(rawValue: digest.withBytes { $0.loadUnaligned(as: UInt64.self).bigEndian }), maps: 1)
    }
    let placement = view.placed()
    #expect(Set(placement.shards.map(\.id)).count == 1_265)
    for placed in placement.shards {
      #expect(Set(placed.replicas).count == 3)
      #expect(placed.owner.map(placed.replicas.contains) == true)
    }
    #expect(PlacementCheck.violations(of: placement, on: view) == [])
    #expect(placement.balancePerMille <= 1_050)
    // As 64 groups, of maps that follow each other in the list.
    view.shards = (0..<64).map { PlacementShard(id: view.shards[$0].id, maps: $0 < 49 ? 20 : 19) }
    let grouped = view.placed()
    #expect(view.shards.reduce(0) { $0 + $1.maps } == 1_265)
    #expect(grouped.loads.reduce(0) { $0 + $1.maps } == 1_265)
    #expect(PlacementCheck.violations(of: grouped, on: view) == [])
  }

  /// Three of five hosts are killed one after the other and are back: copies are wanted where they were, at once, and
  /// nothing that they did not have goes to them.
  @Test func hostsThatAreBackHaveTheirOwnPlacesAndNoOthers() {
    for seed in UInt64(1)...20 {
      var sample = PlacementSample(seed: seed)
      var view = sample.view(hosts: 5, shards: 60)
      let before = view.placed()
      for index in 0..<3 { view.hosts[index].presence = .returning }
      let after = view.placed()
      for (old, new) in zip(before.shards, after.shards) {
        #expect(old.replicas == new.replicas && new.degraded.isEmpty, "seed \(seed), shard \(new.id)")
      }
      // Another one dies: who has just come back does not stand in for it.
      view.hosts[3].presence = .gone
      let returning = view.hosts.prefix(3).map(\.id)
      let short = view.placed()
      for (old, new) in zip(before.shards, short.shards) {
        let strangers = Set(new.replicas).subtracting(old.replicas).intersection(returning)
        #expect(strangers.isEmpty, "seed \(seed), shard \(new.id)")
        #expect(Set(old.replicas).intersection(returning).isSubset(of: new.replicas), "seed \(seed), shard \(new.id)")
      }
      #expect(PlacementCheck.violations(of: short, on: view) == [], "seed \(seed)")
    }
  }

  @Test func whoIsBackKeepsItsShardsAndIsGivenNone() throws {
    for seed in UInt64(1)...20 {
      var sample = PlacementSample(seed: seed)
      let calm = sample.view(hosts: 5, shards: 60)
      var view = calm.fulfilled(calm.placed())
      let back = view.hosts[0].id
      let owned = Set(view.shards.filter { $0.standing?.owner == back }.map(\.id))
      try #require(!owned.isEmpty)
      view.hosts[0].presence = .returning
      // It owns what it owned: no shard leaves it for that.
      for placed in view.placed().shards where owned.contains(placed.id) { #expect(placed.owner == back) }
      // The owners of the others die: it takes none over while another copy is there.
      let dead = view.hosts[1].id
      view.hosts[1].presence = .gone
      for index in view.shards.indices where view.shards[index].standing?.owner == dead {
        view.shards[index].standing?.owner = nil
        view.shards[index].standing?.members.removeAll { $0 == dead }
      }
      for placed in view.placed().shards where !owned.contains(placed.id) {
        #expect(placed.owner != nil && placed.owner != back, "seed \(seed), shard \(placed.id)")
      }
      // Unless it is the last.
      for index in view.shards.indices {
        view.shards[index].standing?.owner = nil
        view.shards[index].standing?.members.removeAll { $0 != back }
      }
      for (shard, placed) in zip(view.shards.sorted { $0.id < $1.id }, view.placed().shards)
      where shard.standing?.members == [back] { #expect(placed.owner == back, "seed \(seed), shard \(placed.id)") }
      // Asked why, it says so.
      #expect(view.obstacles().first { $0.host.id == back }?.unfit == .returning)
    }
  }
}
