import UVShim

/// An error of libuv or of the system under it.
package struct UVError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Negative, as libuv gives it: on Linux a negated `errno`, or a number of libuv's own (`endOfFile`, name look-ups).
  package let code: Int32

  package init(code: Int32) { self.code = code }

  init(_ error: uv_errno_t) { code = error.rawValue }

  /// The symbol, `ECONNREFUSED`.
  package var name: String { text(uv_err_name_r) }
  /// The sentence, `connection refused`.
  package var message: String { text(uv_strerror_r) }
  package var description: String { "\(message) (\(name))" }

  package static let addressInUse = UVError(UV_EADDRINUSE)
  package static let again = UVError(UV_EAGAIN)
  package static let busy = UVError(UV_EBUSY)
  package static let cancelled = UVError(UV_ECANCELED)
  package static let connectionRefused = UVError(UV_ECONNREFUSED)
  package static let connectionReset = UVError(UV_ECONNRESET)
  package static let endOfFile = UVError(UV_EOF)
  package static let exists = UVError(UV_EEXIST)
  package static let fileTooLarge = UVError(UV_EFBIG)
  package static let invalid = UVError(UV_EINVAL)
  package static let nameTooLong = UVError(UV_ENAMETOOLONG)
  package static let noBufferSpace = UVError(UV_ENOBUFS)
  package static let noSpace = UVError(UV_ENOSPC)
  package static let noSuchProcess = UVError(UV_ESRCH)
  package static let notFound = UVError(UV_ENOENT)
  package static let notPermitted = UVError(UV_EPERM)
  package static let outOfMemory = UVError(UV_ENOMEM)
  package static let timedOut = UVError(UV_ETIMEDOUT)
  package static let tooManyFiles = UVError(UV_EMFILE)

  // The variants without `_r` leak for numbers that libuv does not know.
  private func text(
    _ describe: (Int32, UnsafeMutablePointer<CChar>?, Int) -> UnsafeMutablePointer<CChar>?
  ) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
      guard let base = buffer.baseAddress, let filled = describe(code, base, buffer.count) else { return "\(code)" }
      return String(cString: filled)
    }
  }
}

/// Turns a negative result into an error.
@discardableResult
func checked(_ result: Int32) throws(UVError) -> Int32 {
  if result < 0 { throw UVError(code: result) }
  return result
}
