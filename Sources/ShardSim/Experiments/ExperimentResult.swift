/// A published or measured figure that an experiment is printed beside.
package struct Anchor: Sendable {
  package let system: String
  package let source: String
  package let values: [(metric: String, value: Double)]

  package init(_ system: String, _ source: String, _ values: [(String, Double)]) {
    self.system = system
    self.source = source
    self.values = values.map { (metric: $0.0, value: $0.1) }
  }
}

/// What an experiment found, whatever it is about.
package struct ExperimentResult: Sendable {
  package let experiment: String
  /// What it was run with, defaults filled in.
  package let options: [(name: String, value: OptionValue)]
  package var metrics: [(name: String, value: Double)] = []
  package let anchors: [Anchor]
  package var violations: [Failure] = []

  package enum OptionValue: Sendable {
    case number(Double)
    case text(String)
  }

  /// A check that did not hold.
  package struct Failure: Sendable, CustomStringConvertible {
    /// One line: what failed and how to see it again.
    package let summary: String
    /// With the last lines of the trace.
    package let description: String

    package init(_ summary: String, description: String? = nil) {
      self.summary = summary
      self.description = description ?? summary
    }
  }

  package init(experiment: String, options: [(name: String, value: OptionValue)], anchors: [Anchor]) {
    self.experiment = experiment
    self.options = options
    self.anchors = anchors
  }

  package func metric(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }
}

/// The value below which a share of the samples lies (nearest rank). 0 for no samples.
package func percentile(_ samples: [Double], _ share: Double) -> Double {
  guard !samples.isEmpty else { return 0 }
  let sorted = samples.sorted()
  let place = share * Double(sorted.count)
  let rank = Int(place) + (Double(Int(place)) < place ? 1 : 0)
  return sorted[max(0, min(sorted.count - 1, rank - 1))]
}
