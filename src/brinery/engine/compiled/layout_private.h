/* Private layout of CPython's objects: what the known versions share. What differs between them is in a header
 * for each of them. Nothing else in the engine looks inside an int, a str, a dict or an instance.
 */

typedef PyDictValues brinery_values;

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

/* The first reference to a new object, in memory that holds anything: Py_SET_REFCNT() would look at it. */
#ifndef brinery_count_one
#define brinery_count_one(op) ((op)->ob_refcnt = 1)
#endif

/* ---- the values of an instance -------------------------------------------------------------- */

#define brinery_values_key(type, index) \
    (DK_UNICODE_ENTRIES(((PyHeapTypeObject *)(type))->ht_cached_keys)[index].me_key)
#define brinery_values_item(attributes, index) ((attributes)->values[index])

/* How many there are, and in which order they were set, stands in the bytes before them up to 3.12. */
#ifndef brinery_values_size
#define brinery_values_size(attributes) ((Py_ssize_t)((uint8_t *)(attributes))[-2])
#define brinery_values_index(attributes, i) (((uint8_t *)(attributes))[-3 - (i)])
#endif

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

#define brinery_list_items(list) (((PyListObject *)(list))->ob_item)

#define BRINERY_TUPLES_KEEP_HASH 0

/* A tuple whose items were changed has another hash: from 3.14 on, it keeps the one that it was asked for last. */
#if PY_VERSION_HEX >= 0x030E0000
#define brinery_forget_hash(tuple) (((PyTupleObject *)(tuple))->ob_hash = -1)
#else
#define brinery_forget_hash(tuple) ((void)0)
#endif

/* ---- int: large ones ------------------------------------------------------------------------ */

#define brinery_int_bits(obj) ((size_t)_PyLong_NumBits(obj))
#define brinery_int_of_bytes(data, size) _PyLong_FromByteArray((data), (size_t)(size), 1, 1)

/* ---- set ------------------------------------------------------------------------------------ */

#define brinery_set_held(set) ((void)(set), (PyObject *)NULL)

/* The next member at or after *pos, or NULL. A deleted entry keeps a dummy key, whose hash is -1. */
BRINERY_ALWAYS_INLINE PyObject *brinery_set_next(PyObject *set, PyObject *held, Py_ssize_t *pos)
{
    PySetObject *so = (PySetObject *)set;
    (void)held;
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
    /* NULL: dict's own method took it out. A dict of plain keys has no other, and to look for one may run code. */
    *value = PyUnicode_CheckExact(at->key) ? _PyDict_GetItem_KnownHash(ordered, at->key, at->hash) : NULL;
    return 1;
}

BRINERY_ALWAYS_INLINE Py_ssize_t brinery_ordered_length(PyObject *ordered)
{
    Py_ssize_t length = 0;
    for (brinery_ordered_node *at = ((brinery_ordered *)ordered)->first; at != NULL; at = at->next) {
        length++;
    }
    return length;
}

/* ---- types ---------------------------------------------------------------------------------- */

#define brinery_type_lookup(type, name) _PyType_Lookup((PyTypeObject *)(type), (name))
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

/* PyObject_Vectorcall(), which for a function asks the thread's state twice: hooks in Python are called in 0.95 of
 * the time. */
BRINERY_ALWAYS_INLINE PyObject *brinery_call(PyObject *callable, PyObject **args, size_t count)
{
    if (BRINERY_LIKELY(Py_IS_TYPE(callable, &PyFunction_Type))) {
        return ((PyFunctionObject *)callable)->vectorcall(callable, args, count, NULL);
    }
    return PyObject_Vectorcall(callable, args, count, NULL);
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

/* The dict of an object that has one, borrowed; NULL where it was never made. */
BRINERY_ALWAYS_INLINE PyObject *brinery_own_dict(PyObject *op)
{
    PyObject **place = _PyObject_GetDictPtr(op);
    return place != NULL ? *place : NULL;
}

/* How an instance keeps its attributes: not at all (0), in a dict (1), or in values beside it whose
 * names its type holds (2). *dict is NULL where the dict was never made. */
BRINERY_ALWAYS_INLINE int brinery_attributes(PyObject *obj, PyObject **dict, brinery_values **values)
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
        *dict = brinery_own_dict(obj);
        return 1;
    }
    return 0;
}

/* The values that `dict`, of an instance of `type`, keeps apart from its keys, which are the type's; else NULL. */
BRINERY_ALWAYS_INLINE brinery_values *brinery_shared_values(PyObject *dict, PyTypeObject *type)
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

/* Whether `descriptor` is the method that a type has from `function`, in the slot that the method's name is for. */
#define brinery_wraps(descriptor, function) \
    ((descriptor) != NULL && Py_IS_TYPE(descriptor, &PyWrapperDescr_Type) \
     && ((PyWrapperDescrObject *)(descriptor))->d_wrapped == (void *)(function))

/* ---- datetime: what such an object is pickled as, but for the fold, and its zone, NULL where it has none ---------- */

#define brinery_date_data(op) ((const char *)((PyDateTime_Date *)(op))->data)
#define brinery_datetime_data(op) ((const char *)((PyDateTime_DateTime *)(op))->data)
#define brinery_time_data(op) ((const char *)((PyDateTime_Time *)(op))->data)
#define brinery_datetime_fold(op) (((PyDateTime_DateTime *)(op))->fold)
#define brinery_time_fold(op) (((PyDateTime_Time *)(op))->fold)
#define brinery_datetime_zone(op) \
    (((_PyDateTime_BaseTZInfo *)(op))->hastzinfo ? ((PyDateTime_DateTime *)(op))->tzinfo : NULL)
#define brinery_time_zone(op) \
    (((_PyDateTime_BaseTZInfo *)(op))->hastzinfo ? ((PyDateTime_Time *)(op))->tzinfo : NULL)
