/* CPython 3.12: ints keep their sign in a tag; inline values share one tagged word with the dict. */

#include "layout_dict.h"
#include "layout_tagged_int.h"

#define brinery_int_bytes(obj, out, size) \
    _PyLong_AsByteArray((PyLongObject *)(obj), (unsigned char *)(out), (size_t)(size), 1, 1)

BRINERY_ALWAYS_INLINE int brinery_managed_attributes(PyObject *obj, PyObject **dict, brinery_values **values)
{
    uintptr_t either = ((uintptr_t *)obj)[-3];
    if (either & 1) {
        *values = (brinery_values *)(either + 1);
        return 2;
    }
    *dict = (PyObject *)either;
    return 1;
}
