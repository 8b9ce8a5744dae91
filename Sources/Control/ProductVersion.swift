/// The version of everything in this package; `mesh-node`, `mesh-ctl` and their documents carry it.
package enum ProductVersion {
  package static let text = "0.1.0"
}
