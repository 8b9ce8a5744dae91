#include "AllocationCounter.h"

#include <errno.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static _Thread_local int counting __attribute__((tls_model("initial-exec")));
static _Thread_local uint64_t count __attribute__((tls_model("initial-exec")));

void allocation_counter_start(void) {
  count = 0;
  counting = 1;
}

uint64_t allocation_counter_stop(void) {
  counting = 0;
  return count;
}

#ifdef SANITIZED

int allocation_counter_works(void) { return 0; }

#else

int allocation_counter_works(void) { return 1; }

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static void note(void) {
  if (counting) count++;
}

void *malloc(size_t size) {
  note();
  return __libc_malloc(size);
}

void *calloc(size_t many, size_t size) {
  note();
  return __libc_calloc(many, size);
}

void *realloc(void *old, size_t size) {
  note();
  return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  note();
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  note();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **into, size_t alignment, size_t size) {
  note();
  void *block = __libc_memalign(alignment, size);
  if (!block) return ENOMEM;
  *into = block;
  return 0;
}

void free(void *block) { __libc_free(block); }

#endif
