import Glibc

/// Which target this process fuzzes: `MESH_FUZZ_TARGET`, set by `bootstrap/fuzz`.
private let chosenTarget: FuzzTarget = {
  let name = getenv("MESH_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: " ")
    giveUp("MESH_FUZZ_TARGET is one of: \(names)")
  }
  return target
}()

private func giveUp(_ text: String) -> Never {
  let line = text + "\n"
  _ = write(STDERR_FILENO, line, line.utf8.count)
  exit(64)
}

/// Called once by libFuzzer before it reads the corpus: leaves the target's seeds in the folder `MESH_FUZZ_SEEDS`.
@_cdecl("LLVMFuzzerInitialize")
public func fuzzInitialize(
  _ count: UnsafeMutablePointer<CInt>?,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
  guard let folder = getenv("MESH_FUZZ_SEEDS").map({ String(cString: $0) }) else { return 0 }
  for (index, seed) in FuzzSeeds.inputs(for: chosenTarget).enumerated() {
    let path = "\(folder)/seed-\(index)"
    guard let file = fopen(path, "w"), fwrite(seed, 1, seed.count, file) == seed.count, fclose(file) == 0 else {
      giveUp("cannot write \(path): \(String(cString: strerror(errno)))")
    }
  }
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  chosenTarget.run(UnsafeRawBufferPointer(start: start, count: count))
  return 0
}
