package import Control
package import EventLoop
import KeyStore
package import NodeCore
import SecureChannel
package import Wire

/// Hears which persists are durable and which failed.
package protocol DiskClient: AnyObject {
  func persisted(_ token: UInt64)
  func persistFailed(_ token: UInt64, _ fault: Fault)
}

/// Makes a node's state durable: one write in flight at a time, on the pool, and for each file only the newest content
/// is written. A persist is durable when a content that includes it is.
package final class Disk {
  private struct Slot {
    /// What waits to be written, and whose persists it includes.
    var content: [UInt8]?
    var waiting: [UInt64] = []
  }

  package private(set) var writes: UInt64 = 0
  package private(set) var failures: UInt64 = 0
  /// The failure of the last write; `nil` after one that succeeded.
  package private(set) var lastFault: Fault?

  private unowned let client: any DiskClient
  private let folder: String
  private let host: HostID
  private let lane: Lane
  private var slots = [Slot](repeating: Slot(), count: StateFile.allCases.count)
  private var isWriting = false
  /// Called once nothing waits and nothing is in flight.
  private var whenIdle: (() -> Void)?

  /// All revocations that this host has adopted: a file holds them all.
  private var revocations: [[UInt8]]
  private var certificateStart: UInt64

  package init(_ loop: Loop, folder: String, host: HostID, state: SavedState, client: any DiskClient) {
    self.client = client
    self.folder = folder
    self.host = host
    lane = loop.lane(atOnce: 1, waiting: 1)
    revocations = state.revocations
    certificateStart = state.certificate.flatMap(Disk.start(ofCertificate:)) ?? 0
  }

  package func keep(_ content: NodeEffects.Persist.Content, token: UInt64) {
    switch content {
    case .generation(let generation): put(StateBody.number(generation), in: .generation, token)
    case .labelFloor(let floor): put(StateBody.number(floor), in: .labelFloor, token)
    case .peers(let peers): put(StateBody.peers(peers), in: .peers, token)
    case .revocation(let revocation): keepRevocation(revocation, token)
    case .certificate(let certificate): keepCertificate(certificate, token)
    }
  }

  private func keepRevocation(_ revocation: [UInt8], _ token: UInt64) {
    if !revocations.contains(revocation) {
      guard revocations.count < StateBody.revocationLimit, revocation.count <= StateBody.revocationSizeLimit else {
        let limit = Fault(
          .stateNotWritten,
          ["file": StateFolder.path(of: .revocations, in: folder), "reason": "\(revocations.count) are kept already"])
        return client.persistFailed(token, limit)
      }
      revocations.append(revocation)
    }
    put(StateBody.revocations(revocations), in: .revocations, token)
  }

  /// Of two renewals the one that starts later stays, in whatever order they come.
  private func keepCertificate(_ certificate: [UInt8], _ token: UInt64) {
    guard let start = Disk.start(ofCertificate: certificate) else {
      return client.persistFailed(
        token,
        Fault(
          .stateNotWritten, ["file": StateFolder.path(of: .certificate, in: folder), "reason": "not a certificate"])
      )
    }
    if start < certificateStart { return client.persisted(token) }
    certificateStart = start
    put(certificate, in: .certificate, token)
  }

  private static func start(ofCertificate bytes: [UInt8]) -> UInt64? {
    (try? bytes.withUnsafeBytes { try Certificate($0) })?.notBefore
  }

  private func put(_ content: [UInt8], in file: StateFile, _ token: UInt64) {
    let index = Int(file.rawValue) - 1
    slots[index].content = content
    slots[index].waiting.append(token)
    writeNext()
  }

  /// Files in their order; a file that changes again while others wait comes after them, as its slot was emptied.
  private func writeNext() {
    guard !isWriting else { return }
    guard let file = StateFile.allCases.first(where: { slots[Int($0.rawValue) - 1].content != nil }) else {
      let idle = whenIdle
      whenIdle = nil
      idle?()
      return
    }
    let index = Int(file.rawValue) - 1
    let tokens = slots[index].waiting
    let bytes = StateEnvelope.wrap(file, of: host, slots[index].content ?? [])
    slots[index] = Slot()
    let path = StateFolder.path(of: file, in: folder)
    isWriting = true
    let begun = lane.run({ Disk.write(path, bytes) }) { [weak self] outcome in
      self?.ended(tokens, outcome ?? Fault(.stateNotWritten, ["file": path, "reason": "the node is ending"]))
    }
    if !begun { ended(tokens, Fault(.stateNotWritten, ["file": path, "reason": "the node is ending"])) }
  }

  /// On the pool. `.some(nil)`: written.
  private static func write(_ path: String, _ bytes: [UInt8]) -> Fault? {
    bytes.withUnsafeBytes { bytes in
      do throws(Fault) {
        try PrivateFile.write(path, bytes, replacing: .always)
        return nil
      } catch {
        return error
      }
    }
  }

  private func ended(_ tokens: [UInt64], _ fault: Fault?) {
    isWriting = false
    writes &+= 1
    lastFault = fault
    if let fault {
      failures &+= 1
      for token in tokens { client.persistFailed(token, fault) }
    } else {
      for token in tokens { client.persisted(token) }
    }
    writeNext()
  }

  /// Calls back once everything that was asked for is durable or has failed.
  package func whenIdle(_ done: @escaping () -> Void) {
    whenIdle = done
    writeNext()
  }
}
