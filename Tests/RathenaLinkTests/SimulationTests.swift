import Foundation
import RathenaLink
import Testing
import Wire

/// Warps, logins, logouts, dying, frozen and thawed owners, broken links and a char-server that restarts: in the end no
/// character is stuck, doubled or lost.
@Suite("Multiplexer: a world of models")
struct SimulationTests {
  /// Of each seed; more on request.
  private static let steps = ProcessInfo.processInfo.environment["MESH_LINK_STEPS"].flatMap { Int($0) } ?? 2_000

  @Test("nobody is stuck, doubled or lost", arguments: 1...4 as ClosedRange<UInt64>)
  func world(seed: UInt64) {
    var mesh = ModelMesh(seed: seed)
    let comment: Comment = "seed \(seed)"
    for _ in 0..<Self.steps { mesh.step() }
    check(&mesh, comment)
    print("seed \(seed): \(mesh.warps) warps, \(mesh.deaths) dead owners, \(mesh.thaws) thawed")
    // About two warps in five steps, and one death in forty.
    #expect(mesh.warps > Self.steps / 5 && mesh.deaths > Self.steps / 80 && mesh.thaws > Self.steps / 200, comment)
    let counters = mesh.bridge.multiplexer.counters
    #expect(counters.staleFinalsAnswered > 0 && counters.keptAway > 0 && counters.setOffline > 0, comment)
    #expect(counters.outdated > 0, comment)
    #expect(counters.malformed == 0 && counters.otherBuild == 0 && counters.limitsHit == 0, comment)
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
