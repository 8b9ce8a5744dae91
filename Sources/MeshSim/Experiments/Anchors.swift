package import ShardSim

/// Figures of other systems, by experiment. "paper" is read in a paper's tables, "model" is a discrete-event model with
/// memberlist's semantics (one-way delay 0.2–0.8 ms, WAN 20–120 ms, no TCP fallback).
package enum Anchors {
  private static let lifeguardPaper = "Lifeguard (DSN-W 2018), tables at N=128, alpha 5, beta 6"
  private static let rapidPaper = "Rapid (USENIX ATC 2018), 100 VMs"
  private static let crashModel = "model, 1 % loss"

  package static let crash = [
    Anchor("memberlist LAN, 8 nodes", crashModel, crashRow(5.8, 9.9, 6.0, 10.2)),
    Anchor("memberlist LAN, 64 nodes", crashModel, crashRow(8.6, 11.7, 9.0, 12.0)),
    Anchor("memberlist WAN, 8 nodes", crashModel, crashRow(38.0, 49.7, 38.6, 58.8)),
    Anchor("memberlist WAN, 64 nodes", crashModel, crashRow(61.8, 72.5, 63.0, 73.4)),
    Anchor("this detector LAN, 8 nodes", crashModel, crashRow(4.7, 7.3, 4.9, 7.3)),
    Anchor("this detector LAN, 64 nodes", crashModel, crashRow(7.1, 10.1, 7.4, 10.4)),
    Anchor("this detector LAN-fast, 8 nodes", crashModel, crashRow(3.0, 4.1, 3.1, 4.1)),
    Anchor("this detector LAN-fast, 64 nodes", crashModel, crashRow(4.6, 6.6, 4.8, 6.9)),
    Anchor("this detector WAN, 8 nodes", crashModel, crashRow(11.1, 15.5, 11.5, 16.1)),
    Anchor("this detector WAN, 64 nodes", crashModel, crashRow(18.0, 23.6, 19.2, 24.7)),
    Anchor(
      "Lifeguard alpha 5, 128 nodes", "model, no loss", [("first_p50_s", 12.45), ("all_p50_s", 12.84)]),
  ]

  package static let quiet = [
    Anchor(
      "memberlist LAN, 8 nodes", crashModel,
      [("bytes_per_second_per_node", 226), ("packets_per_second_per_node", 2.3)]),
    Anchor(
      "memberlist LAN, 64 nodes", crashModel,
      [("bytes_per_second_per_node", 388), ("packets_per_second_per_node", 2.3)]),
    Anchor(
      "memberlist LAN, 1000 nodes, sent, around 10 crashes", rapidPaper, [("bytes_per_second_per_node", 640)]),
    Anchor(
      "Rapid, 1000 nodes, sent, around 10 crashes", rapidPaper, [("bytes_per_second_per_node", 710)]),
    Anchor(
      "memberlist push-pull alone, 1000 nodes, 300 B metadata", "computed", [("bytes_per_second_per_node", 8_400)]),
  ]

  package static let bootstrap = [
    Anchor("memberlist LAN, 2000 nodes (mean, up to)", rapidPaper, [("all_see_all_s", 95)]),
    Anchor("Rapid, 2000 nodes (derived from ratios)", rapidPaper, [("all_see_all_s", 44)]),
  ]

  package static let uniformLoss = [
    Anchor(
      "memberlist LAN, 64 nodes, 1 % loss", "model",
      [("evictions_of_healthy", 0), ("false_suspicions_per_hour_and_node", 0)]),
    Anchor("this detector, 64 nodes, 5 % loss", "model", [("false_suspicions_per_hour_and_node", 0.02)]),
    Anchor("this detector, 64 nodes, 10 % loss", "model", [("false_suspicions_per_hour_and_node", 0.39)]),
  ]

  package static let starved = [
    Anchor(
      "SWIM, timers before socket, pauses of 1.2 / 2.4 / 4.8 s", "model, 6 runs each of 1, 4, 16 of 128 nodes",
      [("false_suspicions_of_healthy", 1_878 + 945 + 451), ("evictions_of_starved", 113)]),
    Anchor(
      "Lifeguard alpha 4, timers before socket", "model, same runs",
      [("false_suspicions_of_healthy", 365 + 56 + 35), ("evictions_of_starved", 196)]),
    Anchor(
      "either, socket before timers", "model, same runs",
      [("false_suspicions_of_healthy", 0), ("evictions_of_starved", 0)]),
  ]

  package static let frozen = [
    Anchor("every configuration, 330 runs", "model, whole process stands", [("evictions_of_healthy", 0)])
  ]

  package static let lossyEgress = [
    Anchor("SWIM", "model, 2 of 128 nodes, 4 x 300 s", ringRow(4_376, 29.1)),
    Anchor("Lifeguard alpha 4", "model, same; hold-down as ours", ringRow(672, 5.3)),
    Anchor("Lifeguard alpha 4, two accusers", "model, same", ringRow(65, 3.6)),
    Anchor("with re-probe of suspects", "model, same", ringRow(13, 2.0)),
    Anchor("memberlist LAN, 1000 nodes, 1 % of them", rapidPaper + ": never conclusive, views differ", []),
    Anchor("Rapid, same", rapidPaper + ": removes exactly the faulty", [("evictions_of_healthy", 0)]),
  ]

  package static let flipFlop = [
    Anchor("Lifeguard alpha 4", "model, 2 of 128 nodes, 4 x 300 s; hold-down as ours", ringRow(111, 2.0)),
    Anchor("this detector without re-probe", "model, same", ringRow(122, 2.0)),
    Anchor("memberlist LAN, 1000 nodes, 1 % of them", rapidPaper + ": never removes all, oscillates", []),
    Anchor("Rapid, same", rapidPaper + ": removes exactly the faulty", [("evictions_of_healthy", 0)]),
  ]

  package static let partition = [
    Anchor("memberlist", "memberlist issue 222: does not heal by itself", []),
    Anchor("swift-cluster-membership", "its issue 37: does not heal by itself", []),
  ]

  package static let massRestart = [
    Anchor(
      "memberlist", "its issue 311: live nodes held dead for hours after a restart of 4,500 nodes", [])
  ]

  package static let lifeguardInterval = [
    Anchor("SWIM alpha 5", "model, sends and receives block, timers run", lifeguardRow(10_236, 9)),
    Anchor("Lifeguard alpha 5", "model, same", lifeguardRow(92, 0)),
    Anchor("Lifeguard alpha 4 (memberlist LAN)", "model, same", lifeguardRow(601, 2)),
    Anchor("Lifeguard alpha 2", "model, same", lifeguardRow(18_334, 278)),
    Anchor("this detector", "model, same", lifeguardRow(613, 2)),
    Anchor("Lifeguard alpha 4, queue and flush", "model, sends queue", lifeguardRow(20_608, 10_825)),
    Anchor("Lifeguard alpha 4, queue and flush, two accusers", "model, sends queue", lifeguardRow(13_742, 4_880)),
    Anchor("SWIM", lifeguardPaper, lifeguardRow(339_002, 1_326)),
    Anchor("Lifeguard", lifeguardPaper, lifeguardRow(5_193, 25)),
  ]

  package static let lifeguardThreshold = [
    Anchor("SWIM alpha 5", "model, queue and flush, 50 runs", [("false_positives", 85_269)]),
    Anchor("Lifeguard alpha 5", "model, same", [("false_positives", 801)]),
    Anchor("Lifeguard alpha 4 (memberlist LAN)", "model, same", [("false_positives", 4_125)]),
    Anchor("Lifeguard alpha 2", "model, same", [("false_positives", 59_092)]),
  ]

  private static func crashRow(_ first: Double, _ first99: Double, _ all: Double, _ all99: Double) -> [(String, Double)]
  {
    [("first_p50_s", first), ("first_p99_s", first99), ("all_p50_s", all), ("all_p99_s", all99)]
  }

  private static func ringRow(_ evictions: Double, _ changes: Double) -> [(String, Double)] {
    [("evictions_of_healthy", evictions), ("ring_changes_per_view", changes)]
  }

  private static func lifeguardRow(_ all: Double, _ healthy: Double) -> [(String, Double)] {
    [("false_positives", all), ("false_positives_at_healthy", healthy)]
  }
}
