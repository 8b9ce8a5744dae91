import Control
import Glibc

/// How far something is, on standard error: on a terminal one line that changes, elsewhere a line for each tenth.
/// Nothing is said of what is done within half a second.
final class ProgressLine {
  private let what: String
  private let total: Int
  private let console: Console
  private let began = ContinuousClock.now
  private var lastTold = ContinuousClock.now
  private var lastTenth = 0
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var isShown = false

  init(_ what: String, of total: Int, _ console: Console) {
    self.what = what
    self.total = max(1, total)
    self.console = console
  }

  /// `current`: what was just done.
  func show(_ done: Int, _ current: String) {
    let now = ContinuousClock.now
    guard !console.options.quiet, now - began > .milliseconds(500) else { return }
    if isTerminal {
      guard now - lastTold > .milliseconds(100) else { return }
      lastTold = now
      isShown = true
      Console.write("\r\(text(done, now))  \(current.printable(limit: 40))\u{1b}[K", to: STDERR_FILENO)
    } else {
      let tenth = done * 10 / total
      guard tenth > lastTenth else { return }
      lastTenth = tenth
      console.say(text(done, now))
    }
  }

  private func text(_ done: Int, _ now: ContinuousClock.Instant) -> String {
    let spent = (now - began) / .seconds(1)
    // A guess from less is worth nothing.
    let left = spent > 3 && done > 0 ? ", \(Figures.short(spent / Double(done) * Double(total - done))) left" : ""
    return "\(what) \(done) of \(total)\(left)"
  }

  func end() {
    if isShown { Console.write("\r\u{1b}[K", to: STDERR_FILENO) }
  }
}
