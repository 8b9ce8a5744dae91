package import Configuration
import Control
import Glibc
import Logging
import Synchronization

/// The log of this process: swift-log with a handler that writes one of our three forms to standard error.
package enum Telemetry {
  /// The level may change while the process runs (reload).
  private static let level = Mutex(Logger.Level.notice)

  /// Called once, before the first logger is made.
  package static func bootstrap(format: LogFormat, level: LogLevel) {
    set(level: level)
    let output = LogOutput(descriptor: STDERR_FILENO, form: form(format, environment: ServiceNotice.environmentValue))
    LoggingSystem.bootstrap { _ in MeshLogHandler(output: output) }
  }

  package static func set(level: LogLevel) { self.level.withLock { $0 = level.loggerLevel } }

  static var currentLevel: Logger.Level { level.withLock { $0 } }

  /// `auto` is `text` on a terminal. Colour only there, and never against `NO_COLOR` or `TERM=dumb`.
  package static func form(
    _ format: LogFormat, isTerminal: Bool = isatty(STDERR_FILENO) == 1, environment: (String) -> String?
  ) -> LogLine.Form {
    switch format {
    case .json: return .json
    case .logfmt: return .logfmt
    case .auto where !isTerminal: return .logfmt
    case .auto, .text:
      let refused = environment("NO_COLOR")?.isEmpty == false || environment("TERM") == "dumb"
      return .text(colour: isTerminal && !refused)
    }
  }
}

extension LogLevel {
  var loggerLevel: Logger.Level {
    switch self {
    case .trace: .trace
    case .debug: .debug
    case .info: .info
    case .notice: .notice
    case .warning: .warning
    case .error: .error
    case .critical: .critical
    }
  }
}

private struct MeshLogHandler: LogHandler {
  let output: LogOutput
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?

  /// One level for all loggers of the process.
  var logLevel: Logger.Level {
    get { Telemetry.currentLevel }
    set { _ = newValue }
  }

  init(output: LogOutput) { self.output = output }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var fields = metadata
    for (key, value) in event.metadata ?? [:] { fields[key] = value }
    // Sorted: a dictionary's order is another one in each process.
    let sorted = fields.sorted { $0.key < $1.key }.map { (key: $0.key, value: "\($0.value)") }
    var wall = timespec()
    var monotonic = timespec()
    clock_gettime(CLOCK_REALTIME, &wall)
    clock_gettime(CLOCK_BOOTTIME, &monotonic)
    output.write(
      level: event.level, message: event.message.description, metadata: sorted,
      at: Timestamp(nanoseconds: wall.nanoseconds), monotonic: monotonic.nanoseconds)
  }
}

extension timespec {
  var nanoseconds: UInt64 { UInt64(max(0, tv_sec)) &* 1_000_000_000 &+ UInt64(max(0, tv_nsec)) }
}
