import Configuration
package import Control
import Glibc

/// Reads the files below a folder, in the order of their paths (bytes). Links are followed; loops end at the limits.
package enum FolderWalk {
  package static let depthLimit = 16
  package static let fileLimit = 16_384
  /// Of one file.
  package static let sizeLimit = 64 << 20

  /// Lends every file that is wanted. What is neither a file nor a folder is passed over.
  ///
  /// - Parameters:
  ///   - folders: where to begin, relative to `root`; one that is missing is passed over.
  ///   - wants: by path relative to `root`. Folders are asked about with a `/` behind.
  package static func read(
    _ folders: [String], of root: String, wants: (String) -> Bool,
    _ body: (_ path: String, _ content: [UInt8]) throws(Fault) -> Void
  ) throws(Fault) {
    var count = 0
    for folder in folders.sorted() where PrivateFile.exists("\(root)/\(folder)") {
      try walk(folder, root, depth: 1, &count, wants, body)
    }
  }

  private static func walk(
    _ folder: String, _ root: String, depth: Int, _ count: inout Int, _ wants: (String) -> Bool,
    _ body: (String, [UInt8]) throws(Fault) -> Void
  ) throws(Fault) {
    let place = "\(root)/\(folder)"
    guard depth <= depthLimit else {
      throw Fault(.cannotRead, ["file": place, "reason": "folders are nested more than \(depthLimit) deep"], at: place)
    }
    for name in try names(in: place) {
      let path = "\(folder)/\(name)"
      var status = stat()
      guard stat("\(root)/\(path)", &status) == 0 else { throw unreadable("\(root)/\(path)", errno) }
      switch status.st_mode & S_IFMT {
      case S_IFDIR where wants(path + "/"): try walk(path, root, depth: depth + 1, &count, wants, body)
      case S_IFREG where wants(path):
        count += 1
        guard count <= fileLimit else {
          throw Fault(.cannotRead, ["file": root, "reason": "it has more than \(fileLimit) files"], at: root)
        }
        try body(path, content(of: "\(root)/\(path)"))
      default: break
      }
    }
  }

  private static func names(in folder: String) throws(Fault) -> [String] {
    guard let directory = opendir(folder) else { throw unreadable(folder, errno) }
    defer { closedir(directory) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
      errno = 0
    }
    if errno != 0 { throw unreadable(folder, errno) }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private static func content(of path: String) throws(Fault) -> [UInt8] {
    switch SystemFiles().read(path, limit: sizeLimit) {
    case .found(_, let bytes):
      guard bytes.count <= sizeLimit else {
        throw Fault(.cannotRead, ["file": path, "reason": "it is larger than \(sizeLimit >> 20) MiB"], at: path)
      }
      return bytes
    case .missing: throw Fault(.cannotRead, ["file": path, "reason": "there is no such file"], at: path)
    case .failed(let reason): throw Fault(.cannotRead, ["file": path, "reason": reason], at: path)
    }
  }

  private static func unreadable(_ path: String, _ code: Int32) -> Fault {
    Fault(.cannotRead, ["file": path, "reason": String(cString: strerror(code))], at: path)
  }
}
