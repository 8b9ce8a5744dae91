/// Figures of other algorithms and of earlier models of this one, as the specification has them.
enum PlacementAnchors {
  private static let source = "model, other worlds of the same kind: 1,200 shards, 20 worlds, capacities 1, 2, 4, 8"

  static let balance = [
    balanceRow("ring 64 points, unweighted", [3.09, 5.26, 11.3], nil, nil),
    balanceRow("ring 160 points, weighted", [1.14, 1.89, 5.35], [2.80, 17.1, 186], [1.28, 3.55, 29.8]),
    balanceRow("ring 256 points, weighted", [1.11, 1.77, 5.59], [2.44, 16.0, 171], [1.25, 3.56, 28.5]),
    balanceRow("HRW, weighted", [1.11, 1.69, 5.38], [2.50, 18.7, 293], [1.24, 3.70, 29.6]),
    balanceRow("jump, buckets by capacity", [1.10, 1.78, 5.04], [2.82, 23.0, 215], [1.20, 4.29, 30.4]),
    balanceRow("Maglev 65,537, weighted", [1.09, 1.66, 5.75], [3.04, 20.7, 290], [1.27, 3.76, 30.4]),
    balanceRow("bounded load by count, 1.25", [1.13, 1.31, 1.56], [2.80, 17.1, 201], [1.26, 3.50, 27.4]),
    balanceRow("bounded load by load, HRW, 1.25", nil, [1.26, 9.19, 93], [1.19, 1.25, 4.67]),
    balanceRow("HRW R=3, sticky 1.25", [1.00, 1.04, 1.56], [1.12, 11.4, 121], [1.00, 1.16, 9.51]),
    balanceRow("eligibility, HRW R=3, sticky 1.25", nil, [1.11, 9.19, 93], [1.00, 1.03, 4.67]),
    balanceRow("largest first", [1.00, 1.02, 1.21], [1.11, 9.19, 93], [1.00, 1.00, 4.67]),
    balanceRow("floor", nil, [1.10, 9.18, 93], [1.00, 1.00, 4.67]),
  ]

  static let movement = [
    movementRow("ring 160 points, weighted", [0.97, 0.93, 1.21], [1, 1, 1], (0.93, 1.00)),
    movementRow("HRW, weighted", [0.97, 0.96, 0.82], [1, 1, 1], (0.96, 1.00)),
    movementRow("jump, buckets by capacity", [1.01, 0.94, 1.02], [1.55, 2.12, 2.08], (0.94, 2.12)),
    movementRow("Maglev 65,537, weighted", [1.02, 1.24, 5.46], [1.01, 1.21, 4.96], (1.24, 1.21)),
    movementRow("bounded load by count, 1.25", [0.97, 1.06, 1.68], [1.00, 1.13, 1.34], (1.06, 1.13)),
    movementRow("bounded load by load, HRW, 1.25", nil, nil, (3.77, 13.3)),
    movementRow("HRW R=3, least loaded, stateless", [3.06, 13.0, 3.5], [2.68, 12.9, 4.0], nil),
    movementRow("HRW R=3, sticky 1.25", [0.52, 0.59, 17.8], [1.00, 1.00, 21.3], (1.07, 1.11)),
    movementRow("eligibility, HRW R=3, sticky 1.25", nil, nil, (1.02, 1.06)),
    movementRow("largest first", [4.3, 45, 322], [3.4, 45, 362], (44.6, 44.5)),
  ]

  static let churn = [
    churnRow("HRW, weighted, stateless", (2.7, 3.70), (2.7, 17.8), (0.6, 8.60)),
    churnRow("bounded load by load 1.25, stateless", (129, 1.25), (71, 8.55), (159, 2.89)),
    churnRow("HRW R=3, least loaded, stateless", (594, 1.25), (126, 8.55), (220, 3.74)),
    churnRow("HRW R=3, sticky 1.25", (1.8, 1.37), (0.6, 8.55), (3.4, 3.78)),
    churnRow("eligibility, R=3, sticky 1.10, budget 12", (4.8, 1.27), (1.2, 8.55), (7.5, 2.89)),
    churnRow("eligibility, R=3, sticky 1.25, budget 12", (2.7, 1.28), (1.2, 8.55), (4.1, 2.89)),
    churnRow("eligibility, R=3, sticky 1.25, budget 2", (2.5, 1.30), (1.2, 8.55), (3.4, 2.89)),
    churnRow("eligibility, R=2, sticky 1.25, budget 12", (3.7, 1.38), (1.8, 8.55), (6.3, 3.00)),
  ]

  /// Each of 5, 50, 500 hosts.
  private static func balanceRow(_ system: String, _ equal: [Double]?, _ head: [Double]?, _ capped: [Double]?)
    -> Anchor
  {
    var values: [(String, Double)] = []
    for (row, shape) in [(capped, ""), (equal, "_equal"), (head, "_zipf_head")] {
      guard let row else { continue }
      values += [
        ("max_over_mean\(shape)_of_5", row[0]), ("max_over_mean\(shape)", row[1]),
        ("max_over_mean\(shape)_of_500", row[2]),
      ]
    }
    return Anchor(system, source, values)
  }

  private static func movementRow(
    _ system: String, _ join: [Double]?, _ leave: [Double]?, _ capped: (join: Double, leave: Double)?
  ) -> Anchor {
    var values: [(String, Double)] = []
    if let capped {
      values += [("join_moves_over_minimum", capped.join), ("leave_moves_over_minimum", capped.leave)]
    }
    for (row, name) in [(join, "join"), (leave, "leave")] {
      guard let row else { continue }
      values += [
        ("\(name)_moves_over_minimum_equal_of_5", row[0]), ("\(name)_moves_over_minimum_equal", row[1]),
        ("\(name)_moves_over_minimum_equal_of_500", row[2]),
      ]
    }
    return Anchor(system, source, values)
  }

  private typealias Pair = (moves: Double, balance: Double)

  private static func churnRow(_ system: String, _ capped: Pair, _ head: Pair, _ large: Pair) -> Anchor {
    Anchor(
      system, source,
      [
        ("unforced_moves_per_step", capped.moves), ("max_over_mean", capped.balance),
        ("unforced_moves_per_step_zipf_head", head.moves), ("max_over_mean_zipf_head", head.balance),
        ("unforced_moves_per_step_of_200", large.moves), ("max_over_mean_of_200", large.balance),
      ])
  }
}
