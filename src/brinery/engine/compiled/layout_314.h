/* CPython 3.14: as 3.13, but that dicts have no version, and counts of references share their word with flags. */

#include "layout_dict.h"
#include "layout_tagged_int.h"
#include "layout_inline_values.h"

#if SIZEOF_VOID_P > 4
#define brinery_count_one(op) ((op)->ob_refcnt_full = 1)
#endif
