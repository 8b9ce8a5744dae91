import Wire

/// Settings of a bridge's multiplexer.
package struct MultiplexerSettings: Sendable {
  /// Inter-server account (`userid`, `passwd` of map_athena.conf); 23 bytes at most.
  package var user: String
  package var password: String
  /// What the char-server is told; the same for all bridges.
  package var address = LinkAddress.virtual
  /// A char-server that gets 2,047 maps in one 2afa overruns a buffer; 2,040 were seen to be fine.
  package var mapLimit = 2_040
  /// A stock map-server asks when its link was silent for 60 s. A third of that: two may get lost in a stalled char-server.
  package var keepalive = Nanoseconds.seconds(20)
  /// The link is given up when nothing came for so long; stock gives up at twice 60 s.
  package var silence = Nanoseconds.seconds(60)
  /// Char-links at once: one map-server per shard and host, and one standby.
  package var streamLimit = 1_024
  /// Kept for the char-server while it is away.
  package var waitingLimit = 64 << 20
  /// How much of that goes out in one call; the buffer of a call holds 8 MiB.
  package var flushSlice = 2 << 20

  package init(user: String, password: String) {
    self.user = user
    self.password = password
  }
}
