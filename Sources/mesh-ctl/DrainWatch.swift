import Control
import Glibc

/// Watches a drain: on a terminal one line that changes each second, elsewhere a line for each tenth and at least every
/// ten seconds. With `--json` every reply is printed as it comes.
struct DrainWatch {
  private static let quietLimit = Duration.seconds(10)
  private static let step = Duration.seconds(1)

  private let console: Console
  /// `nil`: until it is over.
  private let patience: Duration?
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let began = ContinuousClock.now

  init(_ console: Console, patience: Duration?) {
    self.console = console
    self.patience = patience
  }

  /// The last reply: of a drain that is over, or the first one when nothing is to be waited for. `nil`: patience is over.
  func follow(_ client: ControlClient, until firstAnswer: Duration) throws(Fault) -> DrainReply? {
    guard var reply = try client.next(DrainReply.self, within: firstAnswer) else { throw gone() }
    if reply.done || patience == .zero { return reply }
    // It has answered; from now on quiet means that nothing moves.
    client.onSlow = nil
    if !console.options.json { console.say("draining \(reply.host.shown); Ctrl-C ends the watching, not the drain") }
    var lastTold = began
    var lastTenth = -1
    defer { if isTerminal { Console.write("\r\u{1b}[K", to: STDERR_FILENO) } }
    while !reply.done {
      if console.options.json { console.print(String(decoding: reply.line(), as: UTF8.self)) }
      repeat {
        if let patience, ContinuousClock.now - began >= patience { return nil }
        tell(reply, &lastTold, &lastTenth)
      } while try !update(&reply, client)
    }
    return reply
  }

  /// Waits a second for news.
  private func update(_ reply: inout DrainReply, _ client: ControlClient) throws(Fault) -> Bool {
    do throws(Fault) {
      guard let next = try client.next(DrainReply.self, within: DrainWatch.step) else { throw gone() }
      reply = next
      return true
    } catch {
      guard error.code == ErrorCode.noAnswer.rawValue else { throw error }
      return false
    }
  }

  private func gone() -> Fault {
    Fault(
      .noNode, ["socket": (try? console.socketPath()) ?? "its socket"],
      evidence: ["the node closed the connection; the order stands"])
  }

  private func tell(_ reply: DrainReply, _ lastTold: inout ContinuousClock.Instant, _ lastTenth: inout Int) {
    guard !console.options.quiet, !console.options.json else { return }
    let now = ContinuousClock.now
    if isTerminal {
      Console.write("\r\(DrainScreen.progress(reply, seconds: (now - began) / .seconds(1)))\u{1b}[K", to: STDERR_FILENO)
      return
    }
    let tenth = DrainScreen.tenths(reply)
    guard tenth > lastTenth || now - lastTold >= DrainWatch.quietLimit else { return }
    (lastTenth, lastTold) = (tenth, now)
    console.say("\(console.now)  \(DrainScreen.progress(reply, seconds: (now - began) / .seconds(1)))")
  }
}
