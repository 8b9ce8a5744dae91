import Control
import Glibc
import KeyStore

/// Questions to the person at the terminal. Without a terminal nothing is ever asked: the fault names the flag to give.
extension Console {
  var mayAsk: Bool {
    !options.noInput && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
  }

  /// One line, without its end.
  func ask(_ question: String, orGive flag: String, command: String) throws(Fault) -> String {
    guard mayAsk else { throw Fault(.confirmationMissing, ["flag": "give \(flag)", "command": command]) }
    Console.write(question, to: STDERR_FILENO)
    return readLine() ?? ""
  }
}

/// A passphrase for the time of one call; it is wiped afterwards.
enum Passphrase {
  static let range = 8...1_024

  /// From `file` (its first line), or asked for on the terminal, twice when it is new.
  static func with<Value>(
    file: String?, isNew: Bool, command: String, _ console: Console,
    _ body: (UnsafeRawBufferPointer) throws(Fault) -> Value
  ) throws(Fault) -> Value {
    if let file {
      // A longest passphrase and its line end.
      let result = try PrivateFile.read(file, limit: range.upperBound + 2) { content throws(Fault) in
        var line = content[...]
        if let end = line.firstIndex(of: 0x0a) { line = line[..<end] }
        if line.last == 0x0d { line = line.dropLast() }
        return try checked(UnsafeRawBufferPointer(rebasing: line), body)
      }
      guard let result else {
        throw Fault(.cannotRead, ["file": file, "reason": "there is no such file"], at: file)
      }
      return result
    }
    guard console.mayAsk else {
      throw Fault(.confirmationMissing, ["flag": "give --passphrase-file FILE", "command": command])
    }
    let first = HiddenLine(capacity: range.upperBound)
    try first.read("Passphrase for the operator's key: ")
    if isNew {
      let second = HiddenLine(capacity: range.upperBound)
      try second.read("The same again: ")
      guard first.bytes.elementsEqual(second.bytes) else {
        throw Fault(.passphraseUnfit, ["reason": "was not the same twice"])
      }
    }
    return try checked(first.bytes, body)
  }

  private static func checked<Value>(
    _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(Fault) -> Value
  ) throws(Fault) -> Value {
    guard range.contains(bytes.count) else {
      throw Fault(
        .passphraseUnfit,
        ["reason": "has \(bytes.count) bytes; it needs \(range.lowerBound) to \(range.upperBound)"])
    }
    return try body(bytes)
  }
}

/// A line that is typed without being shown.
private final class HiddenLine {
  private let base: UnsafeMutableRawPointer
  private let capacity: Int
  private var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    base = .allocate(byteCount: capacity, alignment: 1)
  }

  deinit {
    explicit_bzero(base, capacity)
    base.deallocate()
  }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// All bytes of its UTF-8.
  private func removeLastCharacter() {
    var isContinuation = true
    while count > 0, isContinuation {
      count -= 1
      isContinuation = base.load(fromByteOffset: count, as: UInt8.self) & 0xc0 == 0x80
    }
  }

  /// The terminal is put back before a signal can end the process: signals wait while the echo is off, and keys that
  /// would send one are read as characters.
  func read(_ question: String) throws(Fault) {
    var before = termios()
    guard tcgetattr(STDIN_FILENO, &before) == 0 else {
      throw Fault(.cannotRead, ["file": "the terminal", "reason": String(cString: strerror(errno))])
    }
    var waiting = sigset_t()
    var oldMask = sigset_t()
    sigemptyset(&waiting)
    for signal in [SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP] { sigaddset(&waiting, signal) }
    sigprocmask(SIG_BLOCK, &waiting, &oldMask)
    var silent = before
    silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
    // Only now: whoever answers at once must not have his answer shown or flushed.
    Console.write(question, to: STDERR_FILENO)
    func restore() {
      tcsetattr(STDIN_FILENO, TCSADRAIN, &before)
      Console.write("\n", to: STDERR_FILENO)
      sigprocmask(SIG_SETMASK, &oldMask, nil)
    }
    defer { restore() }
    while true {
      var entry = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 200) > 0 else {
        var pending = sigset_t()
        sigpending(&pending)
        if [SIGTERM, SIGHUP, SIGINT, SIGQUIT].contains(where: { sigismember(&pending, $0) == 1 }) {
          throw Fault(.passphraseUnfit, ["reason": "was not given"])
        }
        continue
      }
      var key: UInt8 = 0
      guard Glibc.read(STDIN_FILENO, &key, 1) == 1 else { return }
      switch key {
      case 0x0a, 0x0d, 0x04: return
      case 0x03:
        restore()
        Glibc.exit(ExitCode.interrupted.rawValue)
      case 0x08, 0x7f: removeLastCharacter()
      case 0x15: count = 0
      default:
        guard count < capacity else {
          throw Fault(.passphraseUnfit, ["reason": "is longer than \(capacity) bytes"])
        }
        base.storeBytes(of: key, toByteOffset: count, as: UInt8.self)
        count += 1
      }
    }
  }
}
