/// How far `mesh-ctl drain` is.
package enum DrainScreen {
  private static let barLength = 16

  /// `shards [####············] 3 of 12   copies [##··············] 4 of 31   00:00:04`
  package static func progress(_ reply: DrainReply, seconds: Double) -> String {
    var text = "shards \(bar(reply.shardsBefore, reply.shards))   copies \(bar(reply.copiesBefore, reply.copies))"
    text += "   \(Figures.long(seconds))"
    if let reason = reply.waitsFor { text += "  waits: \(reason.printable(limit: 80))" }
    return text
  }

  /// 0...10 of everything that is to go.
  package static func tenths(_ reply: DrainReply) -> Int {
    let all = max(reply.shardsBefore + reply.copiesBefore, 1)
    return min(max(10 * (all - reply.shards - reply.copies) / all, 0), 10)
  }

  private static func bar(_ before: Int, _ now: Int) -> String {
    let all = max(before, now)
    guard all > 0 else { return "none" }
    let gone = all - max(now, 0)
    let filled = gone * barLength / all
    let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: barLength - filled)
    return "[\(bar)] \(gone) of \(all)"
  }
}
