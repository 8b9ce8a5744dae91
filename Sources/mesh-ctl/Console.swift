import Control
import Glibc
import KeyStore

/// The table of exit codes, not the type of the same name in ArgumentParser.
typealias ExitCode = Control.ExitCode

/// Where a command prints and what it may ask. Data goes to standard output, words to standard error.
final class Console {
  let options: GlobalOptions
  let terminal: Terminal
  let environment: [String: String]
  private let errorTerminal: Terminal

  init(_ options: GlobalOptions) {
    self.options = options
    let environment = Console.readEnvironment()
    self.environment = environment
    let usesUTC = options.utc
    let offset: @Sendable (Timestamp) -> Int = { moment in usesUTC ? 0 : Console.localOffset(moment) }
    func describe(_ descriptor: Int32) -> Terminal {
      var size = winsize()
      let isTerminal = isatty(descriptor) == 1
      let knowsSize = isTerminal && ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
      return Terminal(
        isTerminal: isTerminal, columns: knowsSize ? Int(size.ws_col) : nil, rows: knowsSize ? Int(size.ws_row) : nil,
        wish: options.color, environment: environment, wide: options.wide || options.verbose, localOffset: offset)
    }
    terminal = describe(STDOUT_FILENO)
    errorTerminal = describe(STDERR_FILENO)
  }

  var now: Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }

  /// `--plain --wide`: titles before the lines.
  var wantsHeader: Bool { options.plain && options.wide }

  func print(_ text: String) { Console.write(text, to: STDOUT_FILENO) }

  /// A reply in the form that was asked for. `ends`: nothing else comes after it.
  func show(
    _ reply: some Reply, text: @autoclosure () -> String, plain: @autoclosure () -> String,
    verdict: @autoclosure () -> String, ends: Bool = true
  ) {
    if options.json {
      print(String(decoding: reply.line(), as: UTF8.self))
    } else if options.quiet {
      print(verdict())
    } else if options.plain {
      print(plain())
    } else {
      ends ? page(text()) : print(text())
    }
  }

  /// Text for people: where it is longer than the terminal, through the pager that they use.
  func page(_ text: String) {
    let lines = text.utf8.count { $0 == 0x0a }
    guard terminal.isTerminal, lines >= terminal.height, isatty(STDIN_FILENO) == 1, !options.watch, !options.noPager,
      environment["TERM"] != "dumb", let command = Pager.command(environment), Pager.show(text, with: command)
    else { return print(text) }
  }

  /// A word to the person, not data.
  func say(_ text: String) {
    if !options.quiet { Console.write(text + "\n", to: STDERR_FILENO) }
  }

  func report(_ fault: Fault) {
    if options.json { print(String(decoding: fault.line(), as: UTF8.self)) }
    Console.write(FaultScreen.text(fault, for: errorTerminal), to: STDERR_FILENO)
  }

  /// Connects to the node of this machine.
  func connect(timeout: Duration? = nil) throws(Fault) -> ControlClient {
    let path = try socketPath()
    do throws(Fault) {
      let client = try ControlClient(socket: path, timeout: timeout ?? options.timeout.duration)
      client.onSlow = { [self] in say("waiting for the node on \(path) ...") }
      return client
    } catch {
      guard error.code == ErrorCode.noNode.rawValue, !path.hasPrefix("/") else { throw error }
      var told = error
      told.notes.append("The path counts from \(workingFolder); another node's folder is given with --dir.")
      throw told
    }
  }

  private var workingFolder: String {
    guard let path = getcwd(nil, 0) else { return "this folder" }
    defer { free(path) }
    return String(cString: path)
  }

  func socketPath() throws(Fault) -> String {
    if let path = options.socket ?? nonEmpty("MESH_SOCKET") { return path }
    return try setup().folder.controlSocket
  }

  /// The value of an environment variable that is set to something.
  func nonEmpty(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

  private var loadedSetup: Setup?

  /// Configuration and places, read once.
  func setup() throws(Fault) -> Setup {
    if let loadedSetup { return loadedSetup }
    let setup = try Setup.load(options, environment: environment)
    loadedSetup = setup
    return setup
  }

  /// In seconds: what was asked for, or what security_level stands for.
  func certificateLifetime(_ days: Lifetime?) throws(Fault) -> UInt64 {
    if let days { return days.seconds }
    return try setup().certificateLifetime
  }

  /// Shows something once, or again and again with `--watch`.
  func repeating(_ body: () throws(Fault) -> ExitCode) throws(Fault) -> ExitCode {
    guard options.watch else { return try body() }
    let clears = terminal.isTerminal && !options.json && !options.plain && environment["TERM"] != "dumb"
    while true {
      if clears { print("\u{1b}[H\u{1b}[J") }
      do {
        _ = try body()
      } catch {
        // A node that restarts is waited for.
        report(error)
      }
      let nanoseconds = max(0.1, options.every.seconds) * 1e9
      var pause = timespec(
        tv_sec: Int(nanoseconds / 1e9), tv_nsec: Int(nanoseconds.truncatingRemainder(dividingBy: 1e9)))
      nanosleep(&pause, nil)
    }
  }

  static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      // Nobody reads any more; there is nobody to tell.
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }

  private static func readEnvironment() -> [String: String] {
    var result: [String: String] = [:]
    var entry = environ
    while let pair = entry.pointee {
      let text = String(cString: pair)
      if let equals = text.firstIndex(of: "=") {
        result[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      entry += 1
    }
    return result
  }

  private static func localOffset(_ moment: Timestamp) -> Int {
    var seconds = time_t(moment.seconds)
    var local = tm()
    return localtime_r(&seconds, &local) == nil ? 0 : local.tm_gmtoff
  }
}
