import Gossip
import Wire

/// Messages, each led by its length (0 lets a second pass), from a host that may send them.
func fuzzGossip(_ bytes: UnsafeRawBufferPointer) {
  var mesh = FuzzMembers.joined()
  var reader = Reader(bytes)
  while let length = try? reader.u16() {
    if length == 0 {
      mesh.passSecond()
      continue
    }
    guard let message = try? reader.take(min(Int(length % 1_189), reader.remaining)) else { break }
    mesh.inject(message)
  }
  mesh.passSecond()
  keep(mesh.ownMembership.root)
}

/// A roster that was asked for; it is read in several turns.
func fuzzRoster(_ bytes: UnsafeRawBufferPointer) {
  var mesh = FuzzMembers.joined()
  let other = mesh.members[FuzzMembers.other].host
  let refused = mesh.ownMembership.counters.rostersRefused
  mesh.take(.roster(bytes, from: other), FuzzMembers.own)
  precondition(mesh.ownMembership.counters.rostersRefused == refused, "the roster was not read")
  for _ in 0..<3 { mesh.passSecond() }
  keep(mesh.ownMembership.liveCount)
}
