/// docs/errors.md, made from the table so that it cannot fall behind.
package enum ErrorDocument {
  package static var text: String {
    var text = """
      # Errors and exit codes

      Made from the table in `Sources/Control/Errors`; `mesh-ctl explain CODE` shows the same text.
      Codes `C0xx` are about the text of a configuration; `mesh-ctl explain C020` explains them.

      ## Exit codes

      | code | meaning |
      |---|---|

      """
    for code in ExitCode.allCases { text += "| \(code.rawValue) | \(code.meaning) |\n" }
    text += "\n## Codes\n"
    for code in ErrorCode.allCases {
      let entry = code.text
      text += """

        ### \(code.rawValue) \(entry.title)

        > \(entry.sentence)

        \(entry.explanation)

        Next: `\(entry.help)` · exit \(entry.exit.rawValue)

        """
    }
    return text
  }
}

extension ExitCode {
  package var meaning: String {
    switch self {
    case .ok: "done, or healthy"
    case .failed: "failed for a reason that the message states"
    case .changes: "a plan has changes (only with `--detailed-exitcode`)"
    case .degraded: "degraded: works, something is short"
    case .unhealthy: "unhealthy, or a check failed"
    case .refused: "refused: something changed meanwhile, or a guard is not met"
    case .timedOut: "took too long; the action goes on in the background"
    case .usage: "usage"
    case .badInput: "a file or a line that was given is not what it should be"
    case .noNode: "no node answers"
    case .cannotWrite: "cannot write"
    case .notPermitted: "not permitted"
    case .configuration: "bad configuration"
    case .interrupted: "interrupted"
    case .terminated: "terminated"
    }
  }
}
