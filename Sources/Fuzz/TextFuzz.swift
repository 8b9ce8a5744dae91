import Configuration
import Control

private struct OneFile: FileSource {
  let bytes: [UInt8]
  var user: UInt32 { 0 }

  func read(_ path: String, limit: Int) -> FileReading {
    let inode: UInt64 = path == "main.conf" ? 1 : 2
    let facts = FileFacts(device: 1, inode: inode, owner: 0, mode: 0o600)
    // An import brings the same text again: cycles and depth are part of the target.
    return .found(facts, bytes: [UInt8](bytes.prefix(limit + 1)))
  }
}

func fuzzConfiguration(_ bytes: UnsafeRawBufferPointer) {
  let loaded = SettingsReader.load("main.conf", from: OneFile(bytes: [UInt8](bytes)))
  keep(Reports.check(loaded))
}

func fuzzBootstrapList(_ bytes: UnsafeRawBufferPointer) {
  let read = BootstrapList.read([UInt8](bytes), name: "peers")
  for peer in read.peers {
    let again = BootstrapList.read([UInt8](BootstrapList.line(for: peer).utf8), name: "again")
    precondition(again.peers == [peer])
  }
  keep(read.peers.count)
}

func fuzzControl(_ bytes: UnsafeRawBufferPointer) {
  if let request = try? ControlRequest(line: bytes) {
    let line = request.line().dropLast()
    precondition((try? ControlRequest(line: line)) == request)
    keep(request.verb)
  }
}

/// What `mesh-ctl` reads from a socket, shown on a narrow terminal and as plain lines.
func fuzzReplies(_ bytes: UnsafeRawBufferPointer) {
  func read<Answer: Reply>(_ type: Answer.Type) -> Answer? {
    guard let answer = JSONLine.decode(type, from: bytes) else { return nil }
    // A reply of an unknown schema is refused before it is shown.
    guard answer.schema == type.schemaName else { return nil }
    precondition(JSONLine.decode(type, from: answer.line().dropLast()) != nil, "what was read cannot be written")
    return answer
  }
  let terminal = Terminal(width: 60, height: 10, isTerminal: true, colour: true)
  if let status = read(StatusReply.self) {
    keep(StatusScreen.text(status, for: terminal))
    keep(StatusScreen.plain(status))
  }
  if let members = read(MembersReply.self) {
    keep(MembersScreen.text(members, for: terminal))
    keep(MembersScreen.plain(members))
  }
  if let events = read(EventsReply.self) {
    var screen = EventsScreen(for: terminal)
    keep(screen.text(events))
    keep(EventsScreen.plain(events))
  }
  if let doctor = read(DoctorReply.self) {
    keep(DoctorScreen.text(doctor, subject: "host", for: terminal))
    keep(DoctorScreen.plain(doctor))
  }
  if let fault = read(Fault.self) { keep(FaultScreen.text(fault, for: terminal)) }
  if let leave = read(LeaveReply.self) { keep(leave.schema) }
  if let revoke = read(RevokeReply.self) { keep(revoke.schema) }
  if let certificates = read(CertificatesReply.self) { keep(certificates.schema) }
  if let renew = read(RenewReply.self) { keep(renew.schema) }
}
