import Configuration
package import Control
import EventLoop
import Glibc
package import Hashing
import KeyStore
import Wire
package import WorldData

/// Worlds on the disk of a node. All calls block: they run on the pool, one at a time, in order.
///
/// ```
/// data/worlds/            0700
///   state                 active and newest version, with a check
///   3.document            the signed document of a version
///   objects/9402de16…     the cells of one map, by content address
/// ```
///
/// Every file is written whole or not at all. A document proves itself by its signature, an object by its address; what
/// is damaged is set aside under a name that says so, and comes again from peers.
package struct WorldFiles: Sendable {
  package let folder: String

  private static let documentEnding = ".document"
  /// Names of objects are addresses.
  private static let addressDigits = Digest.size * 2

  package init(dataFolder: String) { folder = dataFolder + "/worlds" }

  private var objectFolder: String { folder + "/objects" }
  private var statePath: String { folder + "/state" }
  private func path(of version: UInt64) -> String { "\(folder)/\(version)\(WorldFiles.documentEnding)" }
  private func path(of address: Digest) -> String { "\(objectFolder)/\(address.hex)" }

  // MARK: Start

  /// What was there, for `WorldStore.recover`.
  package struct Found: Sendable {
    package var state = WorldState()
    package var documents: [[UInt8]] = []
    package var objects: Set<Digest> = []
    /// Files that were of no use and have been set aside.
    package var notices: [SavedState.Notice] = []
  }

  /// Reads everything and verifies every object: about a second for a stock world.
  package func load() throws(Fault) -> Found {
    try PrivateFile.makeFolder(folder)
    try PrivateFile.makeFolder(objectFolder)
    var found = Found()
    if let state = try readState(&found.notices) { found.state = state }
    for name in try names(in: folder) where name.hasSuffix(WorldFiles.documentEnding) {
      let document = try PrivateFile.read("\(folder)/\(name)", limit: World.sizeLimit) { [UInt8]($0) }
      if let document { found.documents.append(document) }
    }
    for name in try names(in: objectFolder) {
      // Leftovers of a write that was cut off, and files that were set aside, are no objects.
      guard name.utf8.count == WorldFiles.addressDigits, let address = Digest(hex: name) else {
        if name.hasPrefix(".") { unlink("\(objectFolder)/\(name)") }
        continue
      }
      if object(address) != nil {
        found.objects.insert(address)
      } else {
        found.notices.append(
          try StateFolder.setAside(path(of: address), because: "the cells are not those of its name"))
      }
    }
    return found
  }

  private func readState(_ notices: inout [SavedState.Notice]) throws(Fault) -> WorldState? {
    // {state, first 8 bytes of BLAKE2b-256 over it}
    let bytes = try PrivateFile.read(statePath, limit: WorldState.sizeLimit + 8) { [UInt8]($0) }
    guard let bytes else { return nil }
    let state = bytes.withUnsafeBytes { bytes -> WorldState? in
      var reader = Reader(bytes)
      guard let body = try? reader.take(max(0, bytes.count - 8)), let check = try? reader.u64(),
        check == Digest(of: body).low
      else { return nil }
      var inner = Reader(body)
      return try? WorldState(&inner)
    }
    if state == nil { notices.append(try StateFolder.setAside(statePath, because: "its check is wrong")) }
    return state
  }

  private func names(in folder: String) throws(Fault) -> [String] {
    guard let directory = opendir(folder) else {
      throw Fault(.cannotRead, ["file": folder, "reason": String(cString: strerror(errno))], at: folder)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  // MARK: Objects

  /// The encoding of an object, if it is there and whole.
  package func object(_ address: Digest) -> [UInt8]? {
    let limit = MapObject.streamLimit + MapObject.overhead
    let bytes = try? PrivateFile.read(path(of: address), limit: limit) { bytes throws(Fault) -> [UInt8]? in
      var reader = Reader(bytes)
      guard let object = try? MapObject(&reader), reader.isAtEnd, object.address == address else { return nil }
      return [UInt8](bytes)
    }
    return bytes.flatMap(\.self)
  }

  /// A batch of what a peer asked for. Objects that are damaged or gone come back in `lost`: they are told to the
  /// core, which fetches them again.
  package func batch(_ serve: WorldEffects.Serve, of world: World) -> (bytes: [UInt8]?, lost: [Digest]) {
    var lost: [Digest] = []
    let bytes = ObjectBatch.encode(serve.mark, of: world, maps: serve.maps) { address in
      let bytes = object(address)
      if bytes == nil { lost.append(address) }
      return bytes
    }
    for address in lost { _ = try? StateFolder.setAside(path(of: address), because: "") }
    return (bytes, lost)
  }

  /// Which of these are not whole: they are set aside.
  package func scrub(_ addresses: [Digest]) -> [Digest] {
    let lost = addresses.filter { object($0) == nil }
    for address in lost { _ = try? StateFolder.setAside(path(of: address), because: "") }
    return lost
  }

  // MARK: Writing

  /// Makes durable what the core asks for.
  package func keep(_ content: WorldEffects.Persist.Content) throws(Fault) {
    switch content {
    case .document(let world): try write(world.bytes, to: path(of: world.mark.version))
    case .objects(let objects): try keep(objects)
    case .state(let state):
      let body = bytes(WorldState.sizeLimit) { state.write(to: &$0) }
      try write(body + bytes(8) { $0.u64(body.withUnsafeBytes { Digest(of: $0) }.low) }, to: statePath)
    case .forget(let worlds, let objects):
      for world in worlds { unlink(path(of: world.version)) }
      for address in objects { unlink(path(of: address)) }
    }
  }

  /// One sync for all of them: an object proves itself by its address, so one that a crash has cut short is noticed.
  private func keep(_ objects: [MapObject]) throws(Fault) {
    let missing = objects.filter { object($0.address) == nil }
    guard !missing.isEmpty else { return }
    for object in missing { try write(object.encoded, to: path(of: object.address), isDurable: false) }
    do throws(UVError) {
      let folder = try File.open(objectFolder, [.read])
      defer { folder.close() }
      try folder.synchronizeAll()
    } catch {
      throw Fault(.stateNotWritten, ["file": objectFolder, "reason": error.message], at: objectFolder)
    }
  }

  /// A world file of an operator, everything in it verified but the signature.
  ///
  /// - Parameter user: who asked. The file must be his, or readable for all: a node does not read for somebody what he may
  ///   not read himself.
  package func bundle(_ file: String, askedBy user: UInt32) throws(Fault) -> WorldBundle {
    let content: [UInt8]
    switch SystemFiles().read(file, limit: WorldBundle.sizeLimit) {
    case .found(let facts, let bytes):
      guard facts.isRegular else { throw Fault(.fileKind, ["file": file, "kind": "no regular file"], at: file) }
      guard facts.owner == user || user == 0 || facts.mode & 0o004 != 0 else {
        throw Fault(
          .fileMode,
          [
            "file": file, "reason": "belongs to user \(facts.owner), not to user \(user) who asks",
            "fix": "ls -l \(file)",
          ],
          at: file)
      }
      content = bytes
    case .missing: throw Fault(.cannotRead, ["file": file, "reason": "there is no such file"], at: file)
    case .failed(let reason): throw Fault(.cannotRead, ["file": file, "reason": reason], at: file)
    }
    do throws(WorldBundle.Failure) {
      return try WorldBundle(content)
    } catch {
      throw Fault(.worldFile, ["file": file, "reason": error.cause], at: file)
    }
  }

  /// Writes a stock map cache of these maps for the local map-server, which may not be this user.
  package func writeMapCache(_ maps: [WorldMap], to path: String) throws(Fault) {
    var objects: [(name: MapName, object: MapObject)] = []
    for map in maps {
      guard let bytes = object(map.address), let object = WorldFiles.decode(bytes) else {
        throw Fault(
          .fileDamaged, ["file": self.path(of: map.address), "reason": "the cells of \(map.name) are not there whole"],
          at: self.path(of: map.address))
      }
      objects.append((map.name, object))
    }
    let bytes = MapCache.bytes(of: objects)
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(Fault) in try PrivateFile.write(path, bytes, replacing: .always, mode: 0o644) }
    }
    try result.get()
  }

  private static func decode(_ bytes: [UInt8]) -> MapObject? {
    bytes.withUnsafeBytes { bytes in
      var reader = Reader(bytes)
      return try? MapObject(&reader)
    }
  }

  private func write(_ bytes: [UInt8], to path: String, isDurable: Bool = true) throws(Fault) {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(Fault) in try PrivateFile.write(path, bytes, replacing: .always, isDurable: isDurable) }
    }
    try result.get()
  }

  private func bytes(_ room: Int, _ body: (inout Writer) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
      var writer = Writer(UnsafeMutableRawBufferPointer(buffer))
      body(&writer)
      count = writer.count
    }
  }
}
