// sendmmsg is not visible to Swift: it needs _GNU_SOURCE.
#define _GNU_SOURCE
#include "CFlood.h"
#include <string.h>
#include <sys/socket.h>

int cflood_send(int fd, uint8_t *bytes, const uint32_t *lengths, unsigned int count, uint32_t slot) {
  struct mmsghdr headers[CFLOOD_BATCH];
  struct iovec vectors[CFLOOD_BATCH];
  if (count > CFLOOD_BATCH) count = CFLOOD_BATCH;
  memset(headers, 0, sizeof headers);
  for (unsigned int i = 0; i < count; i++) {
    vectors[i].iov_base = bytes + (size_t)i * slot;
    vectors[i].iov_len = lengths[i];
    headers[i].msg_hdr.msg_iov = &vectors[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  return sendmmsg(fd, headers, count, 0);
}
