/* What the reader knows of CPython beyond its public interface, and the switches of its tricks.
 *
 * Every trick can be turned off by defining its switch as 0; the reader is then slower and otherwise
 * the same. On free-threaded builds all of them are off: they rely on nobody else running meanwhile.
 */
#ifndef BRINERY_READING_LAYOUT_H
#define BRINERY_READING_LAYOUT_H

#include <Python.h>
#include <structmember.h>
#include <stdint.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#ifdef Py_GIL_DISABLED
#define BRINERY_TRICKS_ALLOWED 0
#else
#define BRINERY_TRICKS_ALLOWED 1
#endif

/* The items of a list are written straight into its array: without the slice in between, lists load
 * 1.8 times as fast. */
#ifndef BRINERY_FILL_LISTS
#define BRINERY_FILL_LISTS BRINERY_TRICKS_ALLOWED
#endif

/* The collector is off while only builtins are made: 1.0 to 1.9 times as fast. */
#ifndef BRINERY_PAUSE_COLLECTOR
#define BRINERY_PAUSE_COLLECTOR BRINERY_TRICKS_ALLOWED
#endif

/* NEWOBJ ... SETITEMS ... BUILD as one step, without the state's dict: instances 2.4 to 5 times as fast. */
#ifndef BRINERY_FUSE_BUILD
#define BRINERY_FUSE_BUILD BRINERY_TRICKS_ALLOWED
#endif

/* A dict with the keys of an earlier one starts as that one's copy: records 1.2 to 1.5 times as fast. */
#ifndef BRINERY_COPY_KEYS
#define BRINERY_COPY_KEYS BRINERY_TRICKS_ALLOWED
#endif

/* States of loads() are kept for the next call: tiny pickles 1.5 times as fast. */
#ifndef BRINERY_POOL_STATES
#define BRINERY_POOL_STATES BRINERY_TRICKS_ALLOWED
#endif

/* Short ASCII text is made as a copy of another one's header: a third faster than PyUnicode_New. */
#ifndef BRINERY_COPY_HEADERS
#ifdef Py_TRACE_REFS
#define BRINERY_COPY_HEADERS 0
#else
#define BRINERY_COPY_HEADERS BRINERY_TRICKS_ALLOWED
#endif
#endif

/* ASCII text of `size` bytes, which is at least 2: shorter ones are shared. `model` is any such text that
 * is not interned and has not been hashed. */
static inline PyObject *brinery_ascii(PyObject *model, const unsigned char *data, Py_ssize_t size)
{
#if BRINERY_COPY_HEADERS
    PyASCIIObject *text = PyObject_Malloc(sizeof(PyASCIIObject) + (size_t)size + 1);
    unsigned char *out;
    if (text == NULL)
        return PyErr_NoMemory();
    *text = *(PyASCIIObject *)model;
    Py_SET_REFCNT((PyObject *)text, 1);
    text->length = size;
    out = (unsigned char *)(text + 1);
    out[size] = 0;
#else
    PyObject *text = PyUnicode_New(size, 127);
    unsigned char *out;
    (void)model;
    if (text == NULL)
        return NULL;
    out = PyUnicode_1BYTE_DATA(text);
#endif
    if (size >= 8 && size <= 32) {
        /* overlapping words instead of a call of memcpy, for the lengths that names have */
        uint64_t a, b, c, d;
        memcpy(&a, data, 8);
        memcpy(&b, data + size - 8, 8);
        if (size > 16) {
            memcpy(&c, data + 8, 8);
            memcpy(&d, data + size - 16, 8);
            memcpy(out + 8, &c, 8);
            memcpy(out + size - 16, &d, 8);
        }
        memcpy(out, &a, 8);
        memcpy(out + size - 8, &b, 8);
    }
    else
        memcpy(out, data, (size_t)size);
    return (PyObject *)text;
}

static inline uint64_t brinery_load64(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

static inline uint64_t brinery_little(const unsigned char *p, int size)
{
    uint64_t value = 0;
#if PY_LITTLE_ENDIAN
    if (size == 4) {
        uint32_t half;
        memcpy(&half, p, 4);
        return half;
    }
    if (size == 8)
        return brinery_load64(p);
#endif
    while (size--)
        value = value << 8 | p[size];
    return value;
}

static inline double brinery_double(const unsigned char *p)
{
    uint64_t bits = 0;
    double value;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | p[i];
    memcpy(&value, &bits, 8);
    return value;
}

/* From 4 MiB on, fresh memory in huge pages: most of the time of a large payload is page faults. */
#define BRINERY_HUGE (4 << 20)

static inline void brinery_advise_huge(void *memory, Py_ssize_t size)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    uintptr_t page = 4096, start = ((uintptr_t)memory + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)memory + (uintptr_t)size) & ~(page - 1);
    if (size >= BRINERY_HUGE && end > start)
        (void)madvise((void *)start, end - start, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)size;
#endif
}

/* Append `count` owned references to an exact list, which takes them over. */
static inline int brinery_list_take(PyObject *op, PyObject **items, Py_ssize_t count)
{
#if BRINERY_FILL_LISTS
    PyListObject *list = (PyListObject *)op;
    Py_ssize_t size = Py_SIZE(list), need = size + count;
    if (need > list->allocated) {
        /* exact at first, then an eighth more as list.extend does, so that batches stay linear */
        size_t room = (size_t)need;
        if (size)
            room = (room + (room >> 3) + 6) & ~(size_t)3;
        PyObject **grown = PyMem_Realloc(list->ob_item, room * sizeof(PyObject *));
        if (grown == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        list->ob_item = grown;
        list->allocated = (Py_ssize_t)room;
    }
    memcpy(list->ob_item + size, items, (size_t)count * sizeof(PyObject *));
    Py_SET_SIZE(list, need);
    return 0;
#else
    PyObject *slice = PyList_New(count);
    int status;
    if (slice == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < count; i++)
        PyList_SET_ITEM(slice, i, Py_NewRef(items[i]));
    status = PyList_SetSlice(op, PY_SSIZE_T_MAX, PY_SSIZE_T_MAX, slice);
    Py_DECREF(slice);
    if (status == 0)
        for (Py_ssize_t i = 0; i < count; i++)
            Py_DECREF(items[i]);
    return status;
#endif
}

/* A version that changes with every change to the type or its bases; 0 where the type has none now. */
static inline unsigned int brinery_type_version(PyObject *type)
{
#if PY_VERSION_HEX < 0x030D0000
    if (!(((PyTypeObject *)type)->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG))
        return 0;
#endif
    return ((PyTypeObject *)type)->tp_version_tag;
}

/* A class whose instances object.__new__ makes and whose attributes are found and set as object does. */
static inline int brinery_is_ordinary(PyObject *op)
{
    PyTypeObject *type = (PyTypeObject *)op;
    return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) && !(type->tp_flags & Py_TPFLAGS_IS_ABSTRACT)
        && type->tp_new == PyBaseObject_Type.tp_new && type->tp_setattro == PyObject_GenericSetAttr
        && type->tp_getattro == PyObject_GenericGetAttr;
}

/* The place of a slot that holds an object, or -1: only such a descriptor can be set without a call. */
static inline Py_ssize_t brinery_slot_place(PyObject *descriptor)
{
    PyMemberDef *member;
    if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type))
        return -1;
    member = ((PyMemberDescrObject *)descriptor)->d_member;
    return member->type == T_OBJECT_EX && !(member->flags & READONLY) ? member->offset : -1;
}

#define brinery_slot_at(op, offset) ((PyObject **)((char *)(op) + (offset)))
#define brinery_has_setter(descriptor) (Py_TYPE(descriptor)->tp_descr_set != NULL)

static inline PyObject *brinery_tuple_take(PyObject **items, Py_ssize_t count)
{
    PyObject *tuple = PyTuple_New(count);
    if (tuple != NULL)
        memcpy(((PyTupleObject *)tuple)->ob_item, items, (size_t)count * sizeof(PyObject *));
    return tuple;
}

#endif
