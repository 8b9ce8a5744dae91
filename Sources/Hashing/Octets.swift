extension UnsafeRawBufferPointer {
  /// No bytes.
  package static var none: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

  /// What libsodium's functions take. They want an address even for no bytes, and do not follow it then.
  package var octets: UnsafePointer<UInt8> {
    (baseAddress ?? nowhere).assumingMemoryBound(to: UInt8.self)
  }
}

extension UnsafeMutableRawBufferPointer {
  package var octets: UnsafeMutablePointer<UInt8> {
    (baseAddress ?? UnsafeMutableRawPointer(mutating: nowhere)).assumingMemoryBound(to: UInt8.self)
  }
}

private var nowhere: UnsafeRawPointer { UnsafeRawPointer(bitPattern: 64).unsafelyUnwrapped }
