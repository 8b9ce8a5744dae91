import Control

/// The checks that need no node.
struct LocalChecks {
  init(_ console: Console, fixes: Bool) {}
  func run(_ checks: [DoctorCheck]) -> [Finding] { [] }
  static func hostName(_ setup: Setup) -> String { "this host" }
}
