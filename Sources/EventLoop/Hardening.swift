import UVShim

/// What a process that holds keys gives up at its start. Each throws when the kernel refuses.
package enum Hardening {
  /// No core files and no ptrace by others. Children may still dump (`ChildPlan.allowsCoreDumps`).
  package static func forbidCoreDumps() throws(UVError) { try checked(uvshim_forbid_core_dumps()) }
  /// Neither this process nor its children gain rights from set-uid files.
  package static func forbidNewPrivileges() throws(UVError) { try checked(uvshim_forbid_new_privileges()) }
}
