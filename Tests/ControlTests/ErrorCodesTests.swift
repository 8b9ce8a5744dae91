import Control
import FoundationEssentials
import Testing

struct ErrorCodesTests {
  @Test func everyCodeIsExplainedAndHelps() {
    let programs = ["mesh-ctl ", "mesh-node", "ls ", "{fix}"]
    for code in ErrorCode.allCases {
      let text = code.text
      #expect(code.rawValue.count == 4 && code.rawValue.first == "M" && UInt16(code.rawValue.dropFirst()) != nil)
      #expect(text.explanation.count > 60 && text.explanation.hasSuffix("."), "\(code)")
      #expect(!text.title.isEmpty && !text.sentence.hasSuffix("."), "\(code)")
      #expect(programs.contains { text.help.hasPrefix($0) }, "\(code): \(text.help)")
      #expect(text.exit != .ok, "\(code)")
    }
    #expect(Set(ErrorCode.allCases.map(\.rawValue)).count == ErrorCode.allCases.count)
  }

  @Test func everyCheckHasACode() {
    #expect(Set(DoctorCheck.allCases.map(\.code)).count == 10)
    #expect(DoctorCheck.allCases.count == 10)
  }

  @Test func placeholdersAreFilled() {
    let fault = Fault(.foreignNetwork, ["theirs": "a", "ours": "{theirs}"])
    #expect(fault.sentence == "this line belongs to the network `a`, here is `{theirs}`")
    #expect(fault.exitCode == .badInput)
    // A missing value is seen, not hidden.
    #expect(Fault(.hostUnknown).sentence == "no host is called `{name}`")
    var unknown = fault
    unknown.code = "M999"
    #expect(unknown.exitCode == .failed)
  }

  @Test func exitCodesAreThoseOfTheTable() {
    #expect(ExitCode.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 5, 6, 64, 65, 69, 73, 77, 78, 130, 143])
  }

  /// docs/errors.md is made from the table: `MESH_GOLDEN=write swift test --filter ControlTests` writes it.
  @Test func documentIsCurrent() throws {
    let file = Golden.folder.deletingLastPathComponent().appending(path: "../../docs/errors.md").standardizedFileURL
    if ProcessInfo.processInfo.environment["MESH_GOLDEN"] == "write" {
      try ErrorDocument.text.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: file, encoding: .utf8) == ErrorDocument.text)
  }
}
