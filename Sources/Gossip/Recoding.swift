package import Wire

/// A message that is read and written again: for fuzzers and for the checks of the simulator. No rule of the protocol
/// is here.
package enum Recoding {
  /// Reads a whole gossip message with its items and writes it again. One message has one encoding, so what comes out is
  /// what went in; bytes that are no message throw.
  package static func recode(_ bytes: UnsafeRawBufferPointer, into writer: inout Writer) throws(WireError) {
    var reader = Reader(bytes)
    try Message(reading: &reader).write(into: &writer)
    while !reader.isAtEnd { try Item(reading: &reader).write(into: &writer) }
  }
}
