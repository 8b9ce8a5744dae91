package import SecureChannel
package import Wire

/// What the node needs of a channel to its peers: `SecureChannel.Channel` in a node and in small simulations, a model
/// with the same sizes, limits and round trips but without cryptography in large ones.
package protocol PeerChannel {
  mutating func handle(_ input: ChannelInput, now: Now, into effects: inout ChannelEffects)

  /// After the last input of a turn: frames for links that came in it are sealed together.
  mutating func endTurn(now: Now, into effects: inout ChannelEffects)

  /// Sends `message` (in `effects.buffer`) as one frame: at once when a session stands, else after a handshake, for
  /// which up to 4 frames per peer wait, newest first, for 1 s. `endpoint` says where the host is when no session does.
  mutating func send(
    _ kind: FrameKind, _ message: MessageRange, to host: HostID, at endpoint: Endpoint?, now: Now,
    into effects: inout ChannelEffects)

  /// The public keys of a host, from its certificate or from an introduction.
  func key(of host: HostID) -> HostKey?

  /// The life of a host that its sessions and its link are with now: the `boot_id` of the last confirmed handshake.
  /// `nil` before the first.
  func life(of host: HostID) -> Life?
}

extension SecureChannel.Channel: PeerChannel {}
