/// `mesh-ctl state list` and `state watch`. `shown` says how keys and values are written.
package enum StateScreen {
  package static func text(_ reply: StateListReply, shown: (StateBytes) -> String, for terminal: Terminal) -> String {
    let table = table(reply, shown)
    guard terminal.isTerminal, table.rows.isEmpty else { return table.text(for: terminal) }
    return "no keys\n"
  }

  /// Tab-separated: key, sequence, size.
  package static func plain(_ reply: StateListReply, shown: (StateBytes) -> String, header: Bool = false) -> String {
    table(reply, shown).plain(header: header)
  }

  private static func table(_ reply: StateListReply, _ shown: (StateBytes) -> String) -> Table {
    var table = Table(columns: [
      .init(title: "KEY"), .init(title: "SEQUENCE", isNumber: true), .init(title: "BYTES", isNumber: true),
    ])
    table.rows = reply.entries.map { [.init(shown($0.key)), .init("\($0.sequence)"), .init("\($0.size)")] }
    return table
  }

  /// `3.17  greeting = hello`
  package static func text(_ reply: StateChangeReply, shown: (StateBytes) -> String) -> String {
    let change = reply.value.map { "= \(shown($0))" } ?? "is deleted"
    return "\(reply.epoch).\(reply.sequence)  \(shown(reply.key)) \(change)\n"
  }

  /// Tab-separated: epoch, sequence, key, value.
  package static func plain(_ reply: StateChangeReply, shown: (StateBytes) -> String) -> String {
    ["\(reply.epoch)", "\(reply.sequence)", shown(reply.key), reply.value.map(shown) ?? "-"].joined(separator: "\t")
      + "\n"
  }
}
