import UVShim

/// The program's own code in memory.
package enum ProgramCode {
  /// Gives back the pages of code and constants that are resident: much of it is for start-up only, and every fault maps
  /// its whole neighbourhood of 64 KiB. What is needed again comes back from the page cache in some microseconds.
  /// Returns the number of bytes that were looked through.
  @discardableResult
  package static func release() -> Int { uvshim_release_code() }
}
