/* Text, written in place. Of protocols 0 and 1: decimal numbers, and UNICODE's raw-unicode-escape. */
#ifndef BRINERY_WRITING_TEXT_H
#define BRINERY_WRITING_TEXT_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

/* Whether the strict UTF-8 codec refuses such text: it would make an exception, which may run the collector. */
static int brinery_has_surrogates(int kind, const void *data, Py_ssize_t length)
{
    int found = 0;
    Py_ssize_t i;
    if (kind == PyUnicode_2BYTE_KIND) {
        for (i = 0; i < length; i++)
            found |= (((const Py_UCS2 *)data)[i] & 0xF800) == 0xD800;
    }
    else if (kind == PyUnicode_4BYTE_KIND) {
        for (i = 0; i < length; i++)
            found |= (((const Py_UCS4 *)data)[i] & 0xFFFFF800) == 0xD800;
    }
    return found;
}

/* At most 20 bytes; returns the end of it. */
static char *brinery_put_decimal(char *out, int64_t value)
{
    char digits[20];
    int i = 20;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--i] = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (value < 0)
        *out++ = '-';
    memcpy(out, digits + i, (size_t)(20 - i));
    return out + (20 - i);
}

/* What a line cannot hold, or would be read wrongly: NUL, LF, CR, ^Z and the backslash. One bit each, for what is
 * below 128. */
#define BRINERY_IS_RAW_ESCAPED(c)                                                                                  \
    ((c) == '\\' || ((c) < 32 && ((1U | 1U << '\n' | 1U << '\r' | 1U << 0x1A) >> (c) & 1)))

/* How many bytes such text takes; -1 where that is more than there can be. */
static Py_ssize_t brinery_raw_size(int kind, const void *data, Py_ssize_t length)
{
    Py_ssize_t more = 0, i;
    if (length > PY_SSIZE_T_MAX / 16)
        return -1;
    if (kind == PyUnicode_1BYTE_KIND) {
        const Py_UCS1 *text = (const Py_UCS1 *)data;
        for (i = 0; i < length; i++)
            more += (text[i] == '\\') | (text[i] == 0) | (text[i] == '\n') | (text[i] == '\r') | (text[i] == 0x1A);
        return length + 5 * more;
    }
    for (i = 0; i < length; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        more += c >= 0x10000 ? 9 : c >= 0x100 || BRINERY_IS_RAW_ESCAPED(c) ? 5 : 0;
    }
    return length + more;
}

/* Writes as many bytes as that says; returns the end of them. */
static char *brinery_put_raw(char *out, int kind, const void *data, Py_ssize_t length)
{
    static const char hex[] = "0123456789abcdef";
    for (Py_ssize_t i = 0; i < length; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        int digits;
        if (c < 0x100 && !BRINERY_IS_RAW_ESCAPED(c)) {
            *out++ = (char)c;
            continue;
        }
        digits = c >= 0x10000 ? 8 : 4;
        *out++ = '\\';
        *out++ = digits == 8 ? 'U' : 'u';
        while (digits > 0)
            *out++ = hex[c >> 4 * --digits & 15];
    }
    return out;
}

#endif
