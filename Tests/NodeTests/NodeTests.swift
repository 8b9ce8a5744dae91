import Control
import Glibc
import MeshLab
import Testing

/// Tests with real processes: three suites beside each other, in each one test after the other, because they share two
/// cores, and each has deadlines of the protocol to keep. Their bodies run on a thread of their own, so that waiting
/// blocks nobody else.
@Suite("Real processes")
enum NodeTests {}

/// Runs `body` on a thread of its own and waits for it without blocking the cooperative pool.
func onOwnThread(_ body: @escaping @Sendable () throws -> Void) async throws {
  try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
    let work = Unmanaged.passRetained(ThreadWork { continuation.resume(with: Result { try body() }) })
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    guard result == 0 else {
      work.release()
      continuation.resume(throwing: LabError("no thread: \(result)"))
      return
    }
    pthread_detach(thread)
  }
}

private final class ThreadWork {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}

/// The folder of the binaries under test: the tests are built beside them.
func binaries() throws -> String {
  let own = try #require(
    CommandLine.arguments.first.flatMap { realpath($0, nil) }.map { pointer in
      defer { free(pointer) }
      return String(cString: pointer)
    })
  var folder = own[...]
  while let slash = folder.lastIndex(of: "/") {
    folder = folder[..<slash]
    if access(folder + "/mesh-node", X_OK) == 0 { return String(folder) }
  }
  throw LabError("mesh-node is not beside the tests (\(own)); build everything first")
}

/// Deaths of hosts that no one meant to die, as any live node tells them: `observer: subject`.
func evictions(of healthy: Set<String>, in lab: Lab) -> [String] {
  var found: [String] = []
  for observer in lab.members where observer.isRunning {
    let query = ControlRequest.events(EventsQuery(limit: EventsQuery.limitMaximum))
    let reply: EventsReply? = lab.ask(observer, query, within: 5)
    for event in reply?.events ?? [] where event.name == .memberDead {
      if let subject = event.subject?.name, healthy.contains(subject) { found.append("\(observer.name): \(subject)") }
    }
  }
  return found
}

func explain(_ agreement: Lab.Agreement, _ lab: Lab) -> Comment {
  let ended = lab.members.filter { $0.process != nil && !$0.isRunning }
    .map { "\($0.name) has ended:\n\($0.process?.logTail() ?? "")" }
  return Comment(rawValue: (agreement.missing + ended).joined(separator: "\n"))
}

/// Five hosts, every shard owned and copied.
func mesh(world: LabWorld = .small) throws -> (Lab, [MapsReply.Shard]) {
  let options = Lab.Options(binaries: try binaries())
  let started = try LabRun(nodes: 5, options: options, world: world, say: { _ in }).start()
  return (started.lab, started.shards)
}

func owned(by member: Lab.Member, _ shards: [MapsReply.Shard]) -> Set<String> {
  Set(shards.filter { $0.owner?.name == member.name }.map(\.name))
}

/// - Parameter besides: shards in which the test itself may have written: their entries are not all the load's.
func expectClean(_ ledger: LabLedger, _ lab: Lab, besides: Set<String> = []) {
  let verdict = ledger.verify(lab, besides: besides)
  print("\(verdict.acknowledged) writes were acknowledged")
  #expect(verdict.acknowledged > 0)
  #expect(verdict.isClean, Comment(rawValue: verdict.findings.joined(separator: "\n")))
}
