#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

#include <stdint.h>

// Linked into a test program, this takes malloc's place (and hands on to glibc), so that a test can count what one
// thread allocates. Not under the address sanitizer, which wants that place for itself.

/// 1 when allocations can be counted.
int allocation_counter_works(void);
/// Begins to count the calling thread's allocations (malloc, calloc, realloc and the aligned ones) at 0.
void allocation_counter_start(void);
/// Ends counting on the calling thread and returns the number.
uint64_t allocation_counter_stop(void);

#endif
