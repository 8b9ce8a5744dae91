import Configuration
import Testing

/// A generator for tests (SplitMix64): the same choices each time.
struct Choices: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  mutating func below(_ bound: Int) -> Int { bound < 1 ? 0 : Int(next() % UInt64(bound)) }
}

@Suite struct SuggestionsTests {
  /// All texts that one change makes of `name`, with the letters of names.
  static func singleEdits(of name: String) -> [String] {
    let letters = Array("abcdefghijklmnopqrstuvwxyz_".unicodeScalars)
    let word = Array(name.unicodeScalars)
    var results: Set<String> = []
    func add(_ scalars: [Unicode.Scalar]) { results.insert(String(String.UnicodeScalarView(scalars))) }
    for index in word.indices {
      var shorter = word
      shorter.remove(at: index)
      add(shorter)
      if index + 1 < word.count {
        var swapped = word
        swapped.swapAt(index, index + 1)
        add(swapped)
      }
      for letter in letters {
        var other = word
        other[index] = letter
        add(other)
      }
    }
    for index in 0...word.count {
      for letter in letters {
        var longer = word
        longer.insert(letter, at: index)
        add(longer)
      }
    }
    results.remove(name)
    results.remove("")
    return results.sorted()
  }

  /// Every single-edit typo of every name, read from a file: 90 % must be answered with the right name.
  @Test func proposesTheRightName() {
    var total = 0
    var right = 0
    var misses: [String] = []
    for setting in Schema.settings {
      // A typo that is another name (or an alias) of the section is no typo.
      let typos = SuggestionsTests.singleEdits(of: setting.name).filter {
        Schema.setting(setting.section + "." + $0) == nil
      }
      // As many in one file as are shown at once.
      for start in stride(from: 0, to: typos.count, by: Messages.errorLimit) {
        let batch = typos[start..<min(typos.count, start + Messages.errorLimit)]
        let errors = load("\(setting.section): {\n" + batch.map { "\($0): 1\n" }.joined() + "}").messages.errors
        for (offset, typo) in batch.enumerated() {
          total += 1
          let error = errors.first { $0.place?.line == offset + 2 }
          if error?.code == .unknownSetting, error?.help == "did you mean `\(setting.name)`?" {
            right += 1
          } else if misses.count < 20 {
            misses.append("\(setting.section).\(typo): \(error?.help ?? error?.text ?? "nothing")")
          }
        }
      }
    }
    let percent = Double(right) * 100 / Double(total)
    print("did-you-mean: right for \(right) of \(total) single-edit typos (\(percent) %)")
    #expect(total > 10_000)
    #expect(percent >= 90, "\(misses.joined(separator: "\n"))")
  }

  @Test(
    arguments: [
      ("p2p_settings.ENABLE: yes", "did you mean `enable`?"),
      ("p2p_settings.network.port-range: 1-3", "did you mean `port_range`?"),
      ("p2p_settings.map_settngs.min_hosts: 1", "did you mean `map_settings`?"),
      ("p2p_settings.ndoe.data_dir: x", "did you mean `node`?"),
      ("p2p_settings.bridge.warm_standby: 1", "`warm_standby` lives in `p2p_settings.supervisor`"),
      ("p2p_settings.map_settings: { network: { compression: no } }", "`network` lives in `p2p_settings`"),
      ("p2p_settings.node.compresion: no", "did you mean `compression` in `p2p_settings.network`?"),
    ])
  func namesTheSection(text: String, help: String) {
    let error = load(text).messages.errors.first
    #expect(error?.code == .unknownSetting)
    #expect(error?.help?.contains(help) ?? false, "\(error?.help ?? "no help")")
  }
}
