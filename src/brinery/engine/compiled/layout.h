/* What the engine asks of CPython, behind one set of names: by the private layout of its objects where that is
 * known (layout_private.h), else by the documented interface alone (layout_public.h).
 */
#ifndef BRINERY_LAYOUT_H
#define BRINERY_LAYOUT_H

#include <Python.h>
#include <datetime.h>
#include <structmember.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "layout_known.h"

#if defined(__GNUC__) || defined(__clang__)
#define BRINERY_ALWAYS_INLINE static inline __attribute__((always_inline))
#define BRINERY_LIKELY(x) __builtin_expect(!!(x), 1)
#elif defined(_MSC_VER)
#define BRINERY_ALWAYS_INLINE static __forceinline
#define BRINERY_LIKELY(x) (x)
#else
#define BRINERY_ALWAYS_INLINE static inline
#define BRINERY_LIKELY(x) (x)
#endif

/* Every trick can be turned off by defining its switch as 0, and all of them by BRINERY_TRICKS_ALLOWED=0; the
 * engine is then slower and otherwise the same. On free-threaded builds all are off: they rely on nobody
 * else running meanwhile. */
#ifdef Py_GIL_DISABLED
#undef BRINERY_TRICKS_ALLOWED
#define BRINERY_TRICKS_ALLOWED 0
#elif !defined(BRINERY_TRICKS_ALLOWED)
#define BRINERY_TRICKS_ALLOWED 1
#endif

/* Most of them rest on private layout too, or on what a count of references says, which is nothing that is
 * documented. */
#define BRINERY_LAYOUT_TRICKS (BRINERY_TRICKS_ALLOWED && !BRINERY_PUBLIC)

/* While no Python code runs, references are borrowed, and what nobody else refers to gets no memo entry:
 * instances are written 1.6 to 2.8 times as fast, tuples 3.6. */
#ifndef BRINERY_BORROWING
#define BRINERY_BORROWING BRINERY_LAYOUT_TRICKS
#endif

/* Instances whose reduction is object's own are written without asking for it: 7 to 19 times as fast. */
#ifndef BRINERY_PLANS
#define BRINERY_PLANS BRINERY_LAYOUT_TRICKS
#endif

/* Writers are kept in a list, for the tests to see what each still borrows: small dumps take 2 % longer. */
#ifndef BRINERY_WATCHED
#define BRINERY_WATCHED 0
#endif

/* Large buffers ask for huge pages: payloads of 64 MB are written 5 to 8 times as fast. */
#ifndef BRINERY_HUGE_PAGES
#define BRINERY_HUGE_PAGES 1
#endif

/* Memory of a large result is kept by the allocators for the next, where the environment asks for it with
 * BRINERY_KEEP_MEMORY=1: how a process's allocators behave is its owner's to say. Dumps of 500 kB to 2 MB take half to
 * two thirds of the time then, loads of 100k numbers or strings a third to two thirds. */
static inline int brinery_may_keep_memory(void)
{
    static int may = -1;
    if (may < 0) {
        const char *said = getenv("BRINERY_KEEP_MEMORY");
        may = said != NULL && strcmp(said, "1") == 0;
    }
    return may;
}

#if BRINERY_PUBLIC
#include "layout_public.h"
#else
#include "layout_private.h"
#endif

/* Ints from 0 up of which there is one each: so many. */
#ifndef BRINERY_SHARED_INTS
#define BRINERY_SHARED_INTS 257
#endif

#if defined(__GNUC__) || defined(__clang__)
#define brinery_prefetch(address) __builtin_prefetch((address), 1)
#else
#define brinery_prefetch(address) ((void)(address))
#endif

/* ---- bytes in the order of the stream ------------------------------------------------------- */

BRINERY_ALWAYS_INLINE void brinery_put_u16(char *out, uint32_t value)
{
    out[0] = (char)value;
    out[1] = (char)(value >> 8);
}

BRINERY_ALWAYS_INLINE void brinery_put_u32(char *out, uint32_t value)
{
#if PY_LITTLE_ENDIAN
    memcpy(out, &value, 4);
#else
    out[0] = (char)value;
    out[1] = (char)(value >> 8);
    out[2] = (char)(value >> 16);
    out[3] = (char)(value >> 24);
#endif
}

BRINERY_ALWAYS_INLINE void brinery_put_u64(char *out, uint64_t value)
{
    brinery_put_u32(out, (uint32_t)value);
    brinery_put_u32(out + 4, (uint32_t)(value >> 32));
}

BRINERY_ALWAYS_INLINE void brinery_put_double(char *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
#if PY_LITTLE_ENDIAN && (defined(__GNUC__) || defined(__clang__))
    bits = __builtin_bswap64(bits);
    memcpy(out, &bits, 8);
#else
    for (int i = 0; i < 8; i++) {
        out[i] = (char)(bits >> (56 - 8 * i));
    }
#endif
}

/* Short copies are most of what a pickler does, and a call of memcpy costs more than they do. */
BRINERY_ALWAYS_INLINE void brinery_copy(char *out, const char *from, Py_ssize_t size)
{
    if (size >= 8) {
        if (size > 32) {
            memcpy(out, from, (size_t)size);
            return;
        }
        uint64_t a, b;
        if (size > 16) {
            uint64_t c, d;
            memcpy(&a, from, 8);
            memcpy(&b, from + 8, 8);
            memcpy(&c, from + size - 16, 8);
            memcpy(&d, from + size - 8, 8);
            memcpy(out, &a, 8);
            memcpy(out + 8, &b, 8);
            memcpy(out + size - 16, &c, 8);
            memcpy(out + size - 8, &d, 8);
            return;
        }
        memcpy(&a, from, 8);
        memcpy(&b, from + size - 8, 8);
        memcpy(out, &a, 8);
        memcpy(out + size - 8, &b, 8);
    }
    else if (size >= 4) {
        uint32_t a, b;
        memcpy(&a, from, 4);
        memcpy(&b, from + size - 4, 4);
        memcpy(out, &a, 4);
        memcpy(out + size - 4, &b, 4);
    }
    else if (size > 0) {
        out[0] = from[0];
        out[size >> 1] = from[size >> 1];
        out[size - 1] = from[size - 1];
    }
}

/* An int of up to 63 bits from protocol 2 on, or of 32 bits at protocol 1; returns the end of it. Which
 * of the sizes it is follows no pattern that a processor could predict, so it is looked up, not decided. */
BRINERY_ALWAYS_INLINE char *brinery_put_int(char *out, int64_t value)
{
    static const char opcodes[3] = {'K', 'M', 'J'};
    static const char sizes[3] = {2, 3, 5};
    if ((int32_t)value == value) {
        int size = ((uint32_t)value > 0xFF) + ((uint32_t)value > 0xFFFF);
        out[0] = opcodes[size];
        brinery_put_u32(out + 1, (uint32_t)value);
        return out + sizes[size];
    }
    uint64_t magnitude = (uint64_t)(value < 0 ? ~value : value);
#if defined(__GNUC__) || defined(__clang__)
    int size = (64 - __builtin_clzll(magnitude)) / 8 + 1;
#else
    int size = 4;
    while (magnitude >> (8 * size - 1)) {
        size++;
    }
#endif
    out[0] = (char)0x8A;
    out[1] = (char)size;
    brinery_put_u64(out + 2, (uint64_t)value);
    return out + 2 + size;
}

/* ---- str ------------------------------------------------------------------------------------ */

/* Up to CPython 3.11, a str could be one that was not in its final form yet. */
#if PY_VERSION_HEX < 0x030C0000
#define brinery_make_ready(text) PyUnicode_READY(text)
#else
#define brinery_make_ready(text) ((void)(text), 0)
#endif

/* ---- types: documented fields ---------------------------------------------------------------- */

#define brinery_is_immutable_type(type) \
    (((type)->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0 || ((type)->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) != 0)
#define brinery_is_heap_type(type) (((type)->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0)

/* Whether looking the type up in a dict runs no hash of its metaclass. */
#define brinery_type_hashes_plainly(type) (Py_TYPE(type)->tp_hash == PyType_Type.tp_hash)

/* Whether `function` is a class whose __name__ is not one of copyreg's two constructors' names, seen
 * without asking for it: a class's tp_name ends in it. */
BRINERY_ALWAYS_INLINE int brinery_plain_name(PyObject *function)
{
    return Py_IS_TYPE(function, &PyType_Type)
           && (((PyTypeObject *)function)->tp_name[0] != '_'
               || strncmp(((PyTypeObject *)function)->tp_name, "__newobj", 8) != 0);
}

#define brinery_slot(obj, offset) (*(PyObject **)((char *)(obj) + (offset)))

/* ---- large buffers -------------------------------------------------------------------------- */

#if defined(__linux__)
#include <sys/mman.h>
#endif

/* glibc maps a block that is at least as large as any that was freed so far, and unmaps it when it is freed:
 * who makes results of one size again and again touches new pages, a fault each, every time. It keeps the
 * memory of all that is smaller than the largest block that was freed, so one twice as large is freed once. */
BRINERY_ALWAYS_INLINE void brinery_keep_memory(Py_ssize_t size)
{
#ifdef __GLIBC__
    static Py_ssize_t kept = 128 * 1024;
    if (size >= kept && size <= 16 * 1024 * 1024 && brinery_may_keep_memory()) {
        kept = 2 * size;
        char *block = malloc((size_t)kept);
        if (block != NULL) {
            *(volatile char *)block = 0; /* or the compiler would leave out both calls */
            free(block);
        }
    }
#else
    (void)size;
#endif
}

/* First touches of a large buffer cost a page fault each; huge pages make them 512 times fewer. */
BRINERY_ALWAYS_INLINE void brinery_advise_huge(char *start, Py_ssize_t size)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE) && BRINERY_HUGE_PAGES
    /* Outwards to whole pages: a mapping of which a part is advised is two mappings, and realloc
     * then copies what it would have moved. */
    uintptr_t page = 4096, begin = (uintptr_t)start & ~(page - 1);
    uintptr_t end = ((uintptr_t)start + (uintptr_t)size + page - 1) & ~(page - 1);
    (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)start;
    (void)size;
#endif
}

#endif
