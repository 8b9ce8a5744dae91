/// `mesh-ctl drain`, `undrain`: how far it is. One line each time something changes, the last with `done`.
package struct DrainReply: Reply, Hashable {
  package static let schemaName = "mesh.drain/1"
  package var schema = DrainReply.schemaName
  package var at: Timestamp
  package var host: HostName
  package var draining: Bool
  /// Still there.
  package var shards: Int
  package var copies: Int
  /// At the beginning.
  package var shardsBefore: Int
  package var copiesBefore: Int
  package var done: Bool
  /// Why it does not go on, in words.
  package var waitsFor: String?

  package init(
    at: Timestamp, host: HostName, draining: Bool, shards: Int, copies: Int, shardsBefore: Int, copiesBefore: Int,
    done: Bool, waitsFor: String? = nil
  ) {
    self.at = at
    self.host = host
    self.draining = draining
    self.shards = shards
    self.copies = copies
    self.shardsBefore = shardsBefore
    self.copiesBefore = copiesBefore
    self.done = done
    self.waitsFor = waitsFor
  }

  /// Tab-separated: host, draining or not, shards and copies that are still there, those at the beginning, what is waited
  /// for.
  package var plain: String {
    let words: [String] = [
      host.shown, draining ? "draining" : "open", "\(shards)", "\(copies)", "\(shardsBefore)", "\(copiesBefore)",
      waitsFor?.printable(limit: 200) ?? "-",
    ]
    return words.joined(separator: "\t") + "\n"
  }
}

/// `mesh-ctl pin`, `unpin`
package struct PinReply: Reply, Hashable {
  package static let schemaName = "mesh.pin/1"
  package var schema = PinReply.schemaName
  package var at: Timestamp
  package var shard: String
  /// Maps that come along.
  package var maps: [String]
  /// `nil`: no longer pinned.
  package var host: HostName?

  package init(at: Timestamp, shard: String, maps: [String], host: HostName?) {
    self.at = at
    self.shard = shard
    self.maps = maps
    self.host = host
  }

  /// Tab-separated: shard, host, maps.
  package var plain: String {
    let names = maps.map { $0.printable(limit: 31) }.joined(separator: ",")
    return "\(shard.printable(limit: 31))\t\(host?.shown ?? "-")\t\(names)\n"
  }
}
