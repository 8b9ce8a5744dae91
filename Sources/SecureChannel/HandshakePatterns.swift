/// A step of a Noise handshake message (The Noise Protocol Framework, revision 34, 7.2).
package enum NoiseToken: UInt8, Sendable {
  case e, s, ee, es, se, ss, psk
}

/// Who speaks first is the initiator; messages alternate.
package enum NoiseRole: Sendable {
  case initiator, responder
}

/// A Noise handshake pattern: what each side knows beforehand and the tokens of each message.
///
/// The product uses IKpsk2 alone. The others are here because the engine is proven on the public vectors of all of
/// them: an engine that is right for one pattern only may be right by accident.
package struct HandshakePattern: Sendable {
  /// As in protocol names, for example `IKpsk2`.
  package let name: String
  /// The responder knows the initiator's static key beforehand.
  package let initiatorStaticIsKnown: Bool
  /// The initiator knows the responder's static key beforehand.
  package let responderStaticIsKnown: Bool
  /// The tokens of each message, the initiator's first.
  package let messages: [[NoiseToken]]
  /// With a psk, ephemeral keys are mixed into the key too (Noise, 9.2).
  package let hasPSK: Bool

  /// One-way patterns (N, K, X) have one message; then only the initiator sends.
  package var isOneWay: Bool { messages.count == 1 }

  /// `Noise_IKpsk2` is WireGuard's pattern.
  package static let ikPSK2 = HandshakePattern(
    name: "IKpsk2", initiatorStaticIsKnown: false, responderStaticIsKnown: true,
    messages: [[.e, .es, .s, .ss], [.e, .ee, .se, .psk]], hasPSK: true)

  /// Reads a name such as `XXpsk0+psk3`; `nil` when the pattern is not in the table or a modifier does not fit it.
  package init?(named name: String) {
    let base = name.prefix { !$0.isLowercase }
    guard let row = HandshakePattern.table.first(where: { $0.name == base }) else { return nil }
    var messages = row.messages
    let modifiers = name.dropFirst(base.count)
    if !modifiers.isEmpty {
      for modifier in modifiers.split(separator: "+", omittingEmptySubsequences: false) {
        guard modifier.hasPrefix("psk"), let place = Int(modifier.dropFirst(3)), (0...messages.count).contains(place)
        else { return nil }
        if place == 0 {
          messages[0].insert(.psk, at: 0)
        } else {
          messages[place - 1].append(.psk)
        }
      }
    }
    self.init(
      name: name, initiatorStaticIsKnown: row.initiator, responderStaticIsKnown: row.responder, messages: messages,
      hasPSK: !modifiers.isEmpty)
  }

  private init(
    name: String, initiatorStaticIsKnown: Bool, responderStaticIsKnown: Bool, messages: [[NoiseToken]], hasPSK: Bool
  ) {
    self.name = name
    self.initiatorStaticIsKnown = initiatorStaticIsKnown
    self.responderStaticIsKnown = responderStaticIsKnown
    self.messages = messages
    self.hasPSK = hasPSK
  }

  private typealias Row = (name: String, initiator: Bool, responder: Bool, messages: [[NoiseToken]])

  /// One-way, fundamental and deferred patterns (Noise, 7.4, 7.5 and 18.1). The pre-messages follow from the letters:
  /// the initiator's static key is known beforehand for K, the responder's for a second letter K and for N and X alone.
  private static let table: [Row] = [
    ("N", false, true, [[.e, .es]]),
    ("K", true, true, [[.e, .es, .ss]]),
    ("X", false, true, [[.e, .es, .s, .ss]]),

    ("NN", false, false, [[.e], [.e, .ee]]),
    ("NK", false, true, [[.e, .es], [.e, .ee]]),
    ("NX", false, false, [[.e], [.e, .ee, .s, .es]]),
    ("KN", true, false, [[.e], [.e, .ee, .se]]),
    ("KK", true, true, [[.e, .es, .ss], [.e, .ee, .se]]),
    ("KX", true, false, [[.e], [.e, .ee, .se, .s, .es]]),
    ("XN", false, false, [[.e], [.e, .ee], [.s, .se]]),
    ("XK", false, true, [[.e, .es], [.e, .ee], [.s, .se]]),
    ("XX", false, false, [[.e], [.e, .ee, .s, .es], [.s, .se]]),
    ("IN", false, false, [[.e, .s], [.e, .ee, .se]]),
    ("IK", false, true, [[.e, .es, .s, .ss], [.e, .ee, .se]]),
    ("IX", false, false, [[.e, .s], [.e, .ee, .se, .s, .es]]),

    ("NK1", false, true, [[.e], [.e, .ee, .es]]),
    ("NX1", false, false, [[.e], [.e, .ee, .s], [.es]]),
    ("K1N", true, false, [[.e], [.e, .ee], [.se]]),
    ("K1K", true, true, [[.e, .es], [.e, .ee], [.se]]),
    ("KK1", true, true, [[.e], [.e, .ee, .se, .es]]),
    ("K1K1", true, true, [[.e], [.e, .ee, .es], [.se]]),
    ("K1X", true, false, [[.e], [.e, .ee, .s, .es], [.se]]),
    ("KX1", true, false, [[.e], [.e, .ee, .se, .s], [.es]]),
    ("K1X1", true, false, [[.e], [.e, .ee, .s], [.se, .es]]),
    ("X1N", false, false, [[.e], [.e, .ee], [.s], [.se]]),
    ("X1K", false, true, [[.e, .es], [.e, .ee], [.s], [.se]]),
    ("XK1", false, true, [[.e], [.e, .ee, .es], [.s, .se]]),
    ("X1K1", false, true, [[.e], [.e, .ee, .es], [.s], [.se]]),
    ("X1X", false, false, [[.e], [.e, .ee, .s, .es], [.s], [.se]]),
    ("XX1", false, false, [[.e], [.e, .ee, .s], [.es, .s, .se]]),
    ("X1X1", false, false, [[.e], [.e, .ee, .s], [.es, .s], [.se]]),
    ("I1N", false, false, [[.e, .s], [.e, .ee], [.se]]),
    ("I1K", false, true, [[.e, .es, .s], [.e, .ee], [.se]]),
    ("IK1", false, true, [[.e, .s], [.e, .ee, .se, .es]]),
    ("I1K1", false, true, [[.e, .s], [.e, .ee, .es], [.se]]),
    ("I1X", false, false, [[.e, .s], [.e, .ee, .s, .es], [.se]]),
    ("IX1", false, false, [[.e, .s], [.e, .ee, .se, .s], [.es]]),
    ("I1X1", false, false, [[.e, .s], [.e, .ee, .s], [.se, .es]]),
  ]
}
