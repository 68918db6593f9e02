/* From CPython 3.12 on, ints keep their sign in a tag. */
#ifndef BRINERY_LAYOUT_TAGGED_INT_H
#define BRINERY_LAYOUT_TAGGED_INT_H

#define BRINERY_DIGITS long_value.ob_digit

#define brinery_int_head(op, negative, digits) ((op)->long_value.lv_tag = (digits) << 3 | ((negative) ? 2 : 0))

/* The value of an int of at most 62 bits; 0 where it has more. */
BRINERY_ALWAYS_INLINE int brinery_small_int(PyObject *obj, int64_t *value)
{
    const _PyLongValue *number = &((PyLongObject *)obj)->long_value;
    int64_t sign = 1 - (int64_t)(number->lv_tag & 3);
    if (BRINERY_LIKELY(number->lv_tag < 2 << 3)) {
        *value = sign * (int64_t)number->ob_digit[0];
        return 1;
    }
    switch (number->lv_tag >> 3) {
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

#endif
