package import Hashing
package import Wire

/// The files of a rAthena tree that all hosts must have alike: each path with the first 8 bytes of BLAKE2b-256 over the
/// file. It tells accidents (an old checkout, a forgotten edit), not enemies: who runs a map-server can lie about his tree
/// anyway.
package struct TreeListing: Hashable, Sendable {
  package struct File: Hashable, Sendable {
    /// Relative to the root, `/` between the parts.
    package var path: String
    package var check: UInt64

    package init(path: String, check: UInt64) {
      self.path = path
      self.check = check
    }
  }

  /// Stock rAthena has about 2,500 such files.
  package static let fileLimit = 16_384
  package static let pathLimit = 255
  /// Directories that count. `import` folders below `conf` hold what is each host's own: addresses, passwords.
  package static let roots = ["conf", "db", "npc"]

  /// Sorted by path (bytes), each once.
  package let files: [File]

  /// Sorts. `nil` when there are too many files, one path comes twice, or a path is too long.
  package init?(_ files: [File]) {
    self.files = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    guard isCanonical else { return nil }
  }

  var isCanonical: Bool {
    files.count <= TreeListing.fileLimit
      && files.allSatisfy { (1...TreeListing.pathLimit).contains($0.path.utf8.count) }
      && zip(files, files.dropFirst()).allSatisfy { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// Whether a file of a tree belongs to the listing.
  package static func counts(_ path: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard let root = parts.first, parts.count > 1, roots.contains(String(root)) else { return false }
    // Hidden files are of editors and version control; empty parts and dots are no names.
    guard parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix(".") }) else { return false }
    return root != "conf" || !parts.dropLast().contains("import")
  }

  package static func check(_ content: UnsafeRawBufferPointer) -> UInt64 { Digest(of: content).low }

  /// BLAKE2b-256 over "tree/1" ‖ the encoded listing.
  package var digest: Digest {
    var hash = Blake2b()
    hash.update("tree/1")
    hash.update(Octets.written(encodedSizeBound) { write(to: &$0) })
    return Digest(of: hash)
  }

  package enum Difference: Hashable, Sendable {
    /// Another content.
    case changed(String)
    /// Here and not there.
    case extra(String)
    /// There and not here.
    case missing(String)

    package var path: String {
      switch self {
      case .changed(let path), .extra(let path), .missing(let path): path
      }
    }

    package var sentence: String {
      switch self {
      case .changed(let path): "\(path) has another content"
      case .extra(let path): "\(path) is not in the world's tree"
      case .missing(let path): "\(path) is missing"
      }
    }
  }

  /// Where this tree differs from the world's, in the order of the paths, at most `limit` places.
  package func differences(from world: TreeListing, limit: Int = 1) -> [Difference] {
    var result: [Difference] = []
    var own = 0
    var other = 0
    while result.count < limit, own < files.count || other < world.files.count {
      if other == world.files.count {
        result.append(.extra(files[own].path))
        own += 1
      } else if own == files.count {
        result.append(.missing(world.files[other].path))
        other += 1
      } else if files[own].path == world.files[other].path {
        if files[own].check != world.files[other].check { result.append(.changed(files[own].path)) }
        own += 1
        other += 1
      } else if files[own].path.utf8.lexicographicallyPrecedes(world.files[other].path.utf8) {
        result.append(.extra(files[own].path))
        own += 1
      } else {
        result.append(.missing(world.files[other].path))
        other += 1
      }
    }
    return result
  }

  // MARK: Encoding: count (varint), each {bytes shared with the path before 1, length of the rest 1, rest, check 8}

  var encodedSizeBound: Int { files.reduce(10) { $0 + 10 + $1.path.utf8.count } }

  package func write(to writer: inout Writer) {
    writer.varint(UInt64(files.count))
    var before: [UInt8] = []
    for file in files {
      let path = [UInt8](file.path.utf8)
      let shared = zip(before, path).prefix { $0 == $1 }.count
      writer.u8(UInt8(truncatingIfNeeded: shared))
      writer.u8(UInt8(truncatingIfNeeded: path.count - shared))
      writer.append(Array(path[shared...]))
      writer.u64(file.check)
      before = path
    }
  }

  package init(_ reader: inout Reader) throws(WireError) {
    var files: [File] = []
    var before: [UInt8] = []
    for _ in 0..<(try reader.count(atMost: TreeListing.fileLimit)) {
      let shared = Int(try reader.u8())
      guard shared <= before.count else { throw .invalid }
      let rest = try reader.take(Int(try reader.u8()))
      // As much as possible is shared: one listing has one encoding.
      if shared < before.count, rest.first == before[shared] { throw .invalid }
      let path = before[..<shared] + rest
      let text = String(decoding: path, as: UTF8.self)
      guard text.utf8.elementsEqual(path) else { throw .invalid }
      files.append(File(path: text, check: try reader.u64()))
      before = Array(path)
    }
    self.files = files
    guard isCanonical else { throw .invalid }
  }
}
