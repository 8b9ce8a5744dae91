import Glibc

/// A command that is run to its end with its output kept.
enum LabCommand {
  /// Longer than any command of the lab may take (an admission derives a key from a passphrase, about 1 s).
  static let timeLimit = 60.0

  static func run(_ executable: String, _ arguments: [String], folder: String) throws(LabError) -> Lab.Output {
    let output = folder + "/command.out"
    let errors = folder + "/command.err"
    unlink(output)
    unlink(errors)
    let process = try LabProcess(
      name: executable, executable: executable, arguments: arguments, logPath: output, errorPath: errors)
    guard let ending = process.waitForEnding(within: timeLimit) else {
      process.kill()
      throw LabError("\(executable) \(arguments.first ?? "") did not end within \(Int(timeLimit)) s")
    }
    let status: Int32 =
      switch ending {
      case .exited(let code): code
      case .signalled(let signal): 128 + signal
      }
    return Lab.Output(status: status, output: LabFiles.text(output), errors: LabFiles.text(errors))
  }
}
