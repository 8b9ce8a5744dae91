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

    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", script]
    process.standardInput = try FileHandle(forReadingFrom: input)
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    let status = try await withCheckedThrowingContinuation { (done: CheckedContinuation<Int32, any Error>) in
      process.terminationHandler = { done.resume(returning: $0.terminationStatus) }
      do { try process.run() } catch { done.resume(throwing: error) }
    }
    guard status == 0 else {
      throw Failure(
        description: "python3 ended with \(status): \(String(decoding: try Data(contentsOf: errors), as: UTF8.self))")
    }
    let answers = try Data(contentsOf: output).split(separator: UInt8(ascii: "\n")).map {
      try JSONDecoder().decode(JSONValue.self, from: Data($0))
    }
    guard answers.count == questions.count else {
      throw Failure(description: "\(answers.count) answers to \(questions.count) questions")
    }
    return answers
  }
}
