#ifndef UV_SHIM_H
#define UV_SHIM_H

#if defined(__has_include)
#if !__has_include(<uv.h>)
#error "libuv headers not found. Run bootstrap/test, or: sudo apt-get install libuv1-dev"
#endif
#endif
#include <uv.h>

#endif
