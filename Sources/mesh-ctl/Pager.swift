import Glibc

/// The program that people read long texts with.
enum Pager {
  /// `MESH_PAGER`, else `PAGER`, else less; `nil` when one of them says that they want none.
  static func command(_ environment: [String: String]) -> String? {
    let command = environment["MESH_PAGER"] ?? environment["PAGER"] ?? "less"
    let word = command.drop { $0 == " " }
    return word.isEmpty || word == "cat" ? nil : command
  }

  /// Shows the text until the reader has seen enough; false when the program could not be started.
  static func show(_ text: String, with command: String) -> Bool {
    // Quit where it fits, keep colours, leave the text on the screen; whoever has set LESS knows better.
    setenv("LESS", "FRX", 0)
    let former = signal(SIGPIPE, SIG_IGN)
    defer { signal(SIGPIPE, former) }
    guard let pipe = popen(command, "w") else { return false }
    _ = text.withCString { fputs($0, pipe) }
    let ending = pclose(pipe)
    // What a shell answers when there is no such program.
    return ending >> 8 & 0xff != 127
  }
}
