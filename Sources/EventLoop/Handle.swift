import UVShim

/// Something that a loop watches. Open until `close()`; its C struct lives until libuv has let go of it, and while it
/// is open it keeps its Swift object alive (one reference taken when opened, given back in libuv's close callback).
///
/// All handles belong to the thread of their loop.
package class Handle {
  package enum Kind: String, CaseIterable, Sendable {
    case datagrams, stream, listener, child, signal, wakeup
  }

  private enum State { case raw, open, closing, closed }

  package let loop: Loop
  package let kind: Kind
  /// For whoever uses the handle: a number by which to find what belongs to it. Never read here.
  package var tag: UInt64 = 0

  let base: UnsafeMutablePointer<uv_handle_t>
  private var state = State.raw

  package final var isOpen: Bool { state == .open }

  /// Only the C struct's memory; `adopt` opens it.
  init(_ loop: Loop, _ kind: Kind, _ type: uv_handle_type) {
    self.loop = loop
    self.kind = kind
    base = UnsafeMutableRawPointer.allocate(byteCount: uv_handle_size(type), alignment: 16)
      .assumingMemoryBound(to: uv_handle_t.self)
  }

  deinit {
    switch state {
    case .raw: UnsafeMutableRawPointer(base).deallocate()
    case .open, .closing: preconditionFailure("a \(kind) was dropped while open")
    case .closed: break
    }
  }

  /// Takes the result of `uv_…_init`. From here on the handle has to be closed.
  final func adopt(_ result: Int32) throws(UVError) {
    try checked(result)
    state = .open
    base.pointee.data = Unmanaged.passRetained(self).toOpaque()
    loop.handleOpened(kind)
  }

  /// Stops everything and gives the handle's resources back. Calls of its client end, except for a last `closed` where
  /// a client has one. Closing twice is harmless.
  package final func close() {
    guard state == .open else { return }
    state = .closing
    willClose()
    uv_close(base) { handle in
      guard let handle, let data = handle.pointee.data else { return }
      let me = Unmanaged<Handle>.fromOpaque(data).takeRetainedValue()
      me.state = .closed
      UnsafeMutableRawPointer(handle).deallocate()
      me.loop.handleClosed(me.kind)
      me.didClose()
    }
  }

  /// Before the handle closes, still usable.
  func willClose() {}
  /// The handle is closed, nothing calls any more: drop clients, closures, descriptors.
  func didClose() {}
  /// A timeout set by `Loop.setTimeout` has passed.
  func timedOut() {}

  final func pointer<T>(as type: T.Type) -> UnsafeMutablePointer<T> {
    UnsafeMutableRawPointer(base).assumingMemoryBound(to: T.self)
  }
}

/// Runs `body` with the Swift object of a C handle, without touching its reference count.
@inline(__always)
func withHandle<H: Handle, R>(_ pointer: UnsafeMutableRawPointer, as type: H.Type, _ body: (H) -> R) -> R? {
  // Every handle begins with `data`.
  guard let data = pointer.assumingMemoryBound(to: uv_handle_t.self).pointee.data else { return nil }
  return Unmanaged<H>.fromOpaque(data)._withUnsafeGuaranteedRef { body($0) }
}
