import UVShim

/// A signal that arrives as a call on the loop.
package final class SignalWatch: Handle {
  package let signal: Int32
  private var arrived: (() -> Void)?

  fileprivate init(_ loop: Loop, signal: Int32, _ arrived: @escaping () -> Void) throws(UVError) {
    self.signal = signal
    self.arrived = arrived
    super.init(loop, .signal, UV_SIGNAL)
    try adopt(uv_signal_init(loop.uv, pointer(as: uv_signal_t.self)))
  }

  fileprivate func start() throws(UVError) {
    let result = uv_signal_start(
      pointer(as: uv_signal_t.self),
      { handle, _ in
        guard let handle else { return }
        withHandle(handle, as: SignalWatch.self) { me in
          me.loop.wakeUp()
          me.arrived?()
        }
      }, signal)
    try checked(result)
  }

  override func didClose() { arrived = nil }
}

extension Loop {
  /// Calls for each signal of this kind that the process gets, until the watch is closed.
  package func watch(signal: Int32, _ arrived: @escaping () -> Void) throws(UVError) -> SignalWatch {
    let watch = try SignalWatch(self, signal: signal, arrived)
    do throws(UVError) {
      try watch.start()
    } catch {
      watch.close()
      throw error
    }
    return watch
  }
}
