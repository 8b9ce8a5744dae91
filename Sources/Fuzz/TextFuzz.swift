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
