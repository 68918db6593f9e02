/* CPython 3.13: inline values stand behind the object. */

#include "layout_dict.h"
#include "layout_tagged_int.h"
#include "layout_inline_values.h"
