import Wire

/// How the wires behave when nothing is wrong.
package struct ShardNetwork: Sendable {
  /// One-way delay, uniform, in nanoseconds.
  package var delay: ClosedRange<UInt64> = 200_000...800_000
  /// Of datagrams, each 0...1.
  package var loss = 0.0
  package var duplication = 0.0
  /// Chance of a datagram to be held back, so that later ones overtake it.
  package var reordering = 0.0
  /// How long a frame may lie in a link more than its delay: a busy carrier. There is no order between carriers.
  package var carrierLag: UInt64 = 2_000_000

  package init() {}
}

/// The directed paths between machines and what is wrong with them.
struct Wires: Sendable {
  struct Path: Sendable {
    /// Cuts that are on it now; open when 0.
    var cuts = 0
    /// Extra loss of datagrams, 0...1.
    var loss = 0.0
    /// Extra delay of everything, in nanoseconds.
    var delay: UInt64 = 0
  }

  private let count: Int
  private var paths: ContiguousArray<Path>

  init(machines: Int) {
    count = machines
    paths = ContiguousArray(repeating: Path(), count: machines * machines)
  }

  subscript(from: Int, to: Int) -> Path {
    get { paths[from * count + to] }
    set { paths[from * count + to] = newValue }
  }

  func isOpen(_ from: Int, _ to: Int) -> Bool { paths[from * count + to].cuts == 0 }
  func isOpenBothWays(_ first: Int, _ second: Int) -> Bool { isOpen(first, second) && isOpen(second, first) }

  mutating func heal() {
    for index in paths.indices { paths[index] = Path() }
  }
}
