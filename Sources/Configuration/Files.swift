/// Finds and reads the files of a configuration, and refuses those that should not be trusted.
struct FileReader<Source: FileSource> {
  let source: Source
  /// By file (device and inode), with the place in which it was asked for.
  private var known: [FileKey: Int] = [:]
  /// The texts read so far, in the order in which their reading began.
  private(set) var texts: [SourceText] = []
  /// The files that are being read now, the outermost first.
  private var chain: [FileKey] = []

  private struct FileKey: Hashable {
    var device: UInt64
    var inode: UInt64
  }

  /// Why a file was not read; the caller knows the place.
  struct Refusal: Error {
    var code: MessageCode
    var text: String
    var help: String?
  }

  init(source: Source) { self.source = source }

  /// Reads `path`, asked for by the file `importer`; `nil` for the first file. Returns the index in `texts`.
  mutating func read(_ path: String, importedBy importer: String?) throws(Refusal) -> Int {
    guard texts.count < FileLimits.files else {
      throw Refusal(
        code: .tooManyFiles, text: "a configuration has at most \(FileLimits.files) files",
        help: "join some of them into one")
    }
    guard chain.count < FileLimits.depth else {
      throw Refusal(
        code: .importsTooDeep, text: "imports go deeper than \(FileLimits.depth)",
        help: "import the files from one file, one below the other")
    }
    let candidates = candidates(for: path, importedBy: importer)
    for candidate in candidates {
      switch source.read(candidate, limit: FileLimits.bytes) {
      case .missing: continue
      case .failed(let reason):
        throw Refusal(code: .unreadableFile, text: "cannot read `\(Printable.text(candidate))`: \(reason)")
      case .found(let facts, let bytes): return try accept(candidate, facts, bytes)
      }
    }
    throw missing(path, candidates)
  }

  /// The file read last has no more entries.
  mutating func finish() { chain.removeLast() }

  private mutating func accept(_ path: String, _ facts: FileFacts, _ bytes: [UInt8]) throws(Refusal) -> Int {
    let shown = Printable.text(path)
    let key = FileKey(device: facts.device, inode: facts.inode)
    if let start = chain.firstIndex(of: key) {
      let names = (chain[start...] + [key]).map { file in Printable.text(known[file].map { texts[$0].name } ?? path) }
      throw Refusal(
        code: .importCycle, text: "this import closes a circle: \(names.joined(separator: " -> "))",
        help: "remove one of these imports")
    }
    if let earlier = known[key] {
      throw Refusal(
        code: .importedTwice, text: "`\(Printable.text(texts[earlier].name))` has been imported already",
        help: "remove one of the two imports")
    }
    guard facts.isRegular else {
      throw Refusal(code: .unsafeFile, text: "`\(shown)` is not a regular file")
    }
    guard facts.owner == 0 || facts.owner == source.user else {
      throw Refusal(
        code: .unsafeFile, text: "`\(shown)` belongs to user \(facts.owner), not to root or user \(source.user)",
        help: "chown \(source.user) \(path)")
    }
    guard facts.mode & 0o002 == 0 else {
      let mode = String(facts.mode & 0o7777, radix: 8)
      throw Refusal(
        code: .unsafeFile, text: "everybody may write to `\(shown)` (mode 0\(mode))", help: "chmod o-w \(path)")
    }
    guard bytes.count <= FileLimits.bytes else {
      throw Refusal(
        code: .fileTooLarge, text: "`\(shown)` has more than \(FileLimits.bytes / 1024) KiB",
        help: "is this the right file?")
    }
    texts.append(SourceText(name: path, bytes: bytes))
    known[key] = texts.count - 1
    chain.append(key)
    return texts.count - 1
  }

  /// From the working folder first (rAthena's rule), then from the folder of the importing file.
  private func candidates(for path: String, importedBy importer: String?) -> [String] {
    guard let importer, !path.hasPrefix("/"), let slash = importer.lastIndex(of: "/") else { return [path] }
    return [path, String(importer[...slash]) + path]
  }

  private func missing(_ path: String, _ candidates: [String]) -> Refusal {
    let text = "there is no file `\(candidates.map(Printable.text).joined(separator: "` and no `"))`"
    let pairs = candidates.compactMap { target in template(for: target).map { (template: $0, target: target) } }
    let existing = pairs.first { pair in
      if case .found = source.read(pair.template, limit: 0) { true } else { false }
    }
    guard let pair = existing ?? pairs.last, let slash = pair.target.lastIndex(of: "/") else {
      return Refusal(code: .missingFile, text: text, help: "write the path of an existing file, or remove the import")
    }
    return Refusal(
      code: .missingFile, text: text,
      help: "mkdir -p \(pair.target[..<slash]) && cp \(pair.template) \(pair.target)")
  }

  /// `conf/import/x` is made of `conf/import-tmpl/x`, as with rAthena.
  private func template(for path: String) -> String? {
    var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard let index = parts.dropLast().lastIndex(of: "import") else { return nil }
    parts[index] = "import-tmpl"
    return parts.joined(separator: "/")
  }
}

/// What a configuration may be at most. A real one has two files and 20 KB.
package enum FileLimits {
  package static let bytes = 256 * 1024
  package static let files = 32
  package static let depth = 8
}
