import CSodium
import Hashing
package import Wire

/// ChaCha20-Poly1305 of RFC 8439 with the nonce of Noise: 4 zero bytes and a little-endian counter.
package enum ChaChaPoly {
  package static let keySize = 32
  package static let tagSize = 16
  package static let nonceSize = 12

  /// Encrypts all but the last 16 bytes of `bytes` in place and puts the tag there.
  package static func seal(
    inPlace bytes: UnsafeMutableRawBufferPointer, key: Secret, counter: UInt64,
    authenticating header: UnsafeRawBufferPointer = .none
  ) {
    withNonce(counter) { nonce in
      key.withBytes { seal(inPlace: bytes, key: $0, nonce: nonce, authenticating: header) }
    }
  }

  /// Decrypts in place and returns the plaintext (all but the last 16 bytes); `nil` when the tag is wrong; the
  /// bytes are gone then (libsodium zeroes them), so one ciphertext cannot be tried with two keys.
  package static func open(
    inPlace bytes: UnsafeMutableRawBufferPointer, key: Secret, counter: UInt64,
    authenticating header: UnsafeRawBufferPointer = .none
  ) -> UnsafeMutableRawBufferPointer? {
    withNonce(counter) { nonce in
      key.withBytes { open(inPlace: bytes, key: $0, nonce: nonce, authenticating: header) }
    }
  }

  /// As above, with a key of 32 and a nonce of 12 bytes; another size of the nonce is refused.
  package static func seal(
    inPlace bytes: UnsafeMutableRawBufferPointer, key: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer,
    authenticating header: UnsafeRawBufferPointer
  ) {
    precondition(bytes.count >= tagSize && key.count == keySize && nonce.count == nonceSize)
    let count = bytes.count - tagSize
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(
      bytes.octets, bytes.octets + count, nil, bytes.octets, UInt64(count), header.octets,
      UInt64(header.count), nil, nonce.octets, key.octets)
  }

  package static func open(
    inPlace bytes: UnsafeMutableRawBufferPointer, key: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer,
    authenticating header: UnsafeRawBufferPointer
  ) -> UnsafeMutableRawBufferPointer? {
    precondition(key.count == keySize)
    guard nonce.count == nonceSize, bytes.count >= tagSize else { return nil }
    let count = bytes.count - tagSize
    let status = crypto_aead_chacha20poly1305_ietf_decrypt_detached(
      bytes.octets, nil, bytes.octets, UInt64(count), bytes.octets + count, header.octets,
      UInt64(header.count), nonce.octets, key.octets)
    return status == 0 ? UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]) : nil
  }

  @inline(__always)
  static func withNonce<R>(_ counter: UInt64, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    let words = (UInt32(0), UInt32(truncatingIfNeeded: counter).littleEndian, UInt32(counter >> 32).littleEndian)
    return withUnsafeBytes(of: words) { body($0) }
  }
}

/// XChaCha20-Poly1305: a nonce of 24 bytes, so it may be drawn at random. Cookies are sealed with it.
package enum XChaChaPoly {
  package static let keySize = 32
  package static let tagSize = 16
  package static let nonceSize = 24

  /// Encrypts all but the last 16 bytes of `bytes` in place and puts the tag there.
  package static func seal(
    inPlace bytes: UnsafeMutableRawBufferPointer, key: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer,
    authenticating header: UnsafeRawBufferPointer
  ) {
    precondition(bytes.count >= tagSize && key.count == keySize && nonce.count == nonceSize)
    let count = bytes.count - tagSize
    crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
      bytes.octets, bytes.octets + count, nil, bytes.octets, UInt64(count), header.octets,
      UInt64(header.count), nil, nonce.octets, key.octets)
  }

  /// Decrypts in place; `nil` when the tag is wrong or the nonce does not have 24 bytes.
  package static func open(
    inPlace bytes: UnsafeMutableRawBufferPointer, key: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer,
    authenticating header: UnsafeRawBufferPointer
  ) -> UnsafeMutableRawBufferPointer? {
    precondition(key.count == keySize)
    guard nonce.count == nonceSize, bytes.count >= tagSize else { return nil }
    let count = bytes.count - tagSize
    let status = crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
      bytes.octets, nil, bytes.octets, UInt64(count), bytes.octets + count, header.octets,
      UInt64(header.count), nonce.octets, key.octets)
    return status == 0 ? UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]) : nil
  }
}

/// What a chunk of an encrypted stream says beside its bytes (`crypto_secretstream_xchacha20poly1305`).
package enum StreamTag: UInt8, Sendable {
  case message = 0
  /// Both sides derive the next key after this chunk.
  case rekey = 2
  /// The last chunk; it rekeys too.
  case final = 3
}

/// The sending half of an encrypted stream: order, loss and truncation are noticed by the other half.
package final class SealingStream {
  package static let headerSize = 24
  /// Bytes that a chunk grows by.
  package static let overhead = 17

  /// Goes before the first chunk.
  package let header: [UInt8]
  private let state: Secret

  /// `nil` when the arena is full. The header comes from `entropy`, not from libsodium, so that a simulation can be
  /// repeated: the state of both halves is a function of key and header.
  package init?(key: Secret, arena: SecretArena, entropy: any Entropy) {
    let header = [UInt8](unsafeUninitializedCapacity: SealingStream.headerSize) { buffer, count in
      count = SealingStream.headerSize
      entropy.fill(UnsafeMutableRawBufferPointer(buffer))
    }
    guard let state = header.withUnsafeBytes({ streamState(key: key, header: $0, arena: arena) }) else { return nil }
    self.header = header
    self.state = state
  }

  /// `output` has `plaintext.count` + 17 bytes and does not overlap it. `additional` is authenticated only.
  package func seal(
    _ plaintext: UnsafeRawBufferPointer, tag: StreamTag, authenticating additional: UnsafeRawBufferPointer,
    into output: UnsafeMutableRawBufferPointer
  ) {
    precondition(output.count == plaintext.count + SealingStream.overhead)
    state.withStreamState {
      _ = crypto_secretstream_xchacha20poly1305_push(
        $0, output.octets, nil, plaintext.octets, UInt64(plaintext.count), additional.octets,
        UInt64(additional.count), tag.rawValue)
    }
  }
}

/// The receiving half of an encrypted stream.
package final class OpeningStream {
  private let state: Secret

  /// `nil` when the header does not have 24 bytes or the arena is full.
  package init?(key: Secret, header: UnsafeRawBufferPointer, arena: SecretArena) {
    guard let state = streamState(key: key, header: header, arena: arena) else { return nil }
    self.state = state
  }

  /// Opens the next chunk into `output`, which has `chunk.count` − 17 bytes and does not overlap it. `nil` when it is
  /// not the next chunk of this stream, or has a tag that we do not use.
  package func open(
    _ chunk: UnsafeRawBufferPointer, authenticating additional: UnsafeRawBufferPointer,
    into output: UnsafeMutableRawBufferPointer
  ) -> StreamTag? {
    guard chunk.count >= SealingStream.overhead, output.count == chunk.count - SealingStream.overhead else {
      return nil
    }
    var tag: UInt8 = 0
    let status = state.withStreamState {
      crypto_secretstream_xchacha20poly1305_pull(
        $0, output.octets, nil, &tag, chunk.octets, UInt64(chunk.count), additional.octets, UInt64(additional.count))
    }
    return status == 0 ? StreamTag(rawValue: tag) : nil
  }
}

/// `init_pull` sets up the same state as `init_push` does for a header that it draws itself.
private func streamState(key: Secret, header: UnsafeRawBufferPointer, arena: SecretArena) -> Secret? {
  guard key.count == ChaChaPoly.keySize, header.count == SealingStream.headerSize,
    let state = arena.allocate(MemoryLayout<crypto_secretstream_xchacha20poly1305_state>.size)
  else { return nil }
  let status = state.withStreamState { state in
    key.withBytes { crypto_secretstream_xchacha20poly1305_init_pull(state, header.octets, $0.octets) }
  }
  return status == 0 ? state : nil
}

extension Secret {
  fileprivate func withStreamState<R>(
    _ body: (UnsafeMutablePointer<crypto_secretstream_xchacha20poly1305_state>) -> R
  ) -> R {
    withMutableBytes { bytes in
      bytes.withMemoryRebound(to: crypto_secretstream_xchacha20poly1305_state.self) { states in
        // The slot was allocated with this size.
        body(states.baseAddress!)
      }
    }
  }
}
