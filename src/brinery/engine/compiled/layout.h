/* Private layout of CPython's objects, behind one set of names.
 *
 * One header per Python version defines what differs between them; this one chooses among them and
 * holds what they share. Nothing else in the engine looks inside an int, a str, a dict or an instance.
 */
#ifndef BRINERY_LAYOUT_H
#define BRINERY_LAYOUT_H

#include <Python.h>
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

/* While no Python code runs, references are borrowed, and what nobody else refers to gets no memo entry:
 * instances are written 1.6 to 2.8 times as fast, tuples 3.6. */
#ifndef BRINERY_BORROWING
#define BRINERY_BORROWING BRINERY_TRICKS_ALLOWED
#endif

/* Instances whose reduction is object's own are written without asking for it: 7 to 19 times as fast. */
#ifndef BRINERY_PLANS
#define BRINERY_PLANS BRINERY_TRICKS_ALLOWED
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

#if PY_VERSION_HEX >= 0x030F0000
#include "layout_315.h"
#elif PY_VERSION_HEX >= 0x030E0000
#include "layout_314.h"
#elif PY_VERSION_HEX >= 0x030D0000
#include "layout_313.h"
#elif PY_VERSION_HEX >= 0x030C0000
#include "layout_312.h"
#else
#include "layout_311.h"
#endif

/* Ints from 0 up of which there is one each: so many. */
#ifndef BRINERY_SHARED_INTS
#define BRINERY_SHARED_INTS 257
#endif

/* The first reference to a new object, in memory that holds anything: Py_SET_REFCNT() would look at it. */
#ifndef brinery_count_one
#define brinery_count_one(op) ((op)->ob_refcnt = 1)
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

/* The UTF-8 form that a str already carries: itself where it is ASCII, else what a cache holds. */
BRINERY_ALWAYS_INLINE const char *brinery_utf8(PyObject *text, Py_ssize_t *size)
{
    if (BRINERY_LIKELY(PyUnicode_IS_COMPACT_ASCII(text))) {
        *size = PyUnicode_GET_LENGTH(text);
        return (const char *)(((PyASCIIObject *)text) + 1);
    }
    *size = ((PyCompactUnicodeObject *)text)->utf8_length;
    return ((PyCompactUnicodeObject *)text)->utf8;
}

/* A tuple whose items were changed has another hash: from 3.14 on, it keeps the one that it was asked for last. */
#if PY_VERSION_HEX >= 0x030E0000
#define brinery_forget_hash(tuple) (((PyTupleObject *)(tuple))->ob_hash = -1)
#else
#define brinery_forget_hash(tuple) ((void)0)
#endif

#define brinery_list_items(list) (((PyListObject *)(list))->ob_item)

/* ---- set ------------------------------------------------------------------------------------ */

/* The next member at or after *pos, or NULL. A deleted entry keeps a dummy key, whose hash is -1. */
BRINERY_ALWAYS_INLINE PyObject *brinery_set_next(PyObject *set, Py_ssize_t *pos)
{
    PySetObject *so = (PySetObject *)set;
    Py_ssize_t i = *pos;
    while (i <= so->mask) {
        setentry *entry = &so->table[i++];
        if (entry->key != NULL && entry->hash != -1) {
            *pos = i;
            return entry->key;
        }
    }
    *pos = i;
    return NULL;
}

/* ---- dict ----------------------------------------------------------------------------------- */

/* The keys of a split table are shared by many dicts, and counted once. */
#define brinery_dict_is_split(dict) (((PyDictObject *)(dict))->ma_values != NULL)

/* PyDict_Next(), inlined: the call alone is a third of what a pair of ints takes to write. */
BRINERY_ALWAYS_INLINE int brinery_dict_next(PyObject *dict, Py_ssize_t *pos, PyObject **key, PyObject **value)
{
    PyDictKeysObject *keys = ((PyDictObject *)dict)->ma_keys;
    Py_ssize_t i = *pos, end = keys->dk_nentries;
    if (!BRINERY_TRICKS_ALLOWED || brinery_dict_is_split(dict)) {
        return PyDict_Next(dict, pos, key, value);
    }
    if (DK_IS_UNICODE(keys)) {
        PyDictUnicodeEntry *entries = DK_UNICODE_ENTRIES(keys);
        while (i < end && entries[i].me_value == NULL) {
            i++;
        }
        if (i >= end) {
            return 0;
        }
        *key = entries[i].me_key;
        *value = entries[i].me_value;
    }
    else {
        PyDictKeyEntry *entries = DK_ENTRIES(keys);
        while (i < end && entries[i].me_value == NULL) {
            i++;
        }
        if (i >= end) {
            return 0;
        }
        *key = entries[i].me_key;
        *value = entries[i].me_value;
    }
    *pos = i + 1;
    return 1;
}

/* Whether all keys are str itself: looking one of them up runs no code. */
#define brinery_dict_has_plain_keys(dict) (DK_IS_UNICODE(((PyDictObject *)(dict))->ma_keys))

/* The insides of OrderedDict, which no header has: the dict, and a list of its keys in their order. They are used
 * only where the type's size and offsets, and a walk over one, agree with them (see collections.pxi). */
typedef struct brinery_ordered_node {
    PyObject *key;
    Py_hash_t hash;
    struct brinery_ordered_node *next;
    struct brinery_ordered_node *previous;
} brinery_ordered_node;

typedef struct {
    PyDictObject dict;
    brinery_ordered_node *first;
    brinery_ordered_node *last;
    brinery_ordered_node **fast_nodes;
    Py_ssize_t fast_nodes_size;
    void *resize_sentinel;
    size_t state;
    PyObject *attributes;
    PyObject *weak_references;
} brinery_ordered;

#define brinery_ordered_is_known(type) \
    (BRINERY_TRICKS_ALLOWED && (type)->tp_basicsize == (Py_ssize_t)sizeof(brinery_ordered) \
     && (type)->tp_dictoffset == (Py_ssize_t)offsetof(brinery_ordered, attributes) \
     && (type)->tp_weaklistoffset == (Py_ssize_t)offsetof(brinery_ordered, weak_references))

/* Whether the list seems to have none, one or more nodes, by its ends alone. */
#define brinery_ordered_nodes(ordered) \
    (((brinery_ordered *)(ordered))->first == NULL && ((brinery_ordered *)(ordered))->last == NULL ? 0 \
     : ((brinery_ordered *)(ordered))->first == ((brinery_ordered *)(ordered))->last ? 1 : 2)

/* The item behind *node, or the first; 0 where there is none. The keys are plain, so looking up runs no code. */
BRINERY_ALWAYS_INLINE int brinery_ordered_next(PyObject *ordered, void **node, PyObject **key, PyObject **value)
{
    brinery_ordered_node *at = (brinery_ordered_node *)*node;
    at = at == NULL ? ((brinery_ordered *)ordered)->first : at->next;
    if (at == NULL) {
        return 0;
    }
    *node = at;
    *key = at->key;
    *value = _PyDict_GetItem_KnownHash(ordered, at->key, at->hash);
    return *value != NULL;
}

/* ---- types ---------------------------------------------------------------------------------- */

#define brinery_type_lookup(type, name) _PyType_Lookup((PyTypeObject *)(type), (name))
#define brinery_is_immutable_type(type) \
    (((type)->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0 || ((type)->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) != 0)
#define brinery_is_heap_type(type) (((type)->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0)

/* A version that changes with every change to the type or its bases; 0 where the type has none now. */
BRINERY_ALWAYS_INLINE unsigned int brinery_type_version(PyTypeObject *type)
{
#if PY_VERSION_HEX < 0x030D0000
    if (!(type->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG)) {
        return 0;
    }
#endif
    return type->tp_version_tag;
}

/* Whether looking the type up in a dict runs no hash of its metaclass. */
#define brinery_type_hashes_plainly(type) (Py_TYPE(type)->tp_hash == PyType_Type.tp_hash)

/* PyObject_Vectorcall(), which for a function asks the thread's state twice: hooks in Python are called in 0.95 of
 * the time. */
BRINERY_ALWAYS_INLINE PyObject *brinery_call(PyObject *callable, PyObject **args, size_t count)
{
    if (BRINERY_LIKELY(Py_IS_TYPE(callable, &PyFunction_Type))) {
        return ((PyFunctionObject *)callable)->vectorcall(callable, args, count, NULL);
    }
    return PyObject_Vectorcall(callable, args, count, NULL);
}

/* Whether `function` is a class whose __name__ is not one of copyreg's two constructors' names, seen
 * without asking for it: a class's tp_name ends in it. */
BRINERY_ALWAYS_INLINE int brinery_plain_name(PyObject *function)
{
    return Py_IS_TYPE(function, &PyType_Type)
           && (((PyTypeObject *)function)->tp_name[0] != '_'
               || strncmp(((PyTypeObject *)function)->tp_name, "__newobj", 8) != 0);
}

/* A function's own __name__, which is any str. */
#define brinery_function_name(function) (((PyFunctionObject *)(function))->func_name)

/* The place of a slot that holds an object, or -1: only such a descriptor can be read and set without a
 * call. One that was taken from an unrelated class says nothing about the instances of this one. */
BRINERY_ALWAYS_INLINE Py_ssize_t brinery_slot_offset(PyTypeObject *type, PyObject *descriptor)
{
    if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type)
        || !PyType_IsSubtype(type, ((PyDescrObject *)descriptor)->d_type)) {
        return -1;
    }
    PyMemberDef *member = ((PyMemberDescrObject *)descriptor)->d_member;
    return member->type == T_OBJECT_EX && !(member->flags & (READONLY | READ_RESTRICTED)) ? member->offset : -1;
}

#define brinery_slot(obj, offset) (*(PyObject **)((char *)(obj) + (offset)))

/* How an instance keeps its attributes: not at all (0), in a dict (1), or in values beside it whose
 * names its type holds (2). *dict is NULL where the dict was never made. */
BRINERY_ALWAYS_INLINE int brinery_attributes(PyObject *obj, PyObject **dict, PyDictValues **values)
{
    PyTypeObject *type = Py_TYPE(obj);
    *dict = NULL;
    if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        return brinery_managed_attributes(obj, dict, values);
    }
    if (type->tp_dictoffset > 0) {
        *dict = *(PyObject **)((char *)obj + type->tp_dictoffset);
        return 1;
    }
    if (type->tp_dictoffset < 0) {
        /* Counted from the end of what has no fixed size: on 3.11, instances of subclasses of int, bytes and tuple. */
        PyObject **place = _PyObject_GetDictPtr(obj);
        *dict = place != NULL ? *place : NULL;
        return 1;
    }
    return 0;
}

/* The values that `dict`, of an instance of `type`, keeps apart from its keys, which are the type's; else NULL. */
BRINERY_ALWAYS_INLINE PyDictValues *brinery_shared_values(PyObject *dict, PyTypeObject *type)
{
    PyDictObject *attributes = (PyDictObject *)dict;
    if (dict != NULL && Py_IS_TYPE(dict, &PyDict_Type) && (type->tp_flags & Py_TPFLAGS_MANAGED_DICT)
        && attributes->ma_values != NULL && attributes->ma_keys == ((PyHeapTypeObject *)type)->ht_cached_keys) {
        return attributes->ma_values;
    }
    return NULL;
}

/* The names that a type's instances share, and how many there are: names are only ever added. */
#define brinery_cached_keys(type) ((void *)((PyHeapTypeObject *)(type))->ht_cached_keys)
#define brinery_keys_size(keys) (((PyDictKeysObject *)(keys))->dk_nentries)

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
