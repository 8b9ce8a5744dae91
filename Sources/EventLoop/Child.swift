import UVShim

/// How to start a program.
package struct ChildPlan: Sendable {
  package enum Standard: Sendable {
    /// /dev/null
    case null
    /// What this process has itself.
    case inherited
    /// A pipe whose other end is one of `Child`'s streams.
    case piped
  }

  /// Found along PATH when it has no slash.
  package var executable: String
  /// Without the program's own name.
  package var arguments: [String]
  /// `NAME=value`; `nil`: as this process.
  package var environment: [String]?
  package var directory: String?
  package var input = Standard.null
  package var output = Standard.inherited
  package var errors = Standard.inherited
  /// A session of its own: signals of our terminal (Ctrl-C) do not reach it.
  package var ownSession = true
  /// SIGKILL when the thread of the loop ends, however it ends.
  package var diesWithParent = true
  /// Undo `Hardening.forbidCoreDumps` for the child.
  package var allowsCoreDumps = true

  package init(_ executable: String, _ arguments: [String] = []) {
    self.executable = executable
    self.arguments = arguments
  }
}

package enum ChildExit: Hashable, Sendable {
  case code(Int32)
  case signal(Int32)
}

/// A child process. The handle closes by itself after the exit was told; its pipes are streams of their own and have to
/// be closed by their client (they end when the child, and whoever inherited them, ends).
package final class Child: Handle {
  package private(set) var processID: Int32 = 0
  package private(set) var exit: ChildExit?
  /// Our ends of the pipes that the plan asked for.
  package private(set) var input: Stream?
  package private(set) var output: Stream?
  package private(set) var errors: Stream?

  private var exited: ((Child, ChildExit) -> Void)?

  fileprivate init(_ loop: Loop, _ exited: @escaping (Child, ChildExit) -> Void) {
    self.exited = exited
    super.init(loop, .child, UV_PROCESS)
  }

  /// Throws `noSuchProcess` when it has ended already.
  package func kill(signal: Int32) throws(UVError) {
    guard isOpen, exit == nil else { throw .noSuchProcess }
    try checked(uv_process_kill(pointer(as: uv_process_t.self), signal))
  }

  fileprivate func start(_ plan: ChildPlan, pipes: (any StreamClient)?) throws(UVError) {
    var standard = [uv_stdio_container_t](repeating: uv_stdio_container_t(), count: 3)
    var streams: [Stream] = []
    do throws(UVError) {
      input = try connect(plan.input, descriptor: 0, in: &standard[0], pipes != nil)
      if let input { streams.append(input) }
      output = try connect(plan.output, descriptor: 1, in: &standard[1], pipes != nil)
      if let output { streams.append(output) }
      errors = try connect(plan.errors, descriptor: 2, in: &standard[2], pipes != nil)
      if let errors { streams.append(errors) }
      try spawn(plan, &standard)
    } catch {
      for stream in streams { stream.discard() }
      throw error
    }
    processID = pointer(as: uv_process_t.self).pointee.pid
    guard let pipes else { return }
    for stream in streams {
      stream.setClient(pipes)
      stream.established()
    }
  }

  private func connect(
    _ standard: ChildPlan.Standard, descriptor: Int32, in container: inout uv_stdio_container_t, _ hasClient: Bool
  ) throws(UVError) -> Stream? {
    switch standard {
    case .null: uvshim_stdio_ignore(&container)
    case .inherited: uvshim_stdio_inherit(&container, descriptor)
    case .piped:
      precondition(hasClient, "piped standard streams need a client")
      let stream = try Stream(loop, .unix)
      uvshim_stdio_pipe(&container, stream.pointer(as: uv_stream_t.self))
      return stream
    }
    return nil
  }

  private func spawn(_ plan: ChildPlan, _ standard: inout [uv_stdio_container_t]) throws(UVError) {
    let arguments = CStrings([plan.executable] + plan.arguments)
    let environment = plan.environment.map { CStrings($0) }
    let flags =
      (plan.diesWithParent ? UVSHIM_DIE_WITH_PARENT : 0)
      | (plan.allowsCoreDumps ? UVSHIM_ALLOW_CORE_DUMPS : 0)
    var options = uv_process_options_t()
    options.args = arguments.pointers
    options.env = environment?.pointers
    options.flags = plan.ownSession ? UV_PROCESS_DETACHED.rawValue : 0
    options.exit_cb = { process, status, signal in
      guard let process else { return }
      withHandle(process, as: Child.self) { $0.ended(status: status, signal: signal) }
    }
    let process = pointer(as: uv_process_t.self)
    let result = plan.executable.withCString { file in
      options.file = file
      return standard.withUnsafeMutableBufferPointer { standard in
        options.stdio = standard.baseAddress
        options.stdio_count = Int32(standard.count)
        guard let directory = plan.directory else { return uvshim_spawn(loop.uv, process, &options, Int32(flags)) }
        return directory.withCString { path in
          options.cwd = path
          return uvshim_spawn(loop.uv, process, &options, Int32(flags))
        }
      }
    }
    // Also a failed spawn leaves a handle that libuv wants to close.
    try adopt(0)
    if result < 0 {
      exited = nil
      close()
      throw UVError(code: result)
    }
  }

  private func ended(status: Int64, signal: Int32) {
    loop.wakeUp()
    let exit: ChildExit = signal != 0 ? .signal(signal) : .code(Int32(truncatingIfNeeded: status))
    self.exit = exit
    exited?(self, exit)
    close()
  }

  override func didClose() {
    exited = nil
    input = nil
    output = nil
    errors = nil
  }
}

extension Loop {
  /// Starts a program; `pipes` is the client of its piped standard streams. `exited` is called once when it has ended,
  /// unless the handle is closed before.
  package func spawn(
    _ plan: ChildPlan, pipes: (any StreamClient)? = nil, exited: @escaping (Child, ChildExit) -> Void
  ) throws(UVError) -> Child {
    let child = Child(self, exited)
    try child.start(plan, pipes: pipes)
    return child
  }
}

/// A list of C strings with a `NULL` behind, for the time of a call.
private final class CStrings {
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ strings: [String]) {
    count = strings.count
    pointers = .allocate(capacity: count + 1)
    for (index, string) in strings.enumerated() {
      let bytes = string.utf8CString
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
      bytes.withUnsafeBufferPointer { copy.initialize(from: $0.baseAddress.unsafelyUnwrapped, count: bytes.count) }
      pointers[index] = copy
    }
    pointers[count] = nil
  }

  deinit {
    for index in 0..<count { pointers[index]?.deallocate() }
    pointers.deallocate()
  }
}
