#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "UVShim.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/filter.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAPPED_PREFIX UINT64_C(0x0000ffff00000000)

static int result(long value) { return value < 0 ? -errno : (int)value; }

// MARK: Clocks

static uint64_t nanoseconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

uint64_t uvshim_boot_time(void) { return nanoseconds(CLOCK_BOOTTIME); }
uint64_t uvshim_wall_time(void) { return nanoseconds(CLOCK_REALTIME); }

// MARK: Addresses

static int is_mapped(uvshim_endpoint endpoint) {
  return endpoint.high == 0 && (endpoint.low & UINT64_C(0xffffffff00000000)) == MAPPED_PREFIX;
}

int uvshim_family(uvshim_endpoint endpoint) { return is_mapped(endpoint) ? AF_INET : AF_INET6; }

socklen_t uvshim_to_sockaddr(int family, uvshim_endpoint endpoint, struct sockaddr_storage *into) {
  if (family == AF_INET) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)into;
    if (!is_mapped(endpoint)) return 0;
    memset(v4, 0, sizeof *v4);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(endpoint.port);
    v4->sin_addr.s_addr = htonl((uint32_t)endpoint.low);
    return sizeof *v4;
  }
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)into;
  uint64_t words[2] = {__builtin_bswap64(endpoint.high), __builtin_bswap64(endpoint.low)};
  memset(v6, 0, sizeof *v6);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(endpoint.port);
  memcpy(&v6->sin6_addr, words, sizeof words);
  return sizeof *v6;
}

uvshim_endpoint uvshim_from_sockaddr(const struct sockaddr *address) {
  uvshim_endpoint endpoint = {0, 0, 0};
  if (address->sa_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    endpoint.low = MAPPED_PREFIX | ntohl(v4->sin_addr.s_addr);
    endpoint.port = ntohs(v4->sin_port);
  } else if (address->sa_family == AF_INET6) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    uint64_t words[2];
    memcpy(words, &v6->sin6_addr, sizeof words);
    endpoint.high = __builtin_bswap64(words[0]);
    endpoint.low = __builtin_bswap64(words[1]);
    endpoint.port = ntohs(v6->sin6_port);
  }
  return endpoint;
}

int uvshim_local_endpoint(int fd, uvshim_endpoint *into) {
  struct sockaddr_storage storage;
  socklen_t length = sizeof storage;
  if (getsockname(fd, (struct sockaddr *)&storage, &length) < 0) return -errno;
  *into = uvshim_from_sockaddr((const struct sockaddr *)&storage);
  return 0;
}

// MARK: Datagrams

struct uvshim_batch {
  struct mmsghdr headers[UVSHIM_BATCH];
  struct iovec vectors[UVSHIM_BATCH];
  struct sockaddr_in6 names[UVSHIM_BATCH];
  uvshim_arrival arrivals[UVSHIM_BATCH];
  uint8_t bytes[UVSHIM_BATCH * UVSHIM_SLOT];
};

uvshim_batch *uvshim_batch_new(void) {
  uvshim_batch *batch = calloc(1, sizeof *batch);
  if (!batch) return NULL;
  for (int i = 0; i < UVSHIM_BATCH; i++) {
    batch->vectors[i].iov_base = batch->bytes + (size_t)i * UVSHIM_SLOT;
    batch->vectors[i].iov_len = UVSHIM_SLOT;
    batch->headers[i].msg_hdr.msg_iov = &batch->vectors[i];
    batch->headers[i].msg_hdr.msg_iovlen = 1;
    batch->headers[i].msg_hdr.msg_name = &batch->names[i];
  }
  return batch;
}

void uvshim_batch_free(uvshim_batch *batch) { free(batch); }
uvshim_arrival *uvshim_batch_arrivals(uvshim_batch *batch) { return batch->arrivals; }
uint8_t *uvshim_batch_bytes(uvshim_batch *batch) { return batch->bytes; }

int uvshim_receive(int fd, uvshim_batch *batch, unsigned int count) {
  if (count > UVSHIM_BATCH) count = UVSHIM_BATCH;
  for (unsigned int i = 0; i < count; i++) batch->headers[i].msg_hdr.msg_namelen = sizeof batch->names[i];
  int got;
  do got = recvmmsg(fd, batch->headers, count, MSG_DONTWAIT, NULL);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
  for (int i = 0; i < got; i++) {
    batch->arrivals[i].from = uvshim_from_sockaddr((const struct sockaddr *)&batch->names[i]);
    batch->arrivals[i].length = batch->headers[i].msg_len;
    batch->arrivals[i].truncated = (batch->headers[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
  }
  return got;
}

int uvshim_send(int fd, int family, const void *bytes, size_t count, uvshim_endpoint to) {
  struct sockaddr_storage address;
  socklen_t length = uvshim_to_sockaddr(family, to, &address);
  if (length == 0) return -EAFNOSUPPORT;
  ssize_t sent;
  do sent = sendto(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&address, length);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : 0;
}

static int set_option(int fd, int level, int name, int value) {
  return result(setsockopt(fd, level, name, &value, sizeof value));
}

int uvshim_udp_socket(uvshim_endpoint at, int reuse_address, const uint32_t *filter_words) {
  int family = uvshim_family(at);
  int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;

  // PROBE sets DF but ignores what ICMP claims about the path, so a forged "too big" cannot silence us; our datagrams
  // fit the smallest IPv6 MTU anyway. A dual-stack socket obeys both options.
  int error = set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  if (family == AF_INET6) {
    if (!error) error = set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    if (!error) error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  }
  if (!error && reuse_address) error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (!error && filter_words) error = uvshim_attach_word_filter(fd, filter_words);
  if (!error) {
    struct sockaddr_storage address;
    socklen_t length = uvshim_to_sockaddr(family, at, &address);
    error = result(bind(fd, (const struct sockaddr *)&address, length));
  }
  if (error) {
    close(fd);
    return error;
  }
  return fd;
}

int uvshim_attach_word_filter(int fd, const uint32_t words[4]) {
  // A UDP socket's filter sees the packet from its UDP header on (8 bytes). A load beyond the end drops.
  enum { HEADER = 8, ACCEPT = 16, DROP = 17 };
#define TO(target, here) ((uint8_t)((target) - (here)-1))
#define WORD(i) __builtin_bswap32(words[i])
  struct sock_filter program[] = {
      /* 0 */ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, HEADER),
      /* 1 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, WORD(3), TO(11, 1), 0),
      /* 2 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, WORD(0), TO(5, 2), 0),
      /* 3 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, WORD(1), TO(7, 3), 0),
      /* 4 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, WORD(2), TO(9, 4), TO(DROP, 4)),
      /* 5 */ BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
      /* 6 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HEADER + 488, TO(ACCEPT, 6), TO(DROP, 6)),
      /* 7 */ BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
      /* 8 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HEADER + 108, TO(ACCEPT, 8), TO(DROP, 8)),
      /* 9 */ BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
      /* 10 */ BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HEADER + 64, TO(ACCEPT, 10), TO(DROP, 10)),
      /* 11 */ BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
      /* 12 */ BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, HEADER + 1232, TO(DROP, 12), 0),
      /* 13 */ BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, HEADER + 32, 0, TO(DROP, 13)),
      /* 14 */ BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 15),
      /* 15: (header 8 + 32 + 16k) mod 16 */
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HEADER, TO(ACCEPT, 15), TO(DROP, 15)),
      /* 16 */ BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      /* 17 */ BPF_STMT(BPF_RET | BPF_K, 0),
  };
#undef TO
#undef WORD
  struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};
  return result(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter));
}

// The kernel doubles what is asked, for its own overhead, and reports the doubled value.
static int granted_receive_buffer(int fd) {
  int value = 0;
  socklen_t length = sizeof value;
  if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &length) < 0) return -errno;
  return value / 2;
}

int uvshim_receive_buffer(int fd, int wanted) {
  int error = set_option(fd, SOL_SOCKET, SO_RCVBUF, wanted);
  if (error) return error;
  int granted = granted_receive_buffer(fd);
  // Above net.core.rmem_max only with CAP_NET_ADMIN; being refused is normal.
  if (granted >= 0 && granted < wanted && set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, wanted) == 0)
    granted = granted_receive_buffer(fd);
  return granted;
}

int uvshim_receive_queue(int fd, uvshim_queue *into) {
  // The order of SK_MEMINFO_*; its header clashes with others.
  enum { RMEM_ALLOC = 0, RCVBUF = 1, DROPS = 8, VARIABLES = 9 };
  uint32_t values[VARIABLES] = {0};
  socklen_t length = sizeof values;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, values, &length) < 0) return -errno;
  into->queued = values[RMEM_ALLOC];
  into->limit = values[RCVBUF];
  into->drops = values[DROPS];
  return 0;
}

int uvshim_take_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
  return -error;
}

// MARK: Streams

int uvshim_peer_credentials(int fd, uvshim_credentials *into) {
  struct ucred credentials;
  socklen_t length = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -errno;
  into->pid = credentials.pid;
  into->uid = credentials.uid;
  into->gid = credentials.gid;
  return 0;
}

int uvshim_reset_on_close(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  return result(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

size_t uvshim_socket_path_capacity(void) { return sizeof(((struct sockaddr_un *)0)->sun_path); }

int uvshim_is_stale_socket(const char *path) {
  struct stat status;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (lstat(path, &status) < 0 || !S_ISSOCK(status.st_mode)) return 0;
  if (strlen(path) >= sizeof address.sun_path) return 0;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return 0;
  int refused = connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 && errno == ECONNREFUSED;
  close(fd);
  return refused;
}

int uvshim_file_descriptor(const uv_handle_t *handle) {
  uv_os_fd_t fd;
  int error = uv_fileno(handle, &fd);
  return error ? error : fd;
}

// MARK: Child processes

void uvshim_stdio_ignore(uv_stdio_container_t *into) { into->flags = UV_IGNORE; }

void uvshim_stdio_inherit(uv_stdio_container_t *into, int fd) {
  into->flags = UV_INHERIT_FD;
  into->data.fd = fd;
}

void uvshim_stdio_pipe(uv_stdio_container_t *into, uv_stream_t *stream) {
  // libuv makes socket pairs. Both directions, so that our end of the child's input hears when the child closes it.
  into->flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE);
  into->data.stream = stream;
}

// libuv has no hook between fork and exec, but it forks with fork(3), which runs the handlers of pthread_atfork.
static _Thread_local int spawn_flags = 0;
static _Thread_local pid_t spawn_parent = 0;

static void prepare_child(void) {
  if (spawn_flags & UVSHIM_ALLOW_CORE_DUMPS) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
      limit.rlim_cur = limit.rlim_max;
      setrlimit(RLIMIT_CORE, &limit);
    }
  }
  if (spawn_flags & UVSHIM_DIE_WITH_PARENT) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have died before the line above.
    if (getppid() != spawn_parent) _exit(127);
  }
}

static pthread_once_t child_handler = PTHREAD_ONCE_INIT;
static void register_child_handler(void) { pthread_atfork(NULL, NULL, prepare_child); }

int uvshim_spawn(uv_loop_t *loop, uv_process_t *process, const uv_process_options_t *options, int flags) {
  pthread_once(&child_handler, register_child_handler);
  spawn_parent = getpid();
  spawn_flags = flags;
  int error = uv_spawn(loop, process, options);
  spawn_flags = 0;
  return error;
}

// MARK: Files

int uvshim_synchronize_all(int fd) { return result(syncfs(fd)); }

int uvshim_lock(int fd) { return result(flock(fd, LOCK_EX | LOCK_NB)); }

// MARK: The process

void uvshim_ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }

int uvshim_forbid_core_dumps(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) < 0) return -errno;
  limit.rlim_cur = 0;
  if (setrlimit(RLIMIT_CORE, &limit) < 0) return -errno;
  return result(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

int uvshim_is_dumpable(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0); }

int uvshim_forbid_new_privileges(void) { return result(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }

static int release_object(struct dl_phdr_info *object, size_t size, void *into) {
  (void)size;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  for (int index = 0; index < object->dlpi_phnum; index++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
    // What is never written is in the file as it is in memory. (Relocated constants are in a writable segment.)
    if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
    const uintptr_t start = (object->dlpi_addr + segment->p_vaddr + page - 1) & ~(page - 1);
    const uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz) & ~(page - 1);
    // The kernel's own object (vdso) refuses, which is as well.
    if (start < end && madvise((void *)start, end - start, MADV_DONTNEED) == 0) *(size_t *)into += end - start;
  }
  return 0;
}

size_t uvshim_release_code(void) {
  size_t released = 0;
  dl_iterate_phdr(release_object, &released);
  return released;
}
