import Wire

/// `mmo_charstatus` as it travels in 2afd and 2b01: a raw C struct whose size depends on how rAthena was built.
///
/// It is opaque but for fields at its front, whose places are those of PACKETVER 20211103 (the first two are the same in
/// every build). Its size is read off the first frame that has one.
package struct CharStatus {
  /// Of PACKETVER 20211103 and 20220406; 8,552 for older ones. For tests and stand-ins.
  package static let usualSize = 8_856

  private let frame: Frame
  private let start: Int

  /// Everything from `start` on is the struct.
  init(_ frame: Frame, from start: Int) {
    self.frame = frame
    self.start = start
  }

  package var size: Int { max(0, frame.count - start) }

  package var character: UInt32 { get throws(WireError) { try frame.u32(at: start) } }
  package var account: UInt32 { get throws(WireError) { try frame.u32(at: start + 4) } }
  package var zeny: UInt32 { get throws(WireError) { try frame.u32(at: start + 40) } }
  package var hitPoints: UInt32 { get throws(WireError) { try frame.u32(at: start + 60) } }
  package var party: UInt32 { get throws(WireError) { try frame.u32(at: start + 100) } }
  package var guild: UInt32 { get throws(WireError) { try frame.u32(at: start + 104) } }
  package var baseLevel: UInt32 { get throws(WireError) { try frame.u32(at: start + 196) } }
  /// 24 bytes, zero-padded.
  package var name: UnsafeRawBufferPointer { get throws(WireError) { try frame.bytes(at: start + 169, count: 24) } }
  package var lastMap: LinkMapName { get throws(WireError) { try frame.mapName(at: start + 238) } }
  package var lastX: UInt16 { get throws(WireError) { try frame.u16(at: start + 254) } }
  package var lastY: UInt16 { get throws(WireError) { try frame.u16(at: start + 256) } }
  package var saveMap: LinkMapName { get throws(WireError) { try frame.mapName(at: start + 264) } }
}
