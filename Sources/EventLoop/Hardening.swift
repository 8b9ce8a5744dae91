import UVShim

/// What a process that holds keys gives up at its start. Each throws when the kernel refuses.
package enum Hardening {
  /// No core files and no ptrace by others. Children may still dump (`ChildPlan.allowsCoreDumps`).
  package static func forbidCoreDumps() throws(UVError) { try checked(uvshim_forbid_core_dumps()) }
  /// Whether the kernel would write a core file of this process or let others of the same user read its memory.
  package static var isDumpable: Bool { uvshim_is_dumpable() != 0 }
  /// Neither we nor our children gain rights from set-uid files. Holds for the calling thread and what it starts: call
  /// it before there are other threads.
  package static func forbidNewPrivileges() throws(UVError) { try checked(uvshim_forbid_new_privileges()) }
}
