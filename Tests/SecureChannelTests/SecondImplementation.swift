import Foundation
import Testing

/// A value of JSON; whole numbers keep all 64 bits.
enum JSONValue: Codable, Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  case text(String)
  case number(UInt64)
  case list([JSONValue])
  case object([String: JSONValue])

  init(stringLiteral text: String) { self = .text(text) }
  init(integerLiteral number: UInt64) { self = .number(number) }
  init(arrayLiteral values: JSONValue...) { self = .list(values) }
  init(dictionaryLiteral pairs: (String, JSONValue)...) {
    self = .object(Dictionary(pairs, uniquingKeysWith: { first, _ in first }))
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let number = try? container.decode(UInt64.self) {
      self = .number(number)
    } else if let list = try? container.decode([JSONValue].self) {
      self = .list(list)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let text): try container.encode(text)
    case .number(let number): try container.encode(number)
    case .list(let list): try container.encode(list)
    case .object(let object): try container.encode(object)
    }
  }

  /// Bytes travel as hexadecimal text.
  static func bytes(_ bytes: some Sequence<UInt8>) -> JSONValue { .text(hexadecimal(bytes)) }

  subscript(name: String) -> JSONValue? {
    if case .object(let object) = self { return object[name] }
    return nil
  }

  var text: String? {
    if case .text(let text) = self { return text }
    return nil
  }

  var octets: [UInt8]? { text.map(SecureChannelTests.octets) }
}

/// The implementation in Python, run once per test with all of the test's questions.
enum SecondImplementation {
  private static let script = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "second_implementation.py").path()

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// One answer for each question. A question is an object with a "topic"; see the script.
  static func answers(to questions: [JSONValue]) async throws -> [JSONValue] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "mesh-second-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Files, not pipes: neither side can wait for the other.
    let input = folder.appending(path: "questions")
    let output = folder.appending(path: "answers")
    let errors = folder.appending(path: "errors")
    let encoder = JSONEncoder()
    var lines = Data()
    for question in questions {
      lines += try encoder.encode(question)
      lines.append(UInt8(ascii: "\n"))
    }
    try lines.write(to: input)
    try Data().write(to: output)
    try Data().write(to: errors)

    let status = await run(reading: input.path(), writing: output.path(), complaining: errors.path())
    guard status == 0 else {
      let complaint = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
      throw Failure(description: "python3 ended with status \(status): \(complaint)")
    }
    let answers = try Data(contentsOf: output).split(separator: UInt8(ascii: "\n")).map {
      try JSONDecoder().decode(JSONValue.self, from: Data($0))
    }
    guard answers.count == questions.count else {
      throw Failure(description: "\(answers.count) answers to \(questions.count) questions")
    }
    return answers
  }

  /// The wait status of the script. It is awaited on a thread of its own, not on one of the pool that runs the tests.
  /// (Foundation's Process would do it too, but leaks its file handles, and the leak sanitizer runs over these tests.)
  private static func run(reading input: String, writing output: String, complaining errors: String) async -> Int32 {
    await withCheckedContinuation { done in
      DispatchQueue.global().async { done.resume(returning: spawn(input, output, errors)) }
    }
  }

  private static func spawn(_ input: String, _ output: String, _ errors: String) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY, 0)
    let words: [String] = ["python3", script]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    defer { arguments.forEach { free($0) } }
    var child: pid_t = 0
    let failure = posix_spawnp(&child, "python3", &actions, nil, &arguments, environ)
    guard failure == 0 else { return failure }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
      if errno != EINTR { return errno }
    }
    return status
  }
}
