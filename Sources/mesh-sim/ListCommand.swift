import ArgumentParser
import MeshSim
import ShardSim

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Names the experiments.")

  func run() {
    for experiment in Experiment.all {
      let sizes = experiment.sizes.map(String.init).joined(separator: ", ")
      print("\(padded(experiment.name, to: 20)) \(experiment.summary)")
      print(
        "\(padded("", to: 20)) \(sizes) nodes, \(shortNumber(experiment.loss * 100)) % loss, "
          + "\(experiment.runs) run\(experiment.runs == 1 ? "" : "s")")
    }
    for experiment in PlacementExperiment.all {
      let sizes = experiment.sizes.map(String.init).joined(separator: ", ")
      let loads = experiment.loads.map(\.rawValue).joined(separator: ", ")
      print("\(padded(experiment.name, to: 20)) \(experiment.summary)")
      print("\(padded("", to: 20)) \(sizes) hosts, load \(loads), \(experiment.runs) runs")
    }
    for experiment in ShardExperiment.all {
      print("\(padded(experiment.name, to: 20)) \(experiment.summary)")
      print("\(padded("", to: 20)) \(experiment.runs) runs")
    }
  }
}

func padded(_ text: String, to width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

/// A number as people want to read it: at most three decimals, none where there are none.
func shortNumber(_ value: Double) -> String {
  let thousandths = (value * 1_000).rounded()
  guard abs(thousandths) < 1e15 else { return "\(value)" }
  let whole = Int(thousandths) / 1_000
  var fraction = String(abs(Int(thousandths) % 1_000))
  fraction = String(repeating: "0", count: 3 - fraction.count) + fraction
  while fraction.hasSuffix("0") { fraction.removeLast() }
  let sign = thousandths < 0 && whole == 0 ? "-" : ""
  return fraction.isEmpty ? "\(sign)\(whole)" : "\(sign)\(whole).\(fraction)"
}
