/* CPython 3.11: ints keep their sign in ob_size; inline values stand four words before the object. */

#include "layout_dict.h"

#define BRINERY_DIGITS ob_digit

#define brinery_int_head(op, negative, digits) ((op)->ob_base.ob_size = (negative) ? -(digits) : (digits))

/* The value of an int of at most 62 bits; 0 where it has more. */
BRINERY_ALWAYS_INLINE int brinery_small_int(PyObject *obj, int64_t *value)
{
    const digit *digits = ((PyLongObject *)obj)->ob_digit;
    Py_ssize_t size = Py_SIZE(obj);
    if (BRINERY_LIKELY((size_t)(size + 1) <= 2)) {
        *value = size * (int64_t)digits[0];
        return 1;
    }
    switch (size) {
        case 2: *value = (int64_t)(((uint64_t)digits[1] << PyLong_SHIFT) | digits[0]); return 1;
        case -2: *value = -(int64_t)(((uint64_t)digits[1] << PyLong_SHIFT) | digits[0]); return 1;
        case 3:
            if (digits[2] >= 4) {
                return 0;
            }
            *value = (int64_t)(((uint64_t)digits[2] << 2 * PyLong_SHIFT)
                               | ((uint64_t)digits[1] << PyLong_SHIFT) | digits[0]);
            return 1;
        default: return 0;
    }
}

#define brinery_int_bytes(obj, out, size) \
    _PyLong_AsByteArray((PyLongObject *)(obj), (unsigned char *)(out), (size_t)(size), 1, 1)

BRINERY_ALWAYS_INLINE int brinery_managed_attributes(PyObject *obj, PyObject **dict, brinery_values **values)
{
    *values = ((brinery_values **)obj)[-4];
    if (*values != NULL) {
        return 2;
    }
    *dict = ((PyObject **)obj)[-3];
    return 1;
}
