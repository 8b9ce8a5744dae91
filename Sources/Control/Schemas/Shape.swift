/// What a value looks like in JSON, read off its type: a decoder that has no input notes what the type asks for. So a
/// schema cannot fall behind the reply that it describes.
package indirect enum Shape: Hashable, Sendable {
  /// In the order in which the type asks.
  case object([Field])
  case list(Shape)
  /// The words that are possible; empty = any text.
  case text([String])
  case moment
  case integer(isNegativePossible: Bool)
  case number
  case truth

  package struct Field: Hashable, Sendable {
    package var name: String
    package var shape: Shape
    /// Missing where there is nothing to say.
    package var isOptional: Bool
  }

  /// `nil` for a type that cannot be made of nothing; a test goes through all replies.
  package init?(of type: any Decodable.Type) {
    guard let read = try? ShapeReader.read(type) else { return nil }
    self = read.shape
  }
}

/// Makes a value of each type that is asked for, and the shape that it has.
private enum ShapeReader {
  struct Unsupported: Error {}

  static func read<Value: Decodable>(_ type: Value.Type) throws -> (value: Value, shape: Shape) {
    if let (value, shape) = plain(type) { return (value, shape) }
    let recorder = Recorder()
    let value = try Value(from: ShapeDecoder(recorder: recorder))
    guard let shape = recorder.shape else { throw Unsupported() }
    return (value, shape)
  }

  private static func plain<Value>(_ type: Value.Type) -> (Value, Shape)? {
    func take(_ value: Any, _ shape: Shape) -> (Value, Shape)? { (value as? Value).map { ($0, shape) } }
    if type == Timestamp.self { return take(Timestamp(seconds: 0), .moment) }
    if type == String.self { return take("", .text([])) }
    if type == Bool.self { return take(false, .truth) }
    if type == Double.self { return take(0.0, .number) }
    if let whole = type as? any FixedWidthInteger.Type {
      return take(zero(whole), .integer(isNegativePossible: isSigned(whole)))
    }
    if let choice = type as? any (CaseIterable & RawRepresentable).Type { return words(choice) }
    return nil
  }

  private static func zero<Whole: FixedWidthInteger>(_ type: Whole.Type) -> Any { Whole.zero }
  private static func isSigned<Whole: FixedWidthInteger>(_ type: Whole.Type) -> Bool { Whole.isSigned }

  private static func words<Choice: CaseIterable & RawRepresentable, Value>(_ type: Choice.Type) -> (Value, Shape)? {
    let words = Choice.allCases.compactMap { $0.rawValue as? String }
    guard !words.isEmpty, let first = Choice.allCases.first as? Value else { return nil }
    return (first, .text(words))
  }
}

private final class Recorder {
  var shape: Shape?
  var optional: Set<String> = []

  func note(_ name: String, _ shape: Shape) {
    var fields: [Shape.Field] = []
    if case .object(let known)? = self.shape { fields = known }
    fields.append(Shape.Field(name: JSONLine.fieldName(name), shape: shape, isOptional: optional.contains(name)))
    self.shape = .object(fields)
  }
}

private struct ShapeDecoder: Decoder {
  let recorder: Recorder
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    if recorder.shape == nil { recorder.shape = .object([]) }
    return KeyedDecodingContainer(Fields(recorder: recorder))
  }
  func unkeyedContainer() -> any UnkeyedDecodingContainer { Elements(recorder: recorder) }
  func singleValueContainer() -> any SingleValueDecodingContainer { Single(recorder: recorder) }
}

private struct Fields<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let recorder: Recorder
  var codingPath: [any CodingKey] { [] }
  var allKeys: [Key] { [] }

  /// Asked for what may be missing only (the default of `decodeIfPresent`).
  func contains(_ key: Key) -> Bool {
    recorder.optional.insert(key.stringValue)
    return true
  }
  func decodeNil(forKey key: Key) -> Bool { false }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    let (value, shape) = try ShapeReader.read(type)
    recorder.note(key.stringValue, shape)
    return value
  }

  func nestedContainer<Other>(keyedBy type: Other.Type, forKey key: Key) throws -> KeyedDecodingContainer<Other> {
    throw ShapeReader.Unsupported()
  }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    throw ShapeReader.Unsupported()
  }
  func superDecoder() throws -> any Decoder { throw ShapeReader.Unsupported() }
  func superDecoder(forKey key: Key) throws -> any Decoder { throw ShapeReader.Unsupported() }
}

/// A list of one.
private struct Elements: UnkeyedDecodingContainer {
  let recorder: Recorder
  var codingPath: [any CodingKey] { [] }
  var count: Int? { 1 }
  var isAtEnd: Bool { currentIndex > 0 }
  private(set) var currentIndex = 0

  init(recorder: Recorder) { self.recorder = recorder }

  func decodeNil() -> Bool { false }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    let (value, shape) = try ShapeReader.read(type)
    recorder.shape = .list(shape)
    currentIndex += 1
    return value
  }

  func nestedContainer<Key>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    throw ShapeReader.Unsupported()
  }
  func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw ShapeReader.Unsupported() }
  func superDecoder() throws -> any Decoder { throw ShapeReader.Unsupported() }
}

/// A type that is a single value of another one, as event names are.
private struct Single: SingleValueDecodingContainer {
  let recorder: Recorder
  var codingPath: [any CodingKey] { [] }

  func decodeNil() -> Bool { false }
  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    let (value, shape) = try ShapeReader.read(type)
    recorder.shape = shape
    return value
  }
}
