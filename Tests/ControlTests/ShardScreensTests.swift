import Control
import Testing

struct ShardScreensTests {
  @Test func ringScreen() {
    for (name, terminal) in Golden.terminals {
      Golden.expect(RingScreen(for: terminal).text(ShardSamples.ring), is: "ring-\(name)")
      Golden.expect(RingScreen(for: terminal).text(ShardSamples.ringElsewhere), is: "ring-elsewhere-\(name)")
    }
    let simple = Terminal(isTerminal: true, unicode: false)
    Golden.expect(RingScreen(for: simple).text(ShardSamples.ring), is: "ring-ascii")
    Golden.expect(RingScreen.plain(ShardSamples.ring, header: true), is: "ring-plain-wide")
  }

  @Test func mapsScreen() {
    for (name, terminal) in Golden.terminals {
      Golden.expect(MapsScreen(for: terminal).text(ShardSamples.maps), is: "maps-\(name)")
    }
    Golden.expect(MapsScreen(for: Terminal(isTerminal: true, wide: true)).text(ShardSamples.maps), is: "maps-wide")
    Golden.expect(MapsScreen.plain(ShardSamples.maps), is: "maps-plain")
  }

  @Test func placementScreens() {
    for (name, terminal) in Golden.terminals {
      let screen = PlacementScreen(for: terminal)
      Golden.expect(screen.facts(ShardSamples.placement), is: "map-\(name)")
      Golden.expect(screen.facts(ShardSamples.unowned), is: "map-unowned-\(name)")
      Golden.expect(screen.text(ShardSamples.placement), is: "explain-map-\(name)")
      Golden.expect(screen.text(ShardSamples.unowned), is: "explain-map-unowned-\(name)")
    }
    Golden.expect(PlacementScreen.plain(ShardSamples.placement, header: true), is: "explain-map-plain-wide")
    Golden.expect(PlacementScreen.plainFacts(ShardSamples.unowned), is: "map-plain")
  }

  @Test func statusTellsOfMaps() {
    for (name, terminal) in Golden.terminals {
      Golden.expect(StatusScreen.text(ShardSamples.status, for: terminal), is: "status-maps-\(name)")
    }
    Golden.expect(StatusScreen.plain(ShardSamples.status), is: "status-maps-plain")
  }

  /// The verdict follows from how the shards stand, whatever the hosts do.
  @Test func shardsMakeTheVerdict() {
    func verdict(_ counts: ShardCounts?) -> Verdict {
      StatusReply(
        at: Samples.now, network: Samples.network, hosts: HostCounts(alive: 2), view: Samples.healthy.view,
        own: Samples.own, shards: counts, warnings: counts?.warnings ?? []
      ).verdict
    }
    #expect(verdict(nil) == Verdict(health: .ok, sentence: "2 of 2 hosts alive"))
    var counts = ShardCounts()
    counts.add(maps: 5, .acting, copies: 3, wanted: 3, isHere: true)
    counts.add(maps: 7, .moving, copies: 4, wanted: 3, isHere: false)
    #expect(
      counts
        == ShardCounts(maps: 12, mapsOwned: 12, mapsHeld: 0, shards: 2, shardsFull: 2, shardsShort: 0, mapsHere: 5))
    #expect(verdict(counts).health == .ok)
    var short = counts
    short.add(maps: 1, .acting, copies: 2, wanted: 3, isHere: false)
    #expect(
      verdict(short)
        == Verdict(
          health: .degraded, sentence: "2 of 2 hosts alive; 1 of 3 shards have fewer copies than wanted"))
    var held = short
    held.add(maps: 2, .held, copies: 3, wanted: 3, isHere: false)
    #expect(verdict(held).sentence == "2 of 2 hosts alive; 2 of 15 maps are held")
    var unowned = held
    unowned.add(maps: 4, .unowned, copies: 3, wanted: 3, isHere: false)
    #expect(verdict(unowned).sentence == "2 of 2 hosts alive; 4 of 19 maps have no owner")
    #expect(unowned.warnings.count == 3 && unowned.mapsOwned == 15)
  }

  @Test func shardsAreFiltered() {
    func names(_ filter: ShardFilter) -> [String] {
      MapsScreen.plain(ShardSamples.maps, filter: filter).split(separator: "\n").map {
        String($0.split(separator: "\t")[0])
      }
    }
    #expect(names(.init()) == ["gef", "new", "alde", "moc", "pay", "prt"], "worst first")
    #expect(names(.init(kinds: [.unowned])) == ["gef", "new"])
    #expect(names(.init(kinds: [.short])) == ["gef", "new", "pay"])
    #expect(names(.init(kinds: [.pinned, .held])) == ["alde", "prt"])
    #expect(names(.init(hosts: ["mor-1"])) == ["moc"])
    #expect(names(.init(hosts: [ShardSamples.tiny.id])) == ["gef"])
    #expect(names(.init(names: ["prt_*"])) == ["prt"])
    #expect(names(.init(names: ["pay", "morocc"])) == ["moc", "pay"])
    #expect(names(.init(kinds: [.acting], hosts: ["home"], names: ["p*"])) == ["prt"])
    #expect(names(.init(hosts: ["nobody"])) == [])
  }

  @Test func hostsAreExplained() throws {
    func reply(_ name: String, _ ring: RingReply?) throws -> ExplanationReply {
      HostExplanation.reply(try #require(Samples.members.members.first { $0.name == name }), ring)
    }
    let draining = try reply("mor-1", ShardSamples.ring)
    #expect(draining.message == "mor-1 is alive: loop late 412 ms" && draining.command == "mesh-ctl undrain mor-1")
    #expect(draining.explanation.contains("maps      owns 44 in 2 shards\ncopies    holds 9\n"))
    #expect(draining.explanation.hasSuffix("owning    it is drained: it gives everything away and gets nothing"))
    #expect(try reply("tiny", ShardSamples.ring).explanation.hasSuffix("it may not: observer, too few cores"))
    #expect(try reply("prt-1", ShardSamples.ring).explanation.hasSuffix("nothing keeps it from owning"))
    #expect(
      try reply("prt-1", ShardSamples.ringElsewhere).explanation.hasSuffix(
        "home decides and knows what each host may do"))
    #expect(try reply("gef-2", ShardSamples.ring).explanation.hasSuffix("owning    it is not there"))
    #expect(try reply("home", nil).explanation.hasSuffix("maps      no world is active here"))
  }

  @Test func drainsShowHowFarTheyAre() {
    #expect(
      DrainScreen.progress(ShardSamples.drain(3, 5), seconds: 4)
        == "shards [####------------] 1 of 4   copies [##--------------] 1 of 6   00:00:04  waits: no voter is there")
    #expect(
      [(4, 6), (3, 5), (2, 3), (0, 1), (0, 0)].map { DrainScreen.tenths(ShardSamples.drain($0.0, $0.1)) } == [
        0, 2, 5, 9, 10,
      ])
    var reply = ShardSamples.drain(0, 0)
    (reply.shardsBefore, reply.copiesBefore) = (0, 0)
    #expect(DrainScreen.progress(reply, seconds: 0) == "shards none   copies none   00:00:00")
    #expect(DrainScreen.tenths(reply) == 10, "there was nothing")
    // More came while it was drained.
    reply.shards = 5
    #expect(DrainScreen.progress(reply, seconds: 0).hasPrefix("shards [----------------] 0 of 5 "))
  }

  @Test func namesFromOutsideSteerNoTerminal() {
    for (_, terminal) in Golden.terminals where !terminal.colour {
      let texts = [
        MapsScreen(for: terminal).text(ShardSamples.maps), RingScreen(for: terminal).text(ShardSamples.ring),
        PlacementScreen(for: terminal).text(ShardSamples.placement),
        StateScreen.text(ShardSamples.changes[0]) { $0.shown },
      ]
      for text in texts { #expect(!text.unicodeScalars.contains("\u{1b}")) }
    }
  }

  @Test func onTheTerminalLinesFit() {
    for width in [80, 100, 120] {
      let terminal = Terminal(width: width, isTerminal: true)
      let placed = PlacementScreen(for: terminal)
      let texts = [
        RingScreen(for: terminal).text(ShardSamples.ring), RingScreen(for: terminal).text(ShardSamples.ringElsewhere),
        MapsScreen(for: terminal).text(ShardSamples.maps), placed.facts(ShardSamples.placement),
        placed.facts(ShardSamples.unowned), placed.text(ShardSamples.placement), placed.text(ShardSamples.unowned),
        StatusScreen.text(ShardSamples.status, for: terminal),
        DrainScreen.progress(ShardSamples.drain(2, 5), seconds: 4),
      ]
      for line in texts.flatMap({ $0.split(separator: "\n") }) { #expect(line.count <= width, "\(line)") }
    }
  }

  @Test func largeCountsAreGrouped() {
    #expect(
      [0, 7, 999, 1_000, 1_265, 12_345_678, -4_200].map(Figures.grouped) == [
        "0", "7", "999", "1,000", "1,265", "12,345,678", "-4,200",
      ])
  }
}
