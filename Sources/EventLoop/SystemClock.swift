import UVShim
package import Wire

/// The clocks of the machine. Only the loop and the shell read them; cores are told the time.
package enum SystemClock {
  package static var now: Now { Now(monotonic: monotonic, wall: wall) }
  /// Nanoseconds of CLOCK_BOOTTIME. libuv's own clock stands still during suspend.
  package static var monotonic: UInt64 { uvshim_boot_time() }
  package static var wall: UInt64 { uvshim_wall_time() }
}
