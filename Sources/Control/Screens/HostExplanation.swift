/// `mesh-ctl explain HOST`: how a host is, what it has, and what keeps it from owning more.
package enum HostExplanation {
  /// `ring` is missing where no world is active.
  package static func reply(_ member: MemberReport, _ ring: RingReply?) -> ExplanationReply {
    let name = member.host.shown
    let part = ring?.hosts.first { $0.host.id == member.id }
    var message = "\(name) is \(member.state.rawValue)"
    if let why = member.why { message += ": \(why.printable(limit: 200))" }
    var lines = [
      "host id   \(member.id)", "address   \(member.address?.printable(limit: 64) ?? "not known")",
      "roles     \(member.roles.isEmpty ? "none known" : member.roles.joined(separator: " ").printable(limit: 80))",
    ]
    if let trustClass = member.trustClass { lines.append("class     \(trustClass)") }
    if let ring {
      lines.append("maps      \(owned(part))")
      lines.append("copies    \(part.map { "holds \($0.copies)" } ?? "holds none")")
      if let part { lines += weight(part) }
      lines.append("owning    \(owning(part, ring))")
    } else {
      lines.append("maps      no world is active here")
    }
    return ExplanationReply(
      topic: name, title: "a host", message: message, explanation: lines.joined(separator: "\n"),
      command: command(member, part))
  }

  private static func owned(_ part: RingReply.Host?) -> String {
    guard let part, part.shards > 0 else { return "owns none" }
    return "owns \(part.maps) in \(Plural.of(part.shards, "shard"))"
  }

  private static func weight(_ part: RingReply.Host) -> [String] {
    guard let weight = part.weight, let share = part.share, let load = part.load else { return [] }
    return [
      "weight    \(weight), \(Figures.finePercent(share)) of all",
      "load      \(Figures.decimal(load, 2)) of its fair share",
    ]
  }

  private static func owning(_ part: RingReply.Host?, _ ring: RingReply) -> String {
    guard let part else { return "it is not there" }
    if part.draining { return "it is drained: it gives everything away and gets nothing" }
    if let unfit = part.unfit { return "it may not: \(unfit.printable(limit: 200))" }
    guard part.weight != nil else {
      return ring.steward.map { "\($0.shown) decides and knows what each host may do" }
        ?? "no voter is there to decide"
    }
    return "nothing keeps it from owning"
  }

  private static func command(_ member: MemberReport, _ part: RingReply.Host?) -> String {
    if part?.draining == true { return "mesh-ctl undrain \(member.host.shown)" }
    return member.state == .alive ? "mesh-ctl maps --host \(member.host.shown)" : "mesh-ctl events --since 1h"
  }
}
