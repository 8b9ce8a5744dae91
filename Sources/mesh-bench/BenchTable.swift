/// One measured thing, beside what it is compared with in the same run and what it may be.
struct BenchRow: Encodable {
  var what: String
  var measured: Double
  var unit: String
  /// What stands beside it, in the same unit.
  var reference: String?
  var referenceMeasured: Double?
  /// The target of DESIGN 12.
  var budget: Double?
  /// The target is a floor, not a ceiling.
  var isFloor = false

  /// `nil` without a target.
  var isMet: Bool? { budget.map { isFloor ? measured >= $0 : measured <= $0 } }
}

/// The one table that `bootstrap/bench` prints.
enum BenchTable {
  static func text(_ rows: [BenchRow]) -> String {
    var lines = [
      "| what | measured | beside it, same run | ratio | target | met |",
      "|---|---|---|---|---|---|",
    ]
    for row in rows {
      var cells = [row.what, "\(figure(row.measured)) \(row.unit)"]
      if let reference = row.reference, let measured = row.referenceMeasured {
        cells += ["\(reference): \(figure(measured)) \(row.unit)", measured > 0 ? figure(row.measured / measured) : ""]
      } else {
        cells += ["", ""]
      }
      if let budget = row.budget, let isMet = row.isMet {
        cells += ["\(row.isFloor ? "≥" : "≤") \(figure(budget)) \(row.unit)", isMet ? "yes" : "**no**"]
      } else {
        cells += ["", ""]
      }
      lines.append("| " + cells.joined(separator: " | ") + " |")
    }
    return lines.joined(separator: "\n")
  }

  /// Three significant digits, no exponent.
  static func figure(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "?" }
    var decimals = 0
    var scaled = value.magnitude
    while scaled > 0, scaled < 100, decimals < 6 {
      scaled *= 10
      decimals += 1
    }
    let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
    let rounded = (value * scale).rounded() / scale
    if rounded == rounded.rounded() { return String(Int(rounded)) }
    return "\(rounded)"
  }
}
