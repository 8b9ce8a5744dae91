#include "UVShim.h"
