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
  /// What is written where: the state files, and the certificate among the keys.
  private struct Slot {
    let path: String
    /// `nil` for the certificate, which lies there as it is.
    let file: StateFile?
    /// What waits to be written, and whose persists it includes.
    var content: [UInt8]?
    var waiting: [UInt64] = []
  }

  package private(set) var writes: UInt64 = 0
  package private(set) var failures: UInt64 = 0
  /// The failure of the last write; `nil` after one that succeeded.
  package private(set) var lastFault: Fault?

  package weak var client: (any DiskClient)?
  private let host: HostID
  private let lane: Lane
  private var slots: [Slot]
  private var isWriting = false
  /// Called once nothing waits and nothing is in flight.
  private var whenIdle: (() -> Void)?

  /// All revocations that this host has adopted: a file holds them all.
  private var revocations: [[UInt8]]
  /// When the certificate on disk, or on its way there, begins.
  private var certificateStart: UInt64

  /// `certificate` begins at `certificateStart` (Unix seconds) and lies at `certificatePath`, where a renewed one goes.
  package init(
    _ loop: Loop, folder: String, certificatePath: String, certificateStart: UInt64, host: HostID, state: SavedState
  ) {
    self.host = host
    lane = loop.lane(atOnce: 1, waiting: 1)
    slots =
      StateFile.allCases.map { Slot(path: StateFolder.path(of: $0, in: folder), file: $0) } + [
        Slot(path: certificatePath, file: nil)
      ]
    revocations = state.revocations
    self.certificateStart = certificateStart
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

  /// Nothing waits for them: they count at once, and a restart finds what was written last.
  package func keep(orders: [UInt8]) { put(orders, in: .orders, nil) }

  private func keepRevocation(_ revocation: [UInt8], _ token: UInt64) {
    if !revocations.contains(revocation) {
      guard revocations.count < StateBody.revocationLimit, revocation.count <= StateBody.revocationSizeLimit else {
        return refuse(token, index(of: .revocations), "\(revocations.count) are kept already")
      }
      revocations.append(revocation)
    }
    put(StateBody.revocations(revocations), in: .revocations, token)
  }

  /// Of two renewals the one that starts later stays, in whatever order they come.
  private func keepCertificate(_ certificate: [UInt8], _ token: UInt64) {
    guard let start = (try? certificate.withUnsafeBytes { try Certificate($0) })?.notBefore else {
      return refuse(token, index(of: nil), "not a certificate")
    }
    if start < certificateStart {
      client?.persisted(token)
      return
    }
    certificateStart = start
    put(certificate, in: nil, token)
  }

  private func refuse(_ token: UInt64, _ index: Int, _ reason: String) {
    client?.persistFailed(token, Fault(.stateNotWritten, ["file": slots[index].path, "reason": reason]))
  }

  private func index(of file: StateFile?) -> Int { file.map { Int($0.rawValue) - 1 } ?? slots.count - 1 }

  private func put(_ content: [UInt8], in file: StateFile?, _ token: UInt64?) {
    let index = index(of: file)
    slots[index].content = content
    if let token { slots[index].waiting.append(token) }
    writeNext()
  }

  private func writeNext() {
    guard !isWriting else { return }
    guard let index = slots.firstIndex(where: { $0.content != nil }), let content = slots[index].content else {
      let idle = whenIdle
      whenIdle = nil
      idle?()
      return
    }
    let tokens = slots[index].waiting
    let path = slots[index].path
    let bytes = slots[index].file.map { StateEnvelope.wrap($0, of: host, content) } ?? content
    slots[index].content = nil
    slots[index].waiting = []
    isWriting = true
    let ending = Fault(.stateNotWritten, ["file": path, "reason": "the node is ending"])
    let hasBegun = lane.run({ Disk.write(path, bytes) }) { [weak self] outcome in
      self?.ended(tokens, outcome ?? ending)
    }
    if !hasBegun { ended(tokens, ending) }
  }

  /// On the pool. `nil`: written.
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
      for token in tokens { client?.persistFailed(token, fault) }
    } else {
      for token in tokens { client?.persisted(token) }
    }
    writeNext()
  }

  /// Calls back once everything that was asked for is durable or has failed.
  package func whenIdle(_ done: @escaping () -> Void) {
    whenIdle = done
    writeNext()
  }
}
