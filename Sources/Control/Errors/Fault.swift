/// A failure told to a person: what happened, where, how we know, and the one command that helps. On the control socket
/// it is the reply `mesh.error/1`.
package struct Fault: Error, Hashable, Sendable {
  package static let schemaName = "mesh.error/1"
  package var schema = Fault.schemaName

  /// `M012`; explained by `mesh-ctl explain M012`. May be one that this program does not know yet.
  package var code: String
  package var sentence: String
  /// A file, `file:line:column`, an address or a host.
  package var place: String?
  /// What was seen, a line each.
  package var evidence: [String]
  /// The command to run next.
  package var help: String?
  /// Words that belong to no command.
  package var notes: [String]

  /// Fills `{name}` in the code's sentence and help with `values`.
  package init(
    _ code: ErrorCode, _ values: KeyValuePairs<String, String> = [:], at place: String? = nil,
    evidence: [String] = [], notes: [String] = []
  ) {
    let text = code.text
    self.code = code.rawValue
    sentence = text.sentence.filled(with: values)
    self.place = place
    self.evidence = evidence
    help = text.help.filled(with: values)
    self.notes = notes
  }

  /// What the process that reports it exits with.
  package var exitCode: ExitCode { ErrorCode(rawValue: code)?.text.exit ?? .failed }
}

extension Fault: Reply {}

extension String {
  /// Replaces `{name}` by its value; a name without a value stays, visibly.
  fileprivate func filled(with values: KeyValuePairs<String, String>) -> String {
    var result = ""
    var rest = self[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      result += rest[..<open]
      let name = rest[rest.index(after: open)..<close]
      if let value = values.first(where: { $0.key == name })?.value {
        result += value
      } else {
        result += rest[open...close]
      }
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }
}

/// What `mesh-ctl` (and, where it says so, `mesh-node`) ends with. The numbers from 64 on are those of sysexits(3).
package enum ExitCode: Int32, CaseIterable, Sendable {
  /// Done, or healthy.
  case ok = 0
  /// Failed for a reason that the message states.
  case failed = 1
  /// A plan has changes; only with `--detailed-exitcode`.
  case changes = 2
  /// Works, but something is short.
  case degraded = 3
  /// Unhealthy, or a check failed.
  case unhealthy = 4
  /// Refused: something changed meanwhile, or a guard is not met.
  case refused = 5
  /// Took too long; the action goes on in the background.
  case timedOut = 6
  /// Usage.
  case usage = 64
  /// A file or line that was given is not what it should be.
  case badInput = 65
  /// No node answers.
  case noNode = 69
  /// Cannot write.
  case cannotWrite = 73
  /// Not permitted.
  case notPermitted = 77
  /// Configuration.
  case configuration = 78
  case interrupted = 130
  case terminated = 143
}
