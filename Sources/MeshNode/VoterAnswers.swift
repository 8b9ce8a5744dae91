import Control
import EventLoop
import Gossip
import Logging
import MapShard
import NodeCore
import SecureChannel
import Wire
import WorldData

/// The set of voters at the control socket and among the warnings.
extension Shell {
  private var at: Timestamp { Timestamp(nanoseconds: loop.now.wall) }

  func votersReply() -> VotersReply {
    let set = node.shards.voterSet
    let seats = set?.voters ?? []
    let isHere = { [identity] (host: HostID) in host == identity.host }
    var candidates = identity.roster.hosts.compactMap { host -> VotersReply.Candidate? in
      let known =
        isHere(host)
        ? node.shards.store
        : node.stewardship.seatReport(of: host)?.store ?? seats.first { $0.host == host }?.store
      guard let store = known, store != 0 else { return nil }
      return VotersReply.Candidate(host: hostName(host), seat: WorldVoter(host: host, store: store).description)
    }
    if !candidates.contains(where: { $0.host.id == identity.host.description }) {
      candidates.append(
        VotersReply.Candidate(
          host: hostName(identity.host),
          seat: WorldVoter(host: identity.host, store: node.shards.store).description))
    }
    return VotersReply(
      at: at, number: node.shards.voterSetNumber,
      voters: seats.map { seat in
        VotersReply.Voter(
          host: hostName(seat.host), seat: WorldVoter(host: seat.host, store: seat.store).description,
          state: seatWord(seat, of: set?.number ?? 0))
      }, steward: node.stewardship.stewardHost(seenBy: identity.host).map(hostName),
      waitsFor: seatWaitsFor, candidates: candidates)
  }

  private func seatWord(_ seat: VoterSeat, of number: UInt64) -> VotersReply.SeatWord {
    if seat.host == identity.host {
      return switch node.shards.seat {
      case .voting, .opening: .voting
      case .copying, .rebuilding: .opening
      case .damaged, .otherStore, .none: .lost
      }
    }
    let state = node.membership.status(of: seat.host)
    // Before this host has joined it knows nothing of the others.
    if state == nil, joining.state != .member, joining.state != .alone { return .unknown }
    guard state == .alive || state == .suspect else { return .away }
    guard let report = node.stewardship.seatReport(of: seat.host) else { return .unknown }
    if report.store != seat.store { return .lost }
    return report.votes == number ? .voting : .opening
  }

  private var seatWaitsFor: String? {
    switch node.shards.seat {
    case .none, .voting: return nil
    case .opening: return "its disk"
    case .otherStore: return "the set names another data folder of this host; that seat is lost"
    case .damaged: return "its register is damaged; it never votes again with this data folder"
    case .copying(let hosts): return "the register of " + hosts.map(name(of:)).joined(separator: ", ")
    case .rebuilding(let open, let silent):
      return "the register is being rebuilt: \(Plural.of(open, "shard")) left"
        + (silent.isEmpty ? "" : "; no answer from " + silent.map(name(of:)).joined(separator: ", "))
    }
  }

  /// Voters of the set that do not vote, for `status`.
  var voterWarnings: [Warning] {
    guard node.worlds.store.active != nil else { return [] }
    let reply = votersReply()
    let missing = reply.missing
    guard !missing.isEmpty else { return [] }
    return [
      Warning(
        .votersIncomplete,
        [
          "count": "\(missing.count)", "all": Plural.of(reply.voters.count, "voter"), "number": "\(reply.number)",
          "names": missing.map(\.host.shown).joined(separator: ", "),
        ])
    ]
  }

  /// Takes the next set, when it is that and the operator has signed it; from here every host hears of it.
  func adoptVoters(_ signed: [UInt8]) -> (ControlAnswer, Change) {
    let before = node.shards.voterSetNumber
    command(.shards(.changeVoters(signed: signed)))
    let set = node.shards.voterSet
    guard let set, set.number > before else {
      let fault = Fault(
        .votersRefused,
        ["reason": "it is damaged, not signed by an operator of this network, or does not follow set \(before)"])
      return (.line(fault.line()), Change(fault))
    }
    let names = set.voters.map { name(of: $0.host) }.joined(separator: " ")
    tell(
      Announcement(
        name: .controlChange, level: .notice, subject: identity.host,
        text: "set \(set.number) of voters: \(names)" + (set.isRebuild ? "; the register is rebuilt" : "")))
    return (.line(votersReply().line()), Change(.done, target: "set \(set.number)", detail: names))
  }
}
