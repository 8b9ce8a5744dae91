import ArgumentParser
import Control

/// What every command takes, before or after its verb.
struct GlobalOptions: ParsableArguments {
  @Flag(name: .long, help: "Print JSON (schema in the object) instead of text.")
  var json = false

  @Flag(name: .long, help: "Print tab-separated columns for scripts.")
  var plain = false

  @Flag(name: [.short, .long], help: "Print the verdict only.")
  var quiet = false

  @Flag(name: [.short, .long], help: "Show more: all columns, more lines.")
  var verbose = false

  @Flag(name: .long, help: "All columns, whatever the width of the terminal.")
  var wide = false

  @Flag(
    name: [.short, .long], help: "status, members, ring, maps, map, doctor: again and again (see --every); Ctrl-C ends."
  )
  var watch = false

  @Option(name: .long, help: "With --watch: the time between two looks.")
  var every: Span = Span(.seconds(2))

  @Option(name: .long, help: ArgumentHelp("Colours.", valueName: "auto|always|never"))
  var color: ColourWish = .auto

  @Flag(name: .long, help: "Times in UTC instead of local time.")
  var utc = false

  @Flag(name: .long, help: "Long text goes to the terminal as it is (see $PAGER).")
  var noPager = false

  @Flag(name: .long, help: "Never ask anything; fail with the name of the flag to give.")
  var noInput = false

  @Option(name: .long, help: "The longest wait for an answer of the node.")
  var timeout: Span = Span(.seconds(5))

  @Option(
    name: .long,
    help: ArgumentHelp("The folder of the node's files (default: $MESH_DIR, or `mesh` here).", valueName: "folder"))
  var dir: String?

  @Option(
    name: .long,
    help: ArgumentHelp("The configuration (default: p2p_athena.conf in the node's folder).", valueName: "file"))
  var config: String?

  @Option(
    name: .customLong("set"), help: ArgumentHelp("A setting for this run; may be repeated.", valueName: "key=value"))
  var settings: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The control socket of the node (default: $MESH_SOCKET, or the configured one).", valueName: "path"))
  var socket: String?
}

extension ColourWish: ExpressibleByArgument {}

/// A span of time as people give it: `5s`, `300ms`, `10m`, `2h`, `7d`; a bare number is seconds.
struct Span: ExpressibleByArgument, Hashable, Sendable {
  var duration: Duration

  init(_ duration: Duration) { self.duration = duration }

  init?(argument: String) {
    let number = argument.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let units: [Substring: Double] = ["": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400]
    guard !number.isEmpty, let value = Double(number), let unit = units[argument[number.endIndex...]],
      value * unit <= 3_660 * 86_400
    else { return nil }
    duration = .milliseconds(Int64((value * unit * 1_000).rounded()))
  }

  var seconds: Double { duration / .seconds(1) }

  var defaultValueDescription: String {
    let milliseconds = Int64((seconds * 1_000).rounded())
    return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds)ms"
  }
}

/// A moment as people give it: a span ago (`10m`) or RFC 3339 (`2026-05-04T20:14:03Z`).
enum Moment: ExpressibleByArgument, Hashable, Sendable {
  case ago(Span)
  case at(Timestamp)

  init?(argument: String) {
    if let span = Span(argument: argument) {
      self = .ago(span)
    } else if let moment = Timestamp(argument) {
      self = .at(moment)
    } else {
      return nil
    }
  }

  func timestamp(now: Timestamp) -> Timestamp {
    switch self {
    case .ago(let span):
      Timestamp(nanoseconds: now.nanoseconds - min(now.nanoseconds, UInt64(span.seconds * 1e9)))
    case .at(let moment): moment
    }
  }
}
