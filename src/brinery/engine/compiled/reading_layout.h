/* What the reader alone needs of CPython's insides (see layout.h for the rest), and its switches. */
#ifndef BRINERY_READING_LAYOUT_H
#define BRINERY_READING_LAYOUT_H

#include "layout.h"

#ifndef MS_WINDOWS
#include <sys/stat.h>
#endif

/* The items of a list are written straight into its array: without the slice in between, lists load
 * 1.8 times as fast. */
#ifndef BRINERY_FILL_LISTS
#define BRINERY_FILL_LISTS BRINERY_LAYOUT_TRICKS
#endif

/* The collector is off while no user code may run: 1.0 to 1.9 times as fast. Up to Python 3.11 it has to be, as it
 * runs wherever a container is made, and finalizers are user code; later it waits for the next bytecode. */
#if PY_VERSION_HEX < 0x030C0000
#undef BRINERY_PAUSE_COLLECTOR
#define BRINERY_PAUSE_COLLECTOR 1
#elif !defined(BRINERY_PAUSE_COLLECTOR)
#define BRINERY_PAUSE_COLLECTOR BRINERY_TRICKS_ALLOWED
#endif

/* NEWOBJ ... SETITEMS ... BUILD as one step, without the state's dict: instances 2.4 to 5 times as fast. */
#ifndef BRINERY_FUSE_BUILD
#define BRINERY_FUSE_BUILD BRINERY_LAYOUT_TRICKS
#endif

/* A date's class, bytes and call as one step: dates 2.5 times as fast. */
#ifndef BRINERY_FUSE_DATES
#define BRINERY_FUSE_DATES BRINERY_LAYOUT_TRICKS
#endif

/* TUPLE and REDUCE as one step where a Python function or an ordinary class is called: half as many objects
 * for the collector, and objects with __reduce__ 1.3 times as fast. */
#ifndef BRINERY_FUSE_CALLS
#define BRINERY_FUSE_CALLS BRINERY_LAYOUT_TRICKS
#endif

/* A dict with the keys of an earlier one starts as that one's copy: records 1.2 to 1.5 times as fast. */
#ifndef BRINERY_COPY_KEYS
#define BRINERY_COPY_KEYS BRINERY_LAYOUT_TRICKS
#endif

/* States of loads() are kept for the next call: tiny pickles 1.5 times as fast. */
#ifndef BRINERY_POOL_STATES
#define BRINERY_POOL_STATES BRINERY_TRICKS_ALLOWED
#endif

/* A file in memory shows its own bytes, and is moved on when they are used: many small loads from one BytesIO are twice
 * as fast, and a large one does not copy what it has read. */
#ifndef BRINERY_SHOW_MEMORY
#define BRINERY_SHOW_MEMORY BRINERY_LAYOUT_TRICKS
#endif

/* Short ASCII text, ints and floats are made here: memory of the interpreter's, and the few fields there are.
 * Text takes two thirds of the time, numbers less than half. Debug builds of Python want to be told of every
 * object. */
#ifndef BRINERY_MAKE_LEAVES
#if defined(Py_TRACE_REFS) || defined(Py_REF_DEBUG)
#define BRINERY_MAKE_LEAVES 0
#else
#define BRINERY_MAKE_LEAVES BRINERY_LAYOUT_TRICKS
#endif
#endif

#if BRINERY_MAKE_LEAVES
/* Memory for an object of a type that is never freed, as that object with one reference to it. */
static inline void *brinery_leaf_new(PyTypeObject *type, size_t size)
{
    PyObject *op = PyObject_Malloc(size);
    if (op == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    brinery_count_one(op);
    op->ob_type = type;
    return op;
}
#endif

/* The ints and the single characters that every interpreter makes once and for all. */
static PyObject *brinery_shared_ints[BRINERY_SHARED_INTS];
static PyObject *brinery_shared_characters[128];

static int brinery_share(void)
{
    for (int i = 0; i < BRINERY_SHARED_INTS; i++)
        if ((brinery_shared_ints[i] = PyLong_FromLong(i)) == NULL)
            return -1;
    for (int i = 0; i < 128; i++)
        if ((brinery_shared_characters[i] = PyUnicode_FromOrdinal(i)) == NULL)
            return -1;
    return 0;
}

#define brinery_int_of_byte(byte) Py_NewRef(brinery_shared_ints[byte])

/* PyLong_FromLongLong(), but that an int which is not shared is made in place. */
static inline PyObject *brinery_int(int64_t value)
{
#if BRINERY_MAKE_LEAVES && PyLong_SHIFT == 30
    uint64_t most = value < 0 ? 0U - (uint64_t)value : (uint64_t)value;
    PyLongObject *op;
    if (BRINERY_LIKELY(most - BRINERY_SHARED_INTS < (1U << 30) - BRINERY_SHARED_INTS)) {
        op = brinery_leaf_new(&PyLong_Type, offsetof(PyLongObject, BRINERY_DIGITS) + sizeof(digit));
        if (op != NULL) {
            brinery_int_head(op, value < 0, 1);
            op->BRINERY_DIGITS[0] = (digit)most;
        }
        return (PyObject *)op;
    }
    if (most >= BRINERY_SHARED_INTS) {
        int digits = most >> 60 ? 3 : 2;
        op = brinery_leaf_new(&PyLong_Type, offsetof(PyLongObject, BRINERY_DIGITS) + digits * sizeof(digit));
        if (op != NULL) {
            brinery_int_head(op, value < 0, digits);
            op->BRINERY_DIGITS[0] = (digit)(most & PyLong_MASK);
            op->BRINERY_DIGITS[1] = (digit)(most >> PyLong_SHIFT & PyLong_MASK);
            if (digits == 3)
                op->BRINERY_DIGITS[2] = (digit)(most >> 2 * PyLong_SHIFT);
        }
        return (PyObject *)op;
    }
#endif
    if (value >= 0 && value < BRINERY_SHARED_INTS)
        return Py_NewRef(brinery_shared_ints[value]);
    return PyLong_FromLongLong(value);
}

static inline PyObject *brinery_float(double value)
{
#if BRINERY_MAKE_LEAVES
    PyFloatObject *op = brinery_leaf_new(&PyFloat_Type, sizeof(PyFloatObject));
    if (op != NULL)
        op->ob_fval = value;
    return (PyObject *)op;
#else
    return PyFloat_FromDouble(value);
#endif
}

/* A new str for ASCII text of `size` bytes, which is at least 2, as shorter ones are shared; its characters
 * are the caller's to fill in. `model` is such a text that was never interned or hashed. */
static inline PyObject *brinery_ascii_new(PyObject *model, Py_ssize_t size, unsigned char **characters)
{
#if BRINERY_MAKE_LEAVES
    PyASCIIObject *text = PyObject_Malloc(sizeof(PyASCIIObject) + (size_t)size + 1);
    if (text == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *text = *(PyASCIIObject *)model;
    Py_SET_REFCNT((PyObject *)text, 1);
    text->length = size;
    *characters = (unsigned char *)(text + 1);
    (*characters)[size] = 0;
    return (PyObject *)text;
#else
    PyObject *text = PyUnicode_New(size, 127);
    (void)model;
    if (text != NULL)
        *characters = PyUnicode_1BYTE_DATA(text);
    return text;
#endif
}

#define BRINERY_NOT_ASCII 0x8080808080808080ULL

/* Text as long as names are, 1 to 32 bytes, if it is ASCII; else NULL without an exception. The same words
 * are looked at and stored, the last ones overlapping those before, so that it takes no loop and no call. */
static inline PyObject *brinery_short_ascii(PyObject *model, const unsigned char *data, Py_ssize_t size)
{
    uint64_t a, b, c = 0, d = 0;
    unsigned char *out = NULL;
    PyObject *text;
    if (size < 8) {
        uint32_t first = 0, last = 0;
        if (size >= 4) {
            memcpy(&first, data, 4);
            memcpy(&last, data + size - 4, 4);
        }
        else if (size >= 2) {
            memcpy(&first, data, 2);
            last = data[size - 1];
        }
        else
            return data[0] < 0x80 ? Py_NewRef(brinery_shared_characters[data[0]]) : NULL;
        if ((first | last) & (uint32_t)BRINERY_NOT_ASCII)
            return NULL;
        text = brinery_ascii_new(model, size, &out);
        if (text == NULL)
            return NULL;
        if (size >= 4) {
            memcpy(out, &first, 4);
            memcpy(out + size - 4, &last, 4);
        }
        else {
            memcpy(out, &first, 2);
            out[size - 1] = (unsigned char)last;
        }
        return text;
    }
    memcpy(&a, data, 8);
    memcpy(&b, data + size - 8, 8);
    if (size > 16) {
        memcpy(&c, data + 8, 8);
        memcpy(&d, data + size - 16, 8);
    }
    if ((a | b | c | d) & BRINERY_NOT_ASCII)
        return NULL;
    text = brinery_ascii_new(model, size, &out);
    if (text == NULL)
        return NULL;
    if (size > 16) {
        memcpy(out + 8, &c, 8);
        memcpy(out + size - 16, &d, 8);
    }
    memcpy(out, &a, 8);
    memcpy(out + size - 8, &b, 8);
    return text;
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

/* Python's allocator gives an arena (1 MiB) back to the system as soon as nothing is left in it, and takes it
 * again for the next load: a page fault for every 4 KiB, which was half the time of reading 100k numbers. An
 * arena in which something lives stays. So at the beginning of a frame a load leaves a block of the size of
 * what it makes, which then lies beside it, where there is none within a MiB yet; 16 of them in all. */
static inline void brinery_keep_arena(PyObject *like)
{
#if !BRINERY_PUBLIC
    enum { ARENAS = 16, ARENA = 1 << 20 };
    static char *kept[ARENAS];
    static int count = 0;
    size_t size;
    char *block;
    if (count == ARENAS || like == NULL || !brinery_may_keep_memory())
        return;
    if (PyLong_CheckExact(like) || PyFloat_CheckExact(like))
        size = (size_t)Py_TYPE(like)->tp_basicsize + sizeof(digit);
    else if (PyUnicode_CheckExact(like) && PyUnicode_IS_COMPACT_ASCII(like))
        size = sizeof(PyASCIIObject) + (size_t)PyUnicode_GET_LENGTH(like) + 1;
    else
        return;
    block = PyObject_Malloc(size);
    for (int i = 0; i < count; i++)
        if (block - kept[i] < ARENA && kept[i] - block < ARENA) {
            PyObject_Free(block);
            return;
        }
    if (block != NULL)
        kept[count++] = block;
#else
    (void)like;
#endif
}

/* How io.BytesIO begins: its bytes, which it copies before it writes into them where anyone else has a reference,
 * where it stands in them, and how many there are of what may be more room; and behind its __dict__, how many views there
 * are by which anybody can write into these bytes all the same. */
typedef struct {
    PyObject_HEAD
    PyObject *buf;
    Py_ssize_t pos;
    Py_ssize_t string_size;
    PyObject *dict;
    PyObject *weak_references;
    Py_ssize_t exports;
} brinery_memory_file;

/* Whether that is so in this interpreter, by a file over `data` that stands at `pos`, and one with so many views. */
static inline int brinery_memory_is_known(PyObject *file, PyObject *data, Py_ssize_t pos, PyObject *viewed, Py_ssize_t views)
{
#if BRINERY_SHOW_MEMORY
    brinery_memory_file *memory = (brinery_memory_file *)file;
    return Py_TYPE(file)->tp_basicsize >= (Py_ssize_t)sizeof(*memory) && memory->buf == data && memory->pos == pos
        && memory->string_size == PyBytes_GET_SIZE(data) && memory->exports == 0
        && ((brinery_memory_file *)viewed)->exports == views;
#else
    (void)file, (void)data, (void)pos, (void)viewed, (void)views;
    return 0;
#endif
}

/* The bytes of a file in memory (borrowed), where it stands, and how many there are; NULL: it is closed, behind its
 * end, or there is a view of them. */
static inline PyObject *brinery_memory_bytes(PyObject *file, Py_ssize_t *pos, Py_ssize_t *size)
{
    brinery_memory_file *memory = (brinery_memory_file *)file;
    *pos = memory->pos;
    *size = memory->string_size;
    return *pos <= *size && memory->exports == 0 ? memory->buf : NULL;
}

/* Whether a file in memory still has these bytes, as many of them, and stands there. */
static inline int brinery_memory_is(PyObject *file, PyObject *data, Py_ssize_t pos, Py_ssize_t size)
{
    brinery_memory_file *memory = (brinery_memory_file *)file;
    return memory->buf == data && memory->pos == pos && memory->string_size == size;
}

#define brinery_memory_move(file, by) (((brinery_memory_file *)(file))->pos += (by))

/* The size of a regular file; 0: it is none, or nobody knows. */
static inline long long brinery_file_size(int descriptor)
{
#ifndef MS_WINDOWS
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) ? (long long)status.st_size : 0;
#else
    (void)descriptor;
    return 0;
#endif
}

/* From 4 MiB on, fresh memory in huge pages: most of the time of a large payload is page faults. */
static inline void brinery_advise_large(char *memory, Py_ssize_t size)
{
    if (size >= 4 << 20)
        brinery_advise_huge(memory, size);
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
    for (Py_ssize_t i = 0; i < count; i++)
        if (PyList_Append(op, items[i]) < 0)
            return -1;
    for (Py_ssize_t i = 0; i < count; i++)
        Py_DECREF(items[i]);
    return 0;
#endif
}

/* Whether looking up a name in a class compares it with text only, and so runs no user code. */
static inline int brinery_names_are_text(PyTypeObject *type)
{
#if BRINERY_FUSE_BUILD
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        if ((base->tp_flags & Py_TPFLAGS_HEAPTYPE) && !DK_IS_UNICODE(((PyDictObject *)base->tp_dict)->ma_keys))
            return 0;
    }
    return 1;
#else
    (void)type;
    return 0;
#endif
}

/* A class whose own class is type, and which is none of the interpreter's. */
#define brinery_is_heap_class(op) \
    (Py_IS_TYPE((op), &PyType_Type) && ((PyTypeObject *)(op))->tp_flags & Py_TPFLAGS_HEAPTYPE)

/* A class whose instances' attributes are found as object does, without user code where these are no descriptors. */
static inline int brinery_is_looked_up_plainly(PyObject *op)
{
    PyTypeObject *type = (PyTypeObject *)op;
    return type->tp_getattro == PyObject_GenericGetAttr && brinery_names_are_text(type);
}

/* A class that has a __getattr__ as `known` has, and is otherwise looked up so. */
static inline int brinery_falls_back(PyObject *op, PyObject *known)
{
    static PyObject *name;
    PyTypeObject *type = (PyTypeObject *)op;
    if (type->tp_getattro != ((PyTypeObject *)known)->tp_getattro || !brinery_names_are_text(type))
        return 0;
    if (name == NULL && (name = PyUnicode_InternFromString("__getattribute__")) == NULL) {
        PyErr_Clear();
        return 0;
    }
    return brinery_type_lookup(type, name) == brinery_type_lookup(&PyBaseObject_Type, name);
}

#define brinery_is_set_plainly(type) ((type)->tp_setattro == PyObject_GenericSetAttr)

/* A class whose instances object.__new__ makes. */
static inline int brinery_is_made_plainly(PyObject *op)
{
    PyTypeObject *type = (PyTypeObject *)op;
    return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) && !(type->tp_flags & Py_TPFLAGS_IS_ABSTRACT)
        && type->tp_new == PyBaseObject_Type.tp_new;
}

/* Whether cls.__new__(cls, *args) runs no user code: the __new__ of a built-in container for none, or that of a built-in
 * leaf for one of its own. */
static inline int brinery_is_built_in_new(PyObject *cls, PyObject *args)
{
    PyTypeObject *type = (PyTypeObject *)cls;
    newfunc make = type->tp_new;
    PyObject *value;
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || (type->tp_flags & Py_TPFLAGS_IS_ABSTRACT))
        return 0;
    if (PyTuple_GET_SIZE(args) == 0)
        return make == PyList_Type.tp_new || make == PyDict_Type.tp_new || make == PySet_Type.tp_new;
    if (PyTuple_GET_SIZE(args) != 1)
        return 0;
    value = PyTuple_GET_ITEM(args, 0);
    return (make == PyLong_Type.tp_new && PyLong_CheckExact(value))
        || (make == PyUnicode_Type.tp_new && PyUnicode_CheckExact(value))
        || (make == PyFloat_Type.tp_new && PyFloat_CheckExact(value))
        || (make == PyBytes_Type.tp_new && PyBytes_CheckExact(value))
        || (make == PyTuple_Type.tp_new && PyTuple_CheckExact(value));
}

/* Whether setting an item is what it is for a dict. */
static inline int brinery_is_dict_like(PyObject *op)
{
    PyMappingMethods *methods = Py_TYPE(op)->tp_as_mapping;
    return PyDict_Check(op) && methods->mp_ass_subscript == PyDict_Type.tp_as_mapping->mp_ass_subscript;
}

/* Whether an instance of such a class has no attribute yet, but for slots, and an exact dict if any: then setting
 * one compares with nothing and lets go of nothing, and has to ask no dict of the user's making. */
static inline int brinery_is_fresh(PyObject *op)
{
#if BRINERY_FUSE_BUILD
    PyObject *dict = NULL;
    PyDictValues *values = NULL;
    switch (brinery_attributes(op, &dict, &values)) {
        case 0: return Py_TYPE(op)->tp_dictoffset == 0; /* behind items of any number there may be one, too */
        case 1: return dict == NULL || (PyDict_CheckExact(dict) && PyDict_GET_SIZE(dict) == 0);
        default: return brinery_values_size(values) == 0;
    }
#else
    (void)op;
    return 0;
#endif
}

/* Whether an instance keeps its attributes in a dict and nowhere else, as those of the interpreter's own types do. */
#define brinery_keeps_a_dict(op) \
    (!(Py_TYPE(op)->tp_flags & Py_TPFLAGS_MANAGED_DICT) && Py_TYPE(op)->tp_dictoffset > 0)

/* Whether the attributes of such an instance are kept in an exact dict, or beside it. */
static inline int brinery_has_plain_dict(PyObject *op)
{
#if BRINERY_FUSE_BUILD
    PyObject *dict = NULL;
    PyDictValues *values = NULL;
    switch (brinery_attributes(op, &dict, &values)) {
        case 0: return 0;
        case 1: return dict == NULL || PyDict_CheckExact(dict);
        default: return 1;
    }
#else
    (void)op;
    return 0;
#endif
}

/* Whether the attributes of such an instance are beside it, and no dict was made for them. */
static inline int brinery_has_no_dict_yet(PyObject *op)
{
#if BRINERY_FUSE_BUILD
    PyObject *dict = NULL;
    PyDictValues *values = NULL;
    return brinery_attributes(op, &dict, &values) == 2;
#else
    (void)op;
    return 0;
#endif
}

/* One of these, *at being 0 for the first; NULL behind the last. */
static inline PyObject *brinery_next_value(PyObject *op, Py_ssize_t *at)
{
#if BRINERY_FUSE_BUILD
    PyObject *dict = NULL;
    PyDictValues *values = NULL;
    if (brinery_attributes(op, &dict, &values) == 2 && *at < brinery_values_size(values)) {
        Py_ssize_t index = brinery_values_index(values, *at);
        ++*at;
        return brinery_values_item(values, index);
    }
#else
    (void)op, (void)at;
#endif
    return NULL;
}

/* Whether a descriptor that is written in C is one for instances of `type`: it may have been taken from another class. */
#define brinery_is_of(descriptor, type) \
    ((Py_IS_TYPE((descriptor), &PyGetSetDescr_Type) || Py_IS_TYPE((descriptor), &PyMemberDescr_Type) \
      || Py_IS_TYPE((descriptor), &PyMethodDescr_Type)) \
     && PyType_IsSubtype((PyTypeObject *)(type), PyDescr_TYPE(descriptor)))

/* Whether a descriptor gets an instance's dict, as `common` or as the interpreter's own types do. */
static inline int brinery_gets_dict(PyObject *descriptor, PyObject *common)
{
    getter get;
    if (common == NULL || !Py_IS_TYPE(descriptor, &PyGetSetDescr_Type) || !Py_IS_TYPE(common, &PyGetSetDescr_Type))
        return 0;
    get = ((PyGetSetDescrObject *)descriptor)->d_getset->get;
    return get == ((PyGetSetDescrObject *)common)->d_getset->get || get == PyObject_GenericGetDict;
}

/* For date, datetime and time, the interpreter's own, how many bytes each is pickled as; 0 for anything else. */
static inline int brinery_date_size(PyObject *op)
{
    static PyObject *known; /* the last one that was found; such types are there for ever */
    static int size;
    PyTypeObject *type = (PyTypeObject *)op;
    const char *name;
    if (BRINERY_PUBLIC)
        return 0; /* it would not be made here */
    if (op == known)
        return size;
    if (!Py_IS_TYPE(op, &PyType_Type) || (type->tp_flags & Py_TPFLAGS_HEAPTYPE))
        return 0;
    name = type->tp_name;
    if (strncmp(name, "datetime.", 9) != 0)
        return 0;
    if (!strcmp(name + 9, "date"))
        size = _PyDateTime_DATE_DATASIZE;
    else if (!strcmp(name + 9, "datetime"))
        size = _PyDateTime_DATETIME_DATASIZE;
    else if (!strcmp(name + 9, "time"))
        size = _PyDateTime_TIME_DATASIZE;
    else
        return 0;
    known = op;
    return size;
}

/* Whether that type takes these bytes, and as many as it is pickled as, for a pickle of its own. It looks at
 * the month or the hour only; the highest bit there is the fold (PEP 495), but for a date. */
static inline int brinery_date_fits(int size, const unsigned char *data)
{
    if (size == _PyDateTime_TIME_DATASIZE)
        return (data[0] & 0x7F) < 24;
    return (unsigned)(data[2] & (size == _PyDateTime_DATE_DATASIZE ? 0xFF : 0x7F)) - 1 < 12;
}

/* What that type makes of them, without a time zone. */
static inline PyObject *brinery_date(PyObject *op, int size, const unsigned char *data)
{
#if BRINERY_PUBLIC
    return PyObject_CallFunction(op, "y#", (const char *)data, (Py_ssize_t)size);
#else
    PyTypeObject *type = (PyTypeObject *)op;
    PyObject *made = type->tp_alloc(type, 0);
    if (made == NULL)
        return NULL;
    ((_PyDateTime_BaseTZInfo *)made)->hashcode = -1;
    ((_PyDateTime_BaseTZInfo *)made)->hastzinfo = 0;
    if (size == _PyDateTime_DATE_DATASIZE)
        memcpy(((PyDateTime_Date *)made)->data, data, _PyDateTime_DATE_DATASIZE);
    else if (size == _PyDateTime_DATETIME_DATASIZE) {
        PyDateTime_DateTime *moment = (PyDateTime_DateTime *)made;
        memcpy(moment->data, data, _PyDateTime_DATETIME_DATASIZE);
        moment->data[2] &= 0x7F;
        moment->fold = data[2] >> 7;
    }
    else {
        PyDateTime_Time *time = (PyDateTime_Time *)made;
        memcpy(time->data, data, _PyDateTime_TIME_DATASIZE);
        time->data[0] &= 0x7F;
        time->fold = data[0] >> 7;
    }
    return made;
#endif
}

/* Whether a class's calls are object.__new__ and then its own __init__, which is a Python function. */
static inline PyObject *brinery_python_method(PyObject *type, PyObject *name)
{
    PyObject *found = brinery_type_lookup(type, name);
    return found != NULL && PyFunction_Check(found) ? found : NULL;
}

#define brinery_slot_at(op, offset) (&brinery_slot((op), (offset)))
#define brinery_has_setter(descriptor) (Py_TYPE(descriptor)->tp_descr_set != NULL)

static inline PyObject *brinery_tuple_take(PyObject **items, Py_ssize_t count)
{
    PyObject *tuple = PyTuple_New(count);
    if (tuple != NULL) {
#if BRINERY_PUBLIC
        for (Py_ssize_t i = 0; i < count; i++)
            PyTuple_SET_ITEM(tuple, i, items[i]);
#else
        memcpy(((PyTupleObject *)tuple)->ob_item, items, (size_t)count * sizeof(PyObject *));
#endif
    }
    return tuple;
}

/* Fill an empty dict with `count` keys and values, which it takes over, as a copy of `model` with other
 * values, if `model` has the very same key objects in the same order: the keys' table is copied in one
 * piece instead of being built. 0: it has not, and nothing was done. With `text_only` a model with keys
 * that are not text will not do: those might be compared or hashed by user code. */
static inline int brinery_dict_take_as(PyObject *target, PyObject *model, PyObject **items, Py_ssize_t count,
                                       int text_only)
{
#if BRINERY_COPY_KEYS
    PyDictObject *pattern = (PyDictObject *)model, *filled = (PyDictObject *)target, *copy;
    PyDictKeysObject *keys = pattern->ma_keys;
    Py_ssize_t i;
    int unicode = DK_IS_UNICODE(keys), tracked = 0;
    if ((text_only && !unicode) || pattern->ma_values != NULL)
        return 0;
    if (pattern->ma_used != count || keys->dk_nentries != count)
        return 0;
    for (i = 0; i < count; i++)
        if ((unicode ? DK_UNICODE_ENTRIES(keys)[i].me_key : DK_ENTRIES(keys)[i].me_key) != items[2 * i])
            return 0;
    copy = (PyDictObject *)PyDict_Copy(model);
    if (copy == NULL)
        return -1;
    keys = copy->ma_keys;
    if (copy->ma_values != NULL || keys->dk_nentries != count || DK_IS_UNICODE(keys) != unicode) {
        Py_DECREF(copy);
        return 0;
    }
    for (i = 0; i < count; i++) {
        PyObject **slot = unicode ? &DK_UNICODE_ENTRIES(keys)[i].me_value : &DK_ENTRIES(keys)[i].me_value;
        PyObject *old = *slot, *value = items[2 * i + 1];
        *slot = value;
        Py_DECREF(old); /* never its last reference: the model has one */
        Py_DECREF(items[2 * i]);
        tracked |= PyObject_IS_GC(value) && (!PyTuple_CheckExact(value) || PyObject_GC_IsTracked(value));
    }
    copy->ma_keys = filled->ma_keys;
    filled->ma_keys = keys;
    copy->ma_used = filled->ma_used;
    filled->ma_used = count;
    if ((tracked || PyObject_GC_IsTracked((PyObject *)copy)) && !PyObject_GC_IsTracked(target))
        PyObject_GC_Track(target);
    Py_DECREF(copy);
    return 1;
#else
    (void)target, (void)model, (void)items, (void)count, (void)text_only;
    return 0;
#endif
}

#endif
