import Wire

/// Why a stream cannot be cut any further.
package enum FrameFault: Error, Hashable, Sendable {
  /// A command that the direction does not have. Its length is not known, so nothing behind it can be found.
  case unknown(UInt16)
  /// A variable frame whose length does not even cover its own header.
  case tooShort(UInt16)
}

/// Cuts a byte stream into whole frames, however it was segmented.
///
/// A frame that lies whole in what was given is handed on where it lies; only one that is spread over several segments
/// is put together in a buffer of its own. At most one frame (65,535 bytes) is ever kept.
///
/// After a fault nothing more comes out: `remainder` has the bytes from the faulty frame on. Whether the link is dropped
/// or its bytes go on raw is for the owner of the link to decide; a multiplexer must drop it.
package struct FrameCutter: Sendable {
  package let table: FrameTable
  package private(set) var fault: FrameFault?
  /// The begun frame; after a fault everything that was not handed on of the last segment.
  package private(set) var remainder: [UInt8] = []

  package init(table: FrameTable) { self.table = table }

  /// Hands each frame that is whole now to `body`, in order; its bytes are valid during that call only.
  /// - Throws: the first fault, again on every later call. Frames before it have been handed on.
  package mutating func cut(
    _ segment: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(FrameFault) {
    if let fault { throw fault }
    var rest = segment[...]
    while !remainder.isEmpty {
      let wanted = try lengthOfRemainder(rest)
      let more = rest.prefix(wanted - remainder.count)
      remainder.append(contentsOf: more)
      rest = rest.dropFirst(more.count)
      if remainder.count < wanted { return }
      // The header is there now; it may have told of more to come.
      if try lengthOfRemainder(rest) > remainder.count { continue }
      remainder.withUnsafeBytes(body)
      remainder.removeAll(keepingCapacity: true)
    }
    while !rest.isEmpty {
      let left = UnsafeRawBufferPointer(rebasing: rest)
      let wanted = try length(left, unread: rest)
      guard wanted <= left.count else {
        remainder.append(contentsOf: left)
        return
      }
      body(UnsafeRawBufferPointer(rebasing: rest.prefix(wanted)))
      rest = rest.dropFirst(wanted)
    }
  }

  private mutating func lengthOfRemainder(_ rest: Slice<UnsafeRawBufferPointer>) throws(FrameFault) -> Int {
    let found = remainder.withUnsafeBytes { FrameCutter.wholeLength(of: $0, table: table) }
    return try settle(found, unread: rest)
  }

  private mutating func length(
    _ bytes: UnsafeRawBufferPointer, unread: Slice<UnsafeRawBufferPointer>
  ) throws(FrameFault) -> Int {
    try settle(FrameCutter.wholeLength(of: bytes, table: table), unread: unread)
  }

  private mutating func settle(
    _ found: Result<Int, FrameFault>, unread: Slice<UnsafeRawBufferPointer>
  ) throws(FrameFault) -> Int {
    switch found {
    case .success(let length): return length
    case .failure(let found):
      fault = found
      remainder.append(contentsOf: unread)
      throw found
    }
  }

  /// Length of the frame that begins `bytes`, or of the part of its header that must come before it is known.
  private static func wholeLength(
    of bytes: UnsafeRawBufferPointer, table: FrameTable
  ) -> Result<Int, FrameFault> {
    var reader = Reader(bytes)
    guard let command = try? reader.u16() else { return .success(FrameTable.smallest) }
    switch table.length(of: command) {
    case .unknown: return .failure(.unknown(command))
    case .fixed(let length): return .success(length)
    case .variable:
      guard let length = try? reader.u16() else { return .success(Frame.variableHeader) }
      return length >= Frame.variableHeader ? .success(Int(length)) : .failure(.tooShort(command))
    }
  }
}
