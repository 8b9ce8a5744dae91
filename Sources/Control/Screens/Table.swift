/// A table without lines: text to the left, numbers to the right, two blanks between columns.
struct Table {
  struct Column {
    var title: String
    var isNumber = false
    /// Order in which columns go when a terminal is too narrow; `nil` stays for ever.
    var dropRank: Int?
    /// A remark: on a narrow terminal it moves to a line of its own before any column goes. Only the last one.
    var isRemark = false
  }

  struct Cell {
    var text: String
    var colour: Terminal.Colour?

    init(_ text: String?, _ colour: Terminal.Colour? = nil) {
      self.text = text ?? ""
      self.colour = colour
    }
  }

  var columns: [Column]
  var rows: [[Cell]] = []

  /// Header only on a terminal or with `--wide`. Names are never cut: what does not fit wraps off the screen.
  func text(for terminal: Terminal) -> String {
    let hasHeader = terminal.isTerminal || terminal.wide
    var shown = Array(columns.indices)
    func width(_ column: Int) -> Int {
      let cells = rows.map { $0[column].text.count }.max() ?? 0
      return max(cells, hasHeader ? columns[column].title.count : 0, 1)
    }
    func isTooWide() -> Bool {
      terminal.isTerminal && !terminal.wide && shown.map(width).reduce(0, +) + 2 * (shown.count - 1) > terminal.width
    }
    var remark: Int?
    if isTooWide(), let last = shown.last, columns[last].isRemark {
      remark = last
      shown.removeLast()
    }
    while isTooWide(), let weakest = shown.filter({ columns[$0].dropRank != nil }).min(by: isWeaker) {
      shown.removeAll { $0 == weakest }
    }
    func line(_ cells: [Cell]) -> String {
      var line = ""
      for (position, column) in shown.enumerated() {
        let cell = cells[column]
        // An empty cell is a dash, so that every line has the same number of words for awk.
        let isLast = position == shown.count - 1
        let text = cell.text.isEmpty && !columns[column].isRemark ? "-" : cell.text
        let gap = String(repeating: " ", count: max(0, width(column) - text.count))
        if columns[column].isNumber {
          line += gap + terminal.paint(cell.colour, text)
        } else {
          line += terminal.paint(cell.colour, text) + (isLast ? "" : gap)
        }
        if !isLast { line += "  " }
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }
    let header = hasHeader ? line(columns.map { Cell($0.title, .bold) }) : ""
    return header
      + rows.map { row in
        guard let remark, !row[remark].text.isEmpty else { return line(row) }
        let limit = terminal.width - 4
        return line(row) + terminal.wrap(row[remark].text, first: limit, rest: limit).map { "    \($0)\n" }.joined()
      }.joined()
  }

  private func isWeaker(_ left: Int, _ right: Int) -> Bool {
    (columns[left].dropRank ?? 0) < (columns[right].dropRank ?? 0)
  }

  /// The form that is pinned for scripts: tabs, all columns, titles only where they are asked for.
  func plain(header: Bool = false) -> String {
    let titles = header ? columns.map(\.title).joined(separator: "\t") + "\n" : ""
    return titles + rows.map { $0.map { $0.text.isEmpty ? "-" : $0.text }.joined(separator: "\t") + "\n" }.joined()
  }
}
