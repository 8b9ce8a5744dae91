import Wire

/// What the char-server told this link once and every newcomer must hear: 388c, 2afb, 2b1b.
struct Replay {
  private(set) var storageTable: [UInt8] = []
  private(set) var welcome: [UInt8] = []
  private(set) var fameLists: [UInt8] = []

  var isComplete: Bool { !storageTable.isEmpty && !welcome.isEmpty && !fameLists.isEmpty }

  mutating func keepStorageTable(_ frame: Frame) { storageTable = [UInt8](frame.bytes) }

  mutating func keepWelcome(_ frame: Frame) { welcome = [UInt8](frame.bytes) }

  /// True when it differs from what was known.
  mutating func keepFameLists(_ frame: Frame) -> Bool {
    let isNews = !fameLists.elementsEqual(frame.bytes)
    if isNews { fameLists = [UInt8](frame.bytes) }
    return isNews
  }

  /// 2b22 changes the points of one place of one list: kind 0 smiths, 1 alchemists, 2 taekwon. The lists follow each other
  /// in that order from byte 8 on; the header has their ends, the last one first.
  mutating func applyFamePoints(_ frame: Frame) {
    guard let kind = try? frame.u8(at: 2), let place = try? frame.u8(at: 3), let points = try? frame.u32(at: 4)
    else { return }
    fameLists.withUnsafeMutableBytes { lists in
      guard let known = try? Frame(UnsafeRawBufferPointer(lists), table: .toMapServer),
        let smiths = try? known.u16(at: 6), let alchemists = try? known.u16(at: 4), let taekwon = try? known.u16(at: 2)
      else { return }
      let bounds: (start: Int, end: Int)
      switch kind {
      case 0: bounds = (8, Int(smiths))
      case 1: bounds = (Int(smiths), Int(alchemists))
      case 2: bounds = (Int(alchemists), Int(taekwon))
      default: return
      }
      let record = bounds.start + Int(place) * 32
      guard record + 32 <= bounds.end, record + 8 <= lists.count else { return }
      var writer = Writer(UnsafeMutableRawBufferPointer(rebasing: lists[(record + 4)..<(record + 8)]))
      writer.u32(points)
    }
  }
}
