import Synchronization
import UVShim

/// The one thing of a loop that other threads may touch.
package final class Wakeup: Handle {
  /// Rings on any thread; rings that come close together are one call on the loop. After the wake-up has been closed
  /// it does nothing.
  package final class Bell: Sendable {
    private let async = Mutex<Int>(0)

    fileprivate init() {}

    fileprivate func attach(_ handle: UnsafeMutablePointer<uv_async_t>) {
      async.withLock { $0 = Int(bitPattern: handle) }
    }

    /// Nobody is inside `ring` when it returns: libuv's handle may go.
    fileprivate func detach() { async.withLock { $0 = 0 } }

    package func ring() {
      async.withLock { address in
        guard let handle = UnsafeMutablePointer<uv_async_t>(bitPattern: address) else { return }
        uv_async_send(handle)
      }
    }
  }

  package let bell = Bell()
  private var woken: (() -> Void)?

  fileprivate init(_ loop: Loop, _ woken: @escaping () -> Void) throws(UVError) {
    self.woken = woken
    super.init(loop, .wakeup, UV_ASYNC)
    let async = pointer(as: uv_async_t.self)
    let result = uv_async_init(loop.uv, async) { handle in
      guard let handle else { return }
      withHandle(handle, as: Wakeup.self) { me in
        guard me.isOpen else { return }
        me.loop.wakeUp()
        me.woken?()
      }
    }
    try adopt(result)
    bell.attach(async)
  }

  override func willClose() { bell.detach() }
  override func didClose() { woken = nil }
}

extension Loop {
  /// `woken` runs on the loop after `bell.ring()` on any thread.
  package func wakeup(_ woken: @escaping () -> Void) throws(UVError) -> Wakeup { try Wakeup(self, woken) }
}
