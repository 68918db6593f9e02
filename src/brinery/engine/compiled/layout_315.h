/* CPython 3.15: as 3.14, but that more ints are shared. */

#define BRINERY_SHARED_INTS 1025

#include "layout_314.h"
