package import Control
import Glibc
import KeyStore
package import NodeCore
import SecureChannel
package import Wire

/// What a node knew when it ran last.
package struct SavedState {
  package var generation: UInt64 = 0
  package var labelFloor: UInt64 = 0
  /// `nil`: this data directory is new.
  package var store: UInt64?
  /// The file with the store's id was damaged, and was this host's: the store itself may still name it.
  package var isStoreDamaged = false
  /// As `OrderBook` has them.
  package var orders: [UInt8]?
  package var peers: [KnownPeer] = []
  package var revocations: [[UInt8]] = []
  /// Files that were of no use and have been set aside, for the log.
  package var notices: [Notice] = []

  package struct Notice: Equatable, Sendable {
    package var file: String
    package var reason: String
    /// Where it is now.
    package var movedTo: String
  }

  /// Reads the state of `host` from its data folder. Missing files are what a first start looks like.
  ///
  /// A file that others may change is refused (`security.md` 3.10). A damaged one, or one of another host, is set aside
  /// under a name that says so, except for the indispensable ones, which are refused when damaged.
  package init(folder: String, host: HostID) throws(Fault) {
    for file in StateFile.allCases {
      let path = StateFolder.path(of: file, in: folder)
      StateFolder.removeLeftovers(of: file, in: folder)
      let content: [UInt8]?
      do throws(Fault) {
        content = try PrivateFile.read(path, limit: file.sizeLimit) { bytes throws(Fault) in
          do throws(StateEnvelope.Damage) {
            return try StateEnvelope.unwrap(file, of: host, bytes)
          } catch {
            throw SavedState.fault(error, path)
          }
        }
        guard let content else { continue }
        guard take(content, of: file) else {
          throw Fault(.fileDamaged, ["file": path, "reason": "its content is not as it should be"], at: path)
        }
      } catch {
        let isForeign = error.evidence.contains(SavedState.foreign)
        guard error.code == ErrorCode.fileDamaged.rawValue, isForeign || !file.isIndispensable else {
          throw SavedState.withRemedy(error, file, path)
        }
        if file == .store, !isForeign { isStoreDamaged = true }
        notices.append(try StateFolder.setAside(path, because: error.sentence))
      }
    }
  }

  package init() {}

  private static let foreign = "the file names another host"

  private static func fault(_ damage: StateEnvelope.Damage, _ path: String) -> Fault {
    switch damage {
    case .torn(let reason): Fault(.fileDamaged, ["file": path, "reason": reason], at: path)
    case .ofAnotherHost(let host):
      Fault(
        .fileDamaged, ["file": path, "reason": "it is the state of host \(host)"], at: path, evidence: [foreign])
    }
  }

  private static func withRemedy(_ fault: Fault, _ file: StateFile, _ path: String) -> Fault {
    guard fault.code == ErrorCode.fileDamaged.rawValue else { return fault }
    var fault = fault
    fault.notes.append(
      "without its revocations a node would trust keys that the operator has withdrawn; to go on without them "
        + "(peers bring them again): mv \(path) \(path).damaged")
    return fault
  }

  /// False for content that does not parse.
  private mutating func take(_ content: [UInt8], of file: StateFile) -> Bool {
    switch file {
    case .generation: assign(StateBody.number(from: content), to: \.generation)
    case .labelFloor: assign(StateBody.number(from: content), to: \.labelFloor)
    case .orders: assign(content, to: \.orders)
    case .store: assign(StateBody.number(from: content), to: \.store)
    case .peers: assign(StateBody.peers(from: content), to: \.peers)
    case .revocations: assign(StateBody.revocations(from: content), to: \.revocations)
    }
  }

  private mutating func assign<Value>(_ value: Value?, to path: WritableKeyPath<SavedState, Value>) -> Bool {
    guard let value else { return false }
    self[keyPath: path] = value
    return true
  }
}

/// Where the state files are, and what happens to broken ones.
enum StateFolder {
  static func path(of file: StateFile, in folder: String) -> String { "\(folder)/\(file.name)" }

  /// What a process that was killed while it wrote left behind: never renamed, so never valid.
  static func removeLeftovers(of file: StateFile, in folder: String) {
    guard let directory = opendir(folder) else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      let prefix = ".\(file.name)."
      if name.hasPrefix(prefix), Int(name.dropFirst(prefix.utf8.count)) != nil { unlink("\(folder)/\(name)") }
    }
  }

  static func setAside(_ path: String, because reason: String) throws(Fault) -> SavedState.Notice {
    let target = path + ".damaged"
    guard rename(path, target) == 0 else {
      throw Fault(.cannotWrite, ["file": path, "reason": String(cString: strerror(errno))], at: path)
    }
    return SavedState.Notice(file: path, reason: reason, movedTo: target)
  }
}
