/* CPython 3.12: ints keep their sign in a tag; inline values share one tagged word with the dict. */

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
    _PyLong_AsByteArray((PyLongObject *)(obj), (unsigned char *)(out), (size_t)(size), 1, 1)

BRINERY_ALWAYS_INLINE int brinery_managed_attributes(PyObject *obj, PyObject **dict, PyDictValues **values)
{
    uintptr_t either = ((uintptr_t *)obj)[-3];
    if (either & 1) {
        *values = (PyDictValues *)(either + 1);
        return 2;
    }
    *dict = (PyObject *)either;
    return 1;
}

#define brinery_values_size(attributes) ((Py_ssize_t)((uint8_t *)(attributes))[-2])
#define brinery_values_index(attributes, i) (((uint8_t *)(attributes))[-3 - (i)])
#define brinery_values_key(type, index) \
    (DK_UNICODE_ENTRIES(((PyHeapTypeObject *)(type))->ht_cached_keys)[index].me_key)
#define brinery_values_item(attributes, index) ((attributes)->values[index])
