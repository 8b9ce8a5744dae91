import CZlib
import Hashing

/// zlib streams (RFC 1950) of known size: nothing is allocated for what a stream claims.
enum Zlib {
  /// Fills `output` from a stream that must give exactly so many bytes and end with its last byte. False for everything
  /// else: cut, damaged, too long, too short, followed by something, or with a preset dictionary.
  static func inflate(_ stream: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Bool {
    guard stream.count > 0, let inputSize = UInt32(exactly: stream.count),
      let outputSize = UInt32(exactly: output.count)
    else { return false }
    var state = z_stream()
    guard inflateInit_(&state, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return false }
    defer { inflateEnd(&state) }
    // zlib reads from it only.
    state.next_in = UnsafeMutablePointer(mutating: stream.octets)
    state.avail_in = inputSize
    state.next_out = output.octets
    state.avail_out = outputSize
    // One call: with room for all output, Z_FINISH ends or fails, and never loops.
    let status = CZlib.inflate(&state, Z_FINISH)
    return status == Z_STREAM_END && state.avail_in == 0 && state.avail_out == 0
  }

  /// `nil` when the library has no memory.
  static func deflate(_ input: UnsafeRawBufferPointer, level: Int32 = Z_DEFAULT_COMPRESSION) -> [UInt8]? {
    var isWhole = false
    let bound = Int(compressBound(UInt(input.count)))
    let stream = [UInt8](unsafeUninitializedCapacity: bound) { output, count in
      var size = UInt(bound)
      isWhole = compress2(output.baseAddress, &size, input.octets, UInt(input.count), level) == Z_OK
      count = isWhole ? Int(size) : 0
    }
    return isWhole ? stream : nil
  }
}
