/// Check 7: no datagram is larger than the mesh allows (`security.md` 3.3).
enum Datagrams {
  static let number = 7
  static let name = "datagrams"
  static let limit = 1_232
}
