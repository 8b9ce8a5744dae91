/// A manual page in roff (man(7)), made from the help texts that the programs print, so that it cannot fall behind them.
package struct ManualPage {
  private var lines: [String] = []
  /// Options that every command takes are told once.
  private var known: Set<String> = []

  package init(program: String, section: Int, abstract: String, synopsis: String) {
    lines = [
      ".TH \"\(program.uppercased())\" \"\(section)\" \"\" \"\(program) \(ProductVersion.text)\" \"\"", ".SH NAME",
      "\(ManualPage.escaped(program)) \\- \(ManualPage.escaped(abstract))", ".SH SYNOPSIS", ".B \(program)",
      ManualPage.escaped(synopsis),
    ]
  }

  package mutating func heading(_ text: String) { lines.append(".SH \(ManualPage.escaped(text))") }

  /// A help text of ArgumentParser: `OVERVIEW: …`, `USAGE: …`, then sections with entries. `heading` is a command's name.
  package mutating func command(_ heading: String, help: String) {
    lines.append(".SS \(ManualPage.escaped(heading))")
    add(help, sections: ["OVERVIEW", "ARGUMENTS", "OPTIONS"])
  }

  /// What a program or all of its commands say together.
  package mutating func options(help: String) { add(help, sections: ["OPTIONS", "ARGUMENTS"]) }

  package mutating func discussion(help: String) { add(help, sections: ["OVERVIEW"], skippingFirst: true) }

  package mutating func entries(_ entries: [(String, String)]) {
    for (term, text) in entries {
      lines += [".TP", "\\fB\(ManualPage.escaped(term))\\fR", ManualPage.escaped(text)]
    }
  }

  package mutating func paragraph(_ text: String) { lines += [".PP", ManualPage.escaped(text)] }

  package var text: String { lines.joined(separator: "\n") + "\n" }

  // MARK: Help texts

  private mutating func add(_ help: String, sections: [String], skippingFirst: Bool = false) {
    var section = ""
    var body: [String: [Substring]] = [:]
    for line in help.split(separator: "\n", omittingEmptySubsequences: false) {
      if let colon = line.firstIndex(of: ":"), colon != line.startIndex,
        line[..<colon].allSatisfy({ $0.isASCII && ($0.isUppercase || $0 == " ") }), line.first != " "
      {
        section = String(line[..<colon])
        body[section, default: []].append(line[line.index(after: colon)...].drop { $0 == " " })
      } else {
        body[section, default: []].append(line)
      }
    }
    for name in sections {
      guard let lines = body[name] else { continue }
      if name == "OVERVIEW" {
        prose(skippingFirst ? Array(lines.drop { !$0.isEmpty }) : lines)
      } else {
        entries(ManualPage.entries(in: lines).filter { known.insert($0.0).inserted || name == "ARGUMENTS" })
      }
    }
  }

  /// Paragraphs are filled; what is indented stands as it is.
  private mutating func prose(_ text: [Substring]) {
    var isCode = false
    for line in text {
      if line.allSatisfy({ $0 == " " }) {
        if !isCode, lines.last != ".PP" { lines.append(".PP") }
        continue
      }
      if line.hasPrefix("  ") != isCode {
        isCode.toggle()
        lines.append(isCode ? ".nf" : ".fi")
      }
      lines.append(ManualPage.escaped(String(line)))
    }
    if isCode { lines.append(".fi") }
    if lines.last == ".PP" { lines.removeLast() }
  }

  /// `  --name <value>   what it does`, continued on lines that are indented further.
  private static func entries(in text: [Substring]) -> [(String, String)] {
    var entries: [(String, String)] = []
    for line in text where !line.allSatisfy({ $0 == " " }) {
      if line.hasPrefix("  "), !line.hasPrefix("   ") {
        // The gap before the explanation may be one blank only.
        let words = line.split(separator: " ")
        let term = words.prefix { $0.hasPrefix("-") || $0.hasPrefix("<") }
        let rest = words.dropFirst(term.count).joined(separator: " ")
        entries.append((term.joined(separator: " "), rest))
      } else if !entries.isEmpty {
        let more = line.drop { $0 == " " }
        entries[entries.count - 1].1 += entries[entries.count - 1].1.isEmpty ? "\(more)" : " \(more)"
      }
    }
    return entries
  }

  /// Backslashes, dashes that people copy, and a control character of roff at the beginning of a line.
  private static func escaped(_ text: String) -> String {
    let inner = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
    return inner.first == "." || inner.first == "'" ? "\\&" + inner : inner
  }
}

extension ExitCode {
  /// For manual pages.
  package static var table: [(String, String)] { allCases.map { ("\($0.rawValue)", $0.meaning) } }
}
