import Glibc

/// Which target this process fuzzes: `MESH_FUZZ_TARGET`, set by `bootstrap/fuzz`.
private let chosenTarget: FuzzTarget = {
  let name = getenv("MESH_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: " ")
    let text = "MESH_FUZZ_TARGET is one of: \(names)\n"
    _ = write(STDERR_FILENO, text, text.utf8.count)
    exit(64)
  }
  return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  chosenTarget.run(UnsafeRawBufferPointer(start: start, count: count))
  return 0
}
