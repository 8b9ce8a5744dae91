package import MapShard
package import Wire

/// What certificates say of hosts, as placement needs it; the roster stands behind it in a node.
package protocol CertifiedHosts: AnyObject {
  /// All admitted hosts of which a valid certificate is held, this one included, in ascending order.
  var admitted: [HostID] { get }
  func certified(_ host: HostID) -> CertifiedHost?
}

package struct CertifiedHost: Sendable {
  package var ringSeed: RingSeed
  package var roles: Roles
  package var trustClass: UInt8
  package var contributor: UInt32
  /// Cap on the weight; 0: none.
  package var capacity: Int

  package init(ringSeed: RingSeed, roles: Roles, trustClass: UInt8, contributor: UInt32, capacity: Int) {
    self.ringSeed = ringSeed
    self.roles = roles
    self.trustClass = trustClass
    self.contributor = contributor
    self.capacity = capacity
  }
}
