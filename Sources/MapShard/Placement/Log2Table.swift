/// log2 in integers: a table of 4,096 entries and a straight line between neighbours. No processor and no mathematical
/// library has a say in where a shard goes. (CRUSH's straw2 has the idea; its table and its steps are others.)
///
/// The line lies below the curve by at most 2⁻²⁶·⁵; in the last step before u = 1, where the winners of large meshes are,
/// the relative error stays below 2⁻¹³.
enum Log2Table {
  /// Values have 48 binary places: 64 · 2⁴⁸ times the greatest weight, 64, still fits 64 bits.
  static let places: UInt64 = 48
  static let size = 4_096

  /// log2(1 + index / 4,096) for 0...4,096, cut off to 48 binary places.
  static let entries: [UInt64] = (0...size).map { index in
    index == size ? 1 << places : fraction(ofMantissa: UInt64(size + index) << 51)
  }

  /// The binary places of log2 of a number in 1..<2 (63 binary places), one per squaring.
  private static func fraction(ofMantissa mantissa: UInt64) -> UInt64 {
    var number = mantissa
    var result: UInt64 = 0
    for _ in 0..<places {
      let square = number.multipliedFullWidth(by: number)
      let isAtLeastTwo = square.high >> 63 == 1
      result = result << 1 | (isAtLeastTwo ? 1 : 0)
      number = isAtLeastTwo ? square.high : square.high << 1 | square.low >> 63
    }
    return result
  }

  /// −log2((hash + 1) / 2⁶⁴) with 48 binary places: 1...64 · 2⁴⁸.
  ///
  /// - Parameter entries: the table, taken out of the loop by the caller.
  @inline(__always)
  static func cost(of hash: UInt64, _ entries: UnsafePointer<UInt64>) -> UInt64 {
    let number = hash &+ 1
    // u = 1 would cost nothing whatever the weight; the smallest cost keeps weights and ties meaningful.
    guard number != 0 else { return 1 }
    let zeros = UInt64(number.leadingZeroBitCount)
    let mantissa = number << zeros
    let index = Int(truncatingIfNeeded: (mantissa << 1) >> 52)
    let step = entries[index + 1] &- entries[index]
    let line = step.multipliedFullWidth(by: mantissa << 13).high
    return max(1, (zeros &+ 1) << places &- entries[index] &- line)
  }

  /// 2^−exponent in thousandths, for people. The exponent has 48 binary places.
  static func thousandths(ofPowerMinus exponent: UInt64) -> Int {
    let whole = exponent >> places
    guard whole < 20 else { return 0 }
    // 2^−fraction = (1 + index / 4,096) / 2 with log2(1 + index / 4,096) = 1 − fraction.
    let wanted = (1 << places) - exponent & ((1 << places) - 1)
    var low = 0
    var high = size
    while low < high {
      let middle = (low + high) / 2
      if entries[middle] < wanted { low = middle + 1 } else { high = middle }
    }
    return (1_000 * (size + low) / (2 * size)) >> Int(whole)
  }
}
