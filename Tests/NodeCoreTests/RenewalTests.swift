import Gossip
import NodeCore
import SecureChannel
import Testing
import Wire

/// The joint that brings renewed certificates to their hosts, and takes ours.
@Suite struct RenewalTests {
  private func refusals(_ stage: Stage) -> [String] {
    stage.events.compactMap { if case .certificateRefused(_, let reason) = $0 { reason } else { nil } }
  }

  private func renewed(_ stage: Stage) -> [UInt64] {
    stage.events.compactMap { if case .certificateRenewed(let end) = $0 { end } else { nil } }
  }

  @Test func oursIsUsedOnceItIsDurable() throws {
    let network = try TestNetwork()
    let (own, peer) = try Stage.acquainted(network)
    let later = try network.certificate(for: own.identity.key, from: TestNetwork.begins - 10)
    let version = own.roster.metadataVersion(of: own.host)
    own.command(.renew(later.bytes))
    #expect(own.script.takeCommands().isEmpty)
    #expect(own.roster.certificate(of: own.host) == own.certificate)
    guard case .certificate(later.bytes)? = own.persists.first?.content else {
      Issue.record("\(own.persists)")
      return
    }
    own.answerPersists()
    #expect(own.script.takeCommands().map(\.words) == ["adopt \(later.serial)"])
    #expect(renewed(own) == [later.notAfter])
    #expect(own.roster.certificate(of: own.host) == later)
    #expect(own.roster.metadataVersion(of: own.host) == version.map { $0 + 1 })
    // The others hear of it: the record names the new version, and they ask for it.
    own.run(seconds: 1)
    Stage.exchange(own, peer)
    #expect(peer.roster.certificate(of: own.host) == later)
  }

  @Test func aFailedWriteLeavesTheOldOneInUse() throws {
    let network = try TestNetwork()
    let own = try Stage(network, number: 7_001)
    own.start()
    own.script.commands = []
    let later = try network.certificate(for: own.identity.key, from: TestNetwork.begins - 10)
    own.command(.renew(later.bytes))
    own.answerPersists(durable: false)
    #expect(own.script.takeCommands().isEmpty && renewed(own).isEmpty)
    #expect(own.roster.certificate(of: own.host) == own.certificate)
    own.command(.renew(later.bytes))
    own.answerPersists()
    #expect(renewed(own) == [later.notAfter], "the operator may try again")
  }

  @Test func aLaterRenewalIsNotUndoneByAnEarlierOne() throws {
    let network = try TestNetwork()
    let own = try Stage(network, number: 7_001)
    own.start()
    let early = try network.certificate(for: own.identity.key, from: TestNetwork.begins - 20)
    let late = try network.certificate(for: own.identity.key, from: TestNetwork.begins - 10)
    own.command(.renew(early.bytes))
    own.command(.renew(late.bytes))
    #expect(own.persists.count == 2)
    own.persists.reverse()
    own.answerPersists()
    #expect(own.roster.certificate(of: own.host) == late)
    #expect(renewed(own) == [late.notAfter])
  }

  @Test func whatIsNotLaterNotOursOrNotValidIsRefused() throws {
    let network = try TestNetwork()
    let (own, peer) = try Stage.acquainted(network)
    own.command(.renew(own.certificate.bytes))
    own.command(.renew([UInt8](repeating: 3, count: 320)))
    own.command(.renew([]))
    let elsewhere = try TestNetwork()
    own.command(.renew(try elsewhere.certificate(for: own.identity.key, from: TestNetwork.begins - 10).bytes))
    let future = try network.certificate(for: own.identity.key, from: TestNetwork.begins + 1_000)
    own.command(.renew(future.bytes))
    #expect(refusals(own).count == 5)
    // As a transfer from a peer: for somebody else.
    let foreign = try network.certificate(for: peer.identity.key, from: TestNetwork.begins - 10)
    own.channelSays(.transferReceived(peer.host, .certificate, foreign.bytes))
    #expect(refusals(own).count == 6)
    #expect(own.persists.isEmpty && own.script.commands.isEmpty)
  }

  @Test func oneThatAPeerBringsIsOurs() throws {
    let network = try TestNetwork()
    let (own, peer) = try Stage.acquainted(network)
    let later = try network.certificate(for: own.identity.key, from: TestNetwork.begins - 10)
    own.channelSays(.transferReceived(peer.host, .certificate, later.bytes))
    own.answerPersists()
    #expect(renewed(own) == [later.notAfter])
  }

  @Test func anothersGoesToItsHost() throws {
    let network = try TestNetwork()
    let (own, peer) = try Stage.acquainted(network)
    let later = try network.certificate(for: peer.identity.key, from: TestNetwork.begins - 10)
    own.command(.renew(later.bytes))
    #expect(own.script.takeCommands().map(\.words) == ["transfer 1 certificate 320 \(peer.host)"])
    #expect(own.persists.isEmpty && refusals(own).isEmpty)
  }
}
