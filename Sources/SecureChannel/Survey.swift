import Wire

/// Body of a survey frame: {operation 1, token 8, the sender's wall clock in ns 8, zeros}, always of the largest size a
/// frame may have.
///
/// One question and its answer prove that datagrams of full size pass in both directions, and tell how far two wall
/// clocks are apart. The answer is as long as the question, so nobody can be made to send more than he was sent.
struct SurveyFrame {
  enum Operation: UInt8 { case question = 1, answer = 2 }

  static let size = DatagramSize.frameBody
  private static let used = 17

  var operation: Operation
  var token: UInt64
  var wall: UInt64

  func write(into writer: inout Writer) {
    writer.u8(operation.rawValue)
    writer.u64(token)
    writer.u64(wall)
    writer.zeros(SurveyFrame.size - SurveyFrame.used)
  }

  init(operation: Operation, token: UInt64, wall: UInt64) {
    self.operation = operation
    self.token = token
    self.wall = wall
  }

  init(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    guard bytes.count == SurveyFrame.size else { throw .invalid }
    var reader = Reader(bytes)
    guard let operation = Operation(rawValue: try reader.u8()) else { throw .invalid }
    self.operation = operation
    token = try reader.u64()
    wall = try reader.u64()
    for byte in try reader.take(reader.remaining) where byte != 0 { throw .invalid }
  }
}

/// Asked by `doctor`, at most once in `interval` per peer, and only where a session stands.
extension Channel {
  static let surveyInterval = Nanoseconds.milliseconds(100)

  mutating func survey(_ host: HostID, now: Now, into effects: inout ChannelEffects) {
    guard let peer = peers.slot(of: host), let current = peers[peer].current,
      peers[peer].survey.map({ now.monotonic &- $0.sentAt >= Channel.surveyInterval }) ?? true
    else { return counters.add(.surveysRefused) }
    let token = entropy.u64()
    peers[peer].survey = Peer.Survey(token: token, sentAt: now.monotonic)
    counters.add(.surveysSent)
    sendSurvey(
      SurveyFrame(operation: .question, token: token, wall: now.wall), peer, current, now: now, into: &effects)
  }

  mutating func receiveSurvey(
    _ frame: SurveyFrame, _ peer: Int, _ slot: Int, now: Now, into effects: inout ChannelEffects
  ) {
    switch frame.operation {
    case .question:
      sendSurvey(
        SurveyFrame(operation: .answer, token: frame.token, wall: now.wall), peer, peers[peer].current ?? slot,
        now: now, into: &effects)
    case .answer:
      guard let survey = peers[peer].survey, survey.token == frame.token else {
        return counters.add(.droppedSurveyAnswer)
      }
      peers[peer].survey = nil
      effects.events.append(
        .surveyed(peers[peer].host, wall: frame.wall, roundTrip: now.monotonic &- survey.sentAt))
    }
  }

  private mutating func sendSurvey(
    _ frame: SurveyFrame, _ peer: Int, _ slot: Int, now: Now, into effects: inout ChannelEffects
  ) {
    guard sessions[slot].maySend(at: now.monotonic),
      let message = effects.buffer.append(maximum: SurveyFrame.size, { frame.write(into: &$0) })
    else { return counters.add(.droppedBuffer) }
    sendFrame(.survey, message, on: slot, to: peers[peer].path ?? sessions[slot].origin, now: now, into: &effects)
  }
}
