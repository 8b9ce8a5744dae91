import Glibc
import MeshLab

/// The owner (etcd: the leader) is killed under load: how long nothing is acknowledged of what it owned, and what is
/// missing afterwards.
struct StateFailover {
  var binaries: String
  var peers: String?
  var kills: Int

  func rows() throws -> [BenchRow] { [] }
}
