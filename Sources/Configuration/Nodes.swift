/// A value as written; what it means is for the schema.
struct ValueNode {
  enum Kind {
    case text(String)
    case list([ValueNode])
  }

  var kind: Kind
  /// With its quotes or brackets.
  var span: Range<Int>
  /// Where the first character of the text stands, when the text stands in the source as it is (no escapes).
  var textStart: Int?

  /// The span of a part of the text, given in bytes; the whole value where that cannot be told.
  func span(of part: Range<Int>) -> Range<Int> {
    guard let textStart else { return span }
    return textStart + part.lowerBound..<textStart + part.upperBound
  }
}

/// One entry of a file, in the order of the file.
enum Entry {
  case assignment(Assignment)
  /// A section begins; entries that stand in it name it by its index.
  case section(Section)
  case importing(path: String, span: Range<Int>)

  struct Assignment {
    var name: Range<Int>
    /// The section in which it stands, an index into `Parsed.sections`; `nil` at the top of the file.
    var section: Int?
    var value: ValueNode
    /// `+name: …` adds to a list.
    var appends: Bool
  }

  struct Section {
    var name: Range<Int>
    var parent: Int?
    var index: Int
  }
}

/// What a source says, as far as it could be read.
struct Parsed {
  var entries: [Entry] = []
  var problems = Problems()
  /// From here on nobody knows which section an entry stands in, because a brace is missing or too many.
  var unsureFrom: Int?
}
