/// Groups maps of one region, by their names alone: rAthena's names begin with the region (`prt_fild01`, `gef_dun02`), so
/// in sorted order neighbours belong together, and a good border is one between names that share little.
///
/// The sorted list is cut into `count` runs, none with more cells than the bound, so that what names share across the
/// borders is least (dynamic programming, exact; ties: the earliest border).
enum Regions {
  struct Item {
    var name: MapName
    var cells: Int
  }

  /// A run may have half as many cells again as the mean, so that whole regions fit.
  static let boundNumerator = 3
  static let boundDenominator = 2

  /// Runs of `items` in the order of their keys: at most `count`, none empty.
  static func groups(_ items: [Item], count: Int) -> [[Item]] {
    guard !items.isEmpty, count > 0 else { return [] }
    var sorted: [(key: String, item: Item)] = items.map { (key($0.name), $0) }
    sorted.sort {
      $0.key != $1.key ? $0.key < $1.key : $0.item.name < $1.item.name
    }
    let count = min(count, sorted.count)
    let total = sorted.reduce(0) { $0 + $1.item.cells }
    // The largest map must fit; else the bound grows until so many runs suffice.
    var bound = max(total / count * boundNumerator / boundDenominator, sorted.map(\.item.cells).max() ?? 0)
    while true {
      if let borders = borders(sorted.map(\.key), sorted.map(\.item.cells), count: count, bound: bound) {
        var start = 0
        return borders.map { end in
          defer { start = end }
          return sorted[start..<end].map(\.item)
        }
      }
      bound += max(1, bound / 8)
    }
  }

  /// What names are compared by: copies of a map for parties (`1@tower`, `2@tower`) go by what they are copies of.
  static func key(_ name: MapName) -> String {
    let parts = name.text.split(separator: "@", maxSplits: 1)
    return parts.count == 2 ? "\(parts[1])@\(parts[0])" : name.text
  }

  /// The letters that a key begins with; what a group is called after.
  static func region(_ name: MapName) -> String {
    let key = key(name)
    let letters = key.prefix { $0.isLetter }
    return String(letters.isEmpty ? key.prefix { $0 != "@" } : letters)
  }

  /// How much is lost by a border between two neighbours: the square of what their keys share, so that few bad borders
  /// are worse than many slight ones.
  static func cost(_ left: String, _ right: String) -> Int {
    let shared = zip(left.utf8, right.utf8).prefix { $0 == $1 }.count
    return shared * shared
  }

  /// The end of each run; `nil` when the bound does not allow so few runs.
  private static func borders(_ keys: [String], _ cells: [Int], count: Int, bound: Int) -> [Int]? {
    let size = keys.count
    let costs = (0...size).map { $0 == 0 || $0 == size ? 0 : cost(keys[$0 - 1], keys[$0]) }
    var sums = [0]
    for value in cells { sums.append((sums.last ?? 0) + value) }
    // best[run][end]: least cost of cutting the first `end` maps into `run` runs; from: where its last run begins.
    var best = [Int](repeating: Int.max, count: size + 1)
    best[0] = 0
    var from: [[Int]] = []
    for _ in 1...count {
      var next = [Int](repeating: Int.max, count: size + 1)
      var origin = [Int](repeating: -1, count: size + 1)
      for end in 1...size {
        var start = end - 1
        while start >= 0, sums[end] - sums[start] <= bound {
          if best[start] < Int.max {
            let cost = best[start] + costs[start]
            if cost <= next[end] {
              next[end] = cost
              origin[end] = start
            }
          }
          start -= 1
        }
      }
      best = next
      from.append(origin)
    }
    guard best[size] < Int.max else { return nil }
    var ends: [Int] = []
    var end = size
    for origin in from.reversed() {
      ends.append(end)
      end = origin[end]
    }
    return ends.reversed()
  }
}
