#ifndef C_FLOOD_H
#define C_FLOOD_H

#include <stdint.h>

enum { CFLOOD_BATCH = 64 };

/// Sends `count` (<= CFLOOD_BATCH) datagrams that lie `slot` bytes apart, by one sendmmsg on a connected socket.
/// Returns how many were taken, or -1.
int cflood_send(int fd, uint8_t *bytes, const uint32_t *lengths, unsigned int count, uint32_t slot);

#endif
