/* UTF-8 of text that is not ASCII, decoded in two looks: how many characters there are and how wide, eight bytes at a
 * time; and then each into its place. The interpreter's decoder takes one look, but widens and moves what it has
 * whenever a wider character comes, and asks for each that is not ASCII which of all cases it is.
 *
 * Surrogates, which "surrogatepass" lets through, and all that is malformed is left to the interpreter. */
#ifndef BRINERY_READING_TEXT_H
#define BRINERY_READING_TEXT_H

#include <Python.h>

#include <string.h>

#define BRINERY_HIGH_BITS 0x8080808080808080ULL

static int brinery_is_ascii(const unsigned char *data, Py_ssize_t size)
{
    Py_ssize_t i = 0;
    uint64_t w[4], any = 0;
    for (; i + 32 <= size; i += 32) {
        memcpy(w, data + i, 32);
        if ((w[0] | w[1] | w[2] | w[3]) & BRINERY_HIGH_BITS)
            return 0;
    }
    for (; i + 8 <= size; i += 8) {
        memcpy(w, data + i, 8);
        any |= w[0];
    }
    for (; i < size; i++)
        any |= (uint64_t)data[i] << 56;
    return !(any & BRINERY_HIGH_BITS);
}

/* The number of characters, and the highest that such text can have: 0x7F, 0xFF, 0xFFFF or 0x10FFFF. */
static Py_ssize_t brinery_text_measure(const unsigned char *data, Py_ssize_t size, Py_UCS4 *most)
{
    uint64_t wide = 0, astral = 0, any = 0;
    Py_ssize_t continuations = 0, i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t w;
        memcpy(&w, data + i, 8);
        any |= w;
        /* 10xxxxxx goes on with a character; from 0xC4 on one begins that is not Latin-1; 1111xxxx begins one beyond
         * the first plane. Bits of the byte beside come into the lowest places only. */
        continuations += (Py_ssize_t)(((((w & ~(w << 1)) & BRINERY_HIGH_BITS) >> 7) * 0x0101010101010101ULL) >> 56);
        wide |= w & (w << 1) & (w << 2 | w << 3 | w << 4 | w << 5);
        astral |= w & (w << 1) & (w << 2) & (w << 3);
    }
    for (; i < size; i++) {
        uint64_t b = data[i];
        any |= b;
        continuations += (b & 0xC0) == 0x80;
        wide |= b >= 0xC4 ? BRINERY_HIGH_BITS : 0;
        astral |= b >= 0xF0 ? BRINERY_HIGH_BITS : 0;
    }
    *most = astral & BRINERY_HIGH_BITS ? 0x10FFFF : wide & BRINERY_HIGH_BITS ? 0xFFFF
            : any & BRINERY_HIGH_BITS ? 0xFF : 0x7F;
    return size - continuations;
}

#define BRINERY_CONTINUES(byte) (((byte) & 0xC0) == 0x80)

/* Latin-1: half of such text may be of either kind of character, and each branch would be guessed wrongly half of the
 * time. So there is none for it: eight bytes lie in a register, and go by one or by two. */
static int brinery_text_narrow(const unsigned char *data, Py_ssize_t size, Py_UCS1 *out, Py_UCS1 *out_end)
{
    const unsigned char *end = data + size;
#if PY_LITTLE_ENDIAN
    while (end - data >= 8 && out_end - out >= 8) {
        uint64_t w;
        unsigned used = 0;
        memcpy(&w, data, 8);
        if (!(w & BRINERY_HIGH_BITS)) {
            memcpy(out, &w, 8);
            out += 8;
            data += 8;
            continue;
        }
        do {
            unsigned two = (unsigned)w >> 7 & 1, next = (unsigned)(w >> 8) & 0xFF;
            unsigned both = ((unsigned)w & 3) << 6 | (next & 0x3F);
            if (two & (((w & 0xFE) != 0xC2) | !BRINERY_CONTINUES(next)))
                return -1;
            *out++ = (Py_UCS1)(two ? both : (unsigned)w & 0xFF);
            w >>= 8 << two;
            used += 1 + two;
        } while (used < 7);
        data += used;
    }
#endif
    while (data < end) {
        unsigned byte = *data++;
        if (out == out_end)
            return -1;
        if (byte < 0x80)
            *out++ = (Py_UCS1)byte;
        else {
            if ((byte & 0xFE) != 0xC2 || data == end || !BRINERY_CONTINUES(*data))
                return -1;
            *out++ = (Py_UCS1)((byte & 3) << 6 | (*data++ & 0x3F));
        }
    }
    return out == out_end ? 0 : -1;
}

/* The other two kinds, which differ in the type of a character. */
#define BRINERY_TEXT_DECODER(NAME, TYPE, ASTRAL)                                                                  \
    static int NAME(const unsigned char *data, Py_ssize_t size, TYPE *out, TYPE *out_end)                          \
    {                                                                                                              \
        const unsigned char *end = data + size;                                                                    \
        while (data < end) {                                                                                       \
            Py_UCS4 byte = *data, code;                                                                            \
            if (out == out_end)                                                                                    \
                return -1;                                                                                         \
            if (byte < 0x80) {                                                                                     \
                *out++ = (TYPE)byte;                                                                               \
                data++;                                                                                            \
            }                                                                                                      \
            else if (byte < 0xE0) {                                                                                \
                if (byte < 0xC2 || end - data < 2 || !BRINERY_CONTINUES(data[1]))                                  \
                    return -1;                                                                                     \
                *out++ = (TYPE)((byte & 0x1F) << 6 | (data[1] & 0x3F));                                            \
                data += 2;                                                                                         \
            }                                                                                                      \
            else if (byte < 0xF0) {                                                                                \
                if (end - data < 3 || !BRINERY_CONTINUES(data[1]) || !BRINERY_CONTINUES(data[2]))                  \
                    return -1;                                                                                     \
                code = (byte & 0x0F) << 12 | (Py_UCS4)(data[1] & 0x3F) << 6 | (data[2] & 0x3F);                    \
                if (code < 0x800 || (code >= 0xD800 && code < 0xE000))                                             \
                    return -1;                                                                                     \
                *out++ = (TYPE)code;                                                                               \
                data += 3;                                                                                         \
            }                                                                                                      \
            else {                                                                                                 \
                if (!ASTRAL || byte > 0xF4 || end - data < 4 || !BRINERY_CONTINUES(data[1])                        \
                    || !BRINERY_CONTINUES(data[2]) || !BRINERY_CONTINUES(data[3]))                                 \
                    return -1;                                                                                     \
                code = (byte & 7) << 18 | (Py_UCS4)(data[1] & 0x3F) << 12 | (Py_UCS4)(data[2] & 0x3F) << 6         \
                       | (data[3] & 0x3F);                                                                         \
                if (code < 0x10000 || code > 0x10FFFF)                                                             \
                    return -1;                                                                                     \
                *out++ = (TYPE)code;                                                                               \
                data += 4;                                                                                         \
            }                                                                                                      \
        }                                                                                                          \
        return out == out_end ? 0 : -1;                                                                            \
    }

BRINERY_TEXT_DECODER(brinery_text_wide, Py_UCS2, 0)
BRINERY_TEXT_DECODER(brinery_text_widest, Py_UCS4, 1)

/* A new str of at least two characters; NULL without an exception where the interpreter's decoder is to be asked. The
 * bytes must not change meanwhile. */
static PyObject *brinery_text_new(const unsigned char *data, Py_ssize_t size)
{
    Py_UCS4 most;
    Py_ssize_t length = brinery_text_measure(data, size, &most);
    PyObject *text;
    int status;
    if (length < 2 || most == 0x7F)
        return NULL;
    text = PyUnicode_New(length, most);
    if (text == NULL)
        return NULL;
    if (most == 0xFF)
        status = brinery_text_narrow(data, size, PyUnicode_1BYTE_DATA(text), PyUnicode_1BYTE_DATA(text) + length);
    else if (most == 0xFFFF)
        status = brinery_text_wide(data, size, PyUnicode_2BYTE_DATA(text), PyUnicode_2BYTE_DATA(text) + length);
    else
        status = brinery_text_widest(data, size, PyUnicode_4BYTE_DATA(text), PyUnicode_4BYTE_DATA(text) + length);
    if (status == 0)
        return text;
    Py_DECREF(text);
    return NULL;
}

#endif
