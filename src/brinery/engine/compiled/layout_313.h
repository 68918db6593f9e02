/* CPython 3.13: inline values stand behind the object, and a dict made later may go on using them. */

#include "layout_dict.h"

/* The value of an int of at most 62 bits; 0 where it has more. */
BRINERY_ALWAYS_INLINE int brinery_small_int(PyObject *obj, int64_t *value)
{
    const _PyLongValue *number = &((PyLongObject *)obj)->long_value;
    int64_t sign = 1 - (int64_t)(number->lv_tag & 3);
    switch (number->lv_tag >> 3) {
        case 0: *value = 0; return 1;
        case 1: *value = sign * (int64_t)number->ob_digit[0]; return 1;
        case 2:
            *value = sign * (int64_t)(((uint64_t)number->ob_digit[1] << PyLong_SHIFT) | number->ob_digit[0]);
            return 1;
        case 3:
            if (number->ob_digit[2] >= 4) {
                return 0;
            }
            *value = sign * (int64_t)(((uint64_t)number->ob_digit[2] << 2 * PyLong_SHIFT)
                                      | ((uint64_t)number->ob_digit[1] << PyLong_SHIFT)
                                      | number->ob_digit[0]);
            return 1;
        default: return 0;
    }
}

#define brinery_int_bytes(obj, out, size) \
    _PyLong_AsByteArray((PyLongObject *)(obj), (unsigned char *)(out), (size_t)(size), 1, 1, 1)

BRINERY_ALWAYS_INLINE int brinery_managed_attributes(PyObject *obj, PyObject **dict, PyDictValues **values)
{
#ifdef Py_GIL_DISABLED
    *dict = ((PyObject **)obj)[-1];
#else
    *dict = ((PyObject **)obj)[-3];
#endif
    if (*dict == NULL && (Py_TYPE(obj)->tp_flags & Py_TPFLAGS_INLINE_VALUES)) {
        *values = (PyDictValues *)((char *)obj + Py_TYPE(obj)->tp_basicsize);
        return (*values)->valid ? 2 : 1;
    }
    return 1;
}

#define brinery_values_size(attributes) ((Py_ssize_t)(attributes)->size)
#define brinery_values_index(attributes, i) (((uint8_t *)&(attributes)->values[(attributes)->capacity])[i])
#define brinery_values_key(type, index) \
    (DK_UNICODE_ENTRIES(((PyHeapTypeObject *)(type))->ht_cached_keys)[index].me_key)
#define brinery_values_item(attributes, index) ((attributes)->values[index])
