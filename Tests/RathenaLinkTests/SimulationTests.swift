import RathenaLink
import Testing
import Wire

/// Warps, logins, logouts, dying, frozen and thawed owners, broken links and a char-server that restarts: in the end no
/// character is stuck, doubled or lost.
@Suite("Multiplexer: a world of models")
struct SimulationTests {
  @Test("nobody is stuck, doubled or lost", arguments: 1...1 as ClosedRange<UInt64>)
  func world(seed: UInt64) {
    var mesh = ModelMesh(seed: seed)
    let comment: Comment = "seed \(seed)"
    for turn in 0..<2_000 {
      mesh.step(); if turn % 100 == 0 { print(turn, mesh.processes.count, mesh.warps, mesh.deaths) }
    }
    check(&mesh, comment)
    print(
      "seed \(seed): \(mesh.warps) warps, \(mesh.deaths) deaths, \(mesh.thaws) thaws, \(mesh.bridge.multiplexer.counters)"
    )
  }

  private func check(_ mesh: inout ModelMesh, _ comment: Comment) {
    mesh.heal()
    mesh.everybodyIn()
    #expect(mesh.allViolations.isEmpty, comment)
    let players = (1...mesh.size.players).map(Made.player)
    // In the game: at one map-server, which is the one that the table and the char-server know.
    for player in players {
      guard case .playing(let process) = mesh.clients[number: player.account] else {
        Issue.record("\(player.account) is stuck: \(mesh.clients[number: player.account]), \(comment)")
        continue
      }
      let at = mesh.processes.filter { $0.value.server.players[player.account] != nil }.keys.sorted()
      #expect(at == [process], comment)
      let row = mesh.bridge.multiplexer.presence.row(account: player.account)
      #expect(row?.reign == mesh.processes[process]?.reign && row?.state == .playing, comment)
      #expect(mesh.charServer.online[player.account] == player.character, comment)
      mesh.processes[process]?.server.earn(player.account)
    }
    let values = players.map { player in
      mesh.processes.values.compactMap { $0.server.players[player.account]?.status }.first
    }
    mesh.everybodyOut()
    // Out of it: saved as they were, and nowhere any more.
    #expect(players.map { mesh.charServer.saved[$0.character] } == values, comment)
    #expect(mesh.charServer.online.isEmpty, comment)
    #expect(mesh.bridge.multiplexer.presence.count == 0, comment)
    #expect(!mesh.processes.values.contains { !$0.server.players.isEmpty }, comment)
    #expect(mesh.allViolations.isEmpty, "\(mesh.allViolations.prefix(3)) \(comment)")
  }
}
