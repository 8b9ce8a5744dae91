import ArgumentParser
import Control

/// `mesh-ctl statsu`: names the command that was probably meant.
enum Misspelling {
  private static let optionsWithValue = ["--every", "--color", "--timeout", "--dir", "--config", "--set", "--socket"]

  /// The message, when the first word of some level is no command there.
  static func advice(_ arguments: [String]) -> String? {
    var words = arguments.dropFirst().filter { !$0.hasPrefix("-") }[...]
    var level: any ParsableCommand.Type = MeshCtlCommand.self
    var path = "mesh-ctl"
    while !level.configuration.subcommands.isEmpty, let word = words.popFirst() {
      let names = level.configuration.subcommands.map { $0._commandName } + (path == "mesh-ctl" ? ["help"] : [])
      if word == "help" { return nil }
      if let next = level.configuration.subcommands.first(where: { $0._commandName == word }) {
        level = next
        path += " " + word
        continue
      }
      // The value of an option before the command is no command either.
      if let index = arguments.firstIndex(of: word), optionsWithValue.contains(arguments[index - 1]) { continue }
      var text = "error: `\(path)` has no command `\(word.printableWord)`\n"
      if let near = names.min(by: { distance($0, word) < distance($1, word) }),
        distance(near, word) <= max(1, near.count / 3)
      {
        text += "  = help: did you mean `\(path) \(near)`?\n"
      } else {
        text += "  = help: \(path) --help\n"
      }
      return text
    }
    return nil
  }

  /// Insertions, deletions, replacements and swaps of neighbours between two words.
  static func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8.prefix(64))
    let right = Array(right.utf8.prefix(64))
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var row = [i + 1]
      for (j, b) in right.enumerated() {
        var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a == b ? 0 : 1))
        if i > 0, j > 0, a == right[j - 1], left[i - 1] == b { best = min(best, beforeLast[j - 1] + 1) }
        row.append(best)
      }
      beforeLast = last
      last = row
    }
    return last[right.count]
  }
}

extension String {
  fileprivate var printableWord: String { printable(limit: 40) }
}
