import SecureChannel
import Wire

extension Lab {
  /// Two hosts with a session.
  static func pair(seed: UInt64, _ change: (inout ChannelSettings) -> Void = { _ in }) throws -> Lab {
    let lab = try Lab.mesh(2, seed: seed, change)
    lab.send("up", from: lab.nodes[0], to: lab.nodes[1])
    lab.run(seconds: 1)
    return lab
  }

  func transfer(
    _ content: [UInt8], _ purpose: TransferPurpose = .snapshot, from node: LabNode, to other: LabNode, id: UInt64 = 1
  ) {
    command(.transfer(purpose, content, to: other.host, id: id), node)
  }

  /// Bytes that lz4 cannot make smaller.
  func noise(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: chance.next()) } }

  /// Bytes that it can.
  func prose(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 / 7 % 26) + 97 } }
}
