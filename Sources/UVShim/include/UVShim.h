#ifndef UV_SHIM_H
#define UV_SHIM_H

#if defined(__has_include)
#if !__has_include(<uv.h>)
#error "libuv headers not found. Run bootstrap/test, or: sudo apt-get install libuv1-dev"
#endif
#endif
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

// What Swift cannot say about libuv and Linux: variadics, unions, composed macros, socket options, the kernel filter,
// batches of datagrams. Functions return 0 or a count, or a negative errno as libuv does.

// MARK: Clocks

/// Nanoseconds of CLOCK_BOOTTIME (never steps, goes on during suspend).
uint64_t uvshim_boot_time(void);
/// Nanoseconds since 1970 UTC.
uint64_t uvshim_wall_time(void);

// MARK: Addresses (IPv4 is IPv4-mapped IPv6, in two big-endian words, as in Wire.Endpoint)

typedef struct {
  uint64_t high;
  uint64_t low;
  uint16_t port;
} uvshim_endpoint;

/// The socket family for an address: AF_INET for mapped IPv4, else AF_INET6.
int uvshim_family(uvshim_endpoint endpoint);
/// Fills a socket address of the given family and returns its length, or 0 when an IPv6 address is asked as AF_INET.
socklen_t uvshim_to_sockaddr(int family, uvshim_endpoint endpoint, struct sockaddr_storage *into);
/// The reverse. Anything but AF_INET and AF_INET6 is all zero.
uvshim_endpoint uvshim_from_sockaddr(const struct sockaddr *address);

// MARK: Datagrams

enum {
  /// Datagrams per recvmmsg call.
  UVSHIM_BATCH = 64,
  /// Bytes kept of a datagram; a longer one is flagged as truncated.
  UVSHIM_SLOT = 2048,
};

typedef struct {
  uvshim_endpoint from;
  uint32_t length;
  uint32_t truncated;
} uvshim_arrival;

/// The slab into which a socket's datagrams are received, and the headers that recvmmsg needs.
typedef struct uvshim_batch uvshim_batch;
uvshim_batch *uvshim_batch_new(void);
void uvshim_batch_free(uvshim_batch *batch);
/// UVSHIM_BATCH arrivals; `i` belongs to the bytes at `i * UVSHIM_SLOT`.
uvshim_arrival *uvshim_batch_arrivals(uvshim_batch *batch);
uint8_t *uvshim_batch_bytes(uvshim_batch *batch);

/// Receives at most `count` (<= UVSHIM_BATCH) datagrams without waiting. 0 when none is there.
int uvshim_receive(int fd, uvshim_batch *batch, unsigned int count);
/// Sends one datagram without waiting.
int uvshim_send(int fd, int family, const void *bytes, size_t count, uvshim_endpoint to);

/// A bound, non-blocking UDP socket: close-on-exec, DF set, dual stack when the address is `::`, not IP_FREEBIND.
/// `filter_words`: NULL, or the four words of uvshim_attach_word_filter, attached before the socket is bound.
int uvshim_udp_socket(uvshim_endpoint at, int reuse_address, const uint32_t *filter_words);
/// Drops in the kernel whatever does not begin with one of four words (the first four payload bytes in the order of the
/// wire, as a little-endian number) or has a length that its word does not allow: words[0] exactly 488 bytes, words[1]
/// 108, words[2] 64, words[3] 32 + 16k up to 1,232.
int uvshim_attach_word_filter(int fd, const uint32_t words[4]);
/// Asks for a receive buffer and returns what was granted, in bytes as they were asked for.
int uvshim_receive_buffer(int fd, int wanted);

typedef struct {
  /// Bytes that wait in the receive queue, with the kernel's overhead, and their limit.
  uint32_t queued;
  uint32_t limit;
  /// Datagrams dropped by the kernel: full queue or filter. Wraps.
  uint32_t drops;
} uvshim_queue;
int uvshim_receive_queue(int fd, uvshim_queue *into);
/// Takes (and so clears) the pending error of a socket, as a negative errno.
int uvshim_take_error(int fd);
int uvshim_local_endpoint(int fd, uvshim_endpoint *into);

// MARK: Streams

typedef struct {
  int32_t pid;
  uint32_t uid;
  uint32_t gid;
} uvshim_credentials;
int uvshim_peer_credentials(int fd, uvshim_credentials *into);
/// The next close of this socket sends a reset and forgets unsent bytes.
int uvshim_reset_on_close(int fd);
/// Capacity of `sun_path`, with the terminating zero.
size_t uvshim_socket_path_capacity(void);
/// 1 when `path` is a socket at which nobody listens.
int uvshim_is_stale_socket(const char *path);
int uvshim_file_descriptor(const uv_handle_t *handle);

// MARK: Child processes

void uvshim_stdio_ignore(uv_stdio_container_t *into);
void uvshim_stdio_inherit(uv_stdio_container_t *into, int fd);
void uvshim_stdio_pipe(uv_stdio_container_t *into, uv_stream_t *stream);

enum {
  /// The child gets SIGKILL when the thread that spawned it ends.
  UVSHIM_DIE_WITH_PARENT = 1,
  /// The child's soft core limit is raised to its hard limit (ours is 0, see uvshim_forbid_core_dumps).
  UVSHIM_ALLOW_CORE_DUMPS = 2,
};
/// uv_spawn with what the child does to itself between fork and exec. `process`'s options are libuv's.
int uvshim_spawn(uv_loop_t *loop, uv_process_t *process, const uv_process_options_t *options, int flags);

// MARK: Files

/// Takes an exclusive lock without waiting; -EWOULDBLOCK when another open file has it.
int uvshim_lock(int fd);
/// Everything of the file system that the open file is on is on the disk when it returns.
int uvshim_synchronize_all(int fd);

// MARK: The process

/// libuv writes with plain write(2): without this, a peer that closes early would kill the process.
void uvshim_ignore_sigpipe(void);
/// Soft RLIMIT_CORE 0 (the hard limit stays, for children) and PR_SET_DUMPABLE 0.
int uvshim_forbid_core_dumps(void);
/// PR_GET_DUMPABLE.
int uvshim_is_dumpable(void);
/// PR_SET_NO_NEW_PRIVS: neither this process nor its children gain rights by exec.
int uvshim_forbid_new_privileges(void);
/// Gives back the pages of code and constants of all loaded objects; those that are needed again come back from the
/// page cache. Returns the number of bytes that this was asked for.
size_t uvshim_release_code(void);

#endif
