/// One setting that two sets of settings give different values.
package struct Difference: Hashable, Sendable {
  /// `p2p_settings.network.compression`
  package let path: String
  /// As they can stand in a file.
  package let before: String
  package let after: String
  package let change: Setting.Change
}

extension Settings {
  /// What a reload would change, in the order of the schema; `change` tells what of it works at once.
  package func differences(to other: Settings) -> [Difference] {
    Schema.settings.compactMap { setting in
      guard setting.read(self) != setting.read(other) else { return nil }
      return Difference(
        path: setting.path, before: setting.text(in: self), after: setting.text(in: other), change: setting.change)
    }
  }

  /// What all hosts of a network should agree upon, as bytes to be hashed: the digest of a configuration is the first
  /// 16 bytes of BLAKE2b-256 over them. One line for each mesh-wide setting in the order of the schema, values in
  /// their canonical form, after a line that names the layout.
  package var canonicalBytes: [UInt8] {
    var text = "mesh-settings/1\n"
    for setting in Schema.settings where setting.isMeshWide { text += "\(setting.path): \(setting.text(in: self))\n" }
    return Array(text.utf8)
  }
}
