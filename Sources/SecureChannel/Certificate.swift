/// The operator's statement about a host; see `security.md` 3.2.
package struct Certificate: Hashable, Sendable {
  package static let size = 320
}
