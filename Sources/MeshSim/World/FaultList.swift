/// The faults of a world and when they come, in no order.
typealias FaultList = [(at: UInt64, fault: Fault)]

extension FaultList {
  /// Generation and handshake labels of a host rise by its disk or by its clock. Who loses both is taken for an old
  /// message until the clock has caught up, so clocks of hosts that lose their disks do not go back.
  mutating func leaveClocksWhereDisksAreLost() {
    let empty = Set(
      compactMap { item in
        if case .restartEmpty(let machine) = item.fault { machine } else { nil }
      })
    removeAll { item in
      if case .wallStep(let machine, let step) = item.fault { step < 0 && empty.contains(machine) } else { false }
    }
  }
}
