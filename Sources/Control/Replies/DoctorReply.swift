package struct DoctorReply: Reply, Hashable {
  package static let schemaName = "mesh.doctor/1"
  package var schema = DoctorReply.schemaName
  package var at: Timestamp
  /// In the order of `DoctorCheck.allCases`, then others by name.
  package var checks: [Finding]

  package init(at: Timestamp, checks: [Finding]) {
    self.at = at
    self.checks = checks.sorted { ($0.order, $0.name) < ($1.order, $1.name) }
  }
}

/// The checks of `mesh-ctl doctor`, in the order in which they are shown.
package enum DoctorCheck: String, CaseIterable, Sendable {
  case config
  case clock
  case udpOut = "udp-out"
  case udpIn = "udp-in"
  case tcpIn = "tcp-in"
  case mtu
  case nat
  case hardware
  case disk
  case keys

  /// Whether the node makes this check; the others need no node and are made by `mesh-ctl`.
  package var isMadeByNode: Bool {
    switch self {
    case .clock, .udpOut, .udpIn, .tcpIn, .mtu, .nat: true
    case .config, .hardware, .disk, .keys: false
    }
  }

  package var code: ErrorCode {
    switch self {
    case .config: .checkConfig
    case .clock: .checkClock
    case .udpOut: .checkUDPOut
    case .udpIn: .checkUDPIn
    case .tcpIn: .checkTCPIn
    case .mtu: .checkMTU
    case .nat: .checkNAT
    case .hardware: .checkHardware
    case .disk: .checkDisk
    case .keys: .checkKeys
    }
  }
}

package struct Finding: Codable, Hashable, Sendable {
  package enum Status: String, Codable, Sendable, CaseIterable { case ok, warn, fail, skip }

  package var code: String
  /// A `DoctorCheck`, or one that this program does not know yet.
  package var name: String
  package var status: Status
  package var sentence: String
  /// What was seen, a line each; shown below the sentence.
  package var evidence: [String]
  /// The command that mends it.
  package var fix: String?
  /// The command that checks it again.
  package var recheck: String

  package init(
    _ check: DoctorCheck, _ status: Status, _ sentence: String, evidence: [String] = [], fix: String? = nil
  ) {
    code = check.code.rawValue
    name = check.rawValue
    self.status = status
    self.sentence = sentence
    self.evidence = evidence
    self.fix = fix
    recheck = "mesh-ctl doctor \(check.rawValue)"
  }

  fileprivate var order: Int {
    DoctorCheck.allCases.firstIndex { $0.rawValue == name } ?? DoctorCheck.allCases.count
  }
}
