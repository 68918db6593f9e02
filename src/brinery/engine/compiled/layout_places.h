/* Where the headers say that things lie, as numbers, to be compared with where they are (see layout.pyx). */
#ifndef BRINERY_LAYOUT_PLACES_H
#define BRINERY_LAYOUT_PLACES_H

#include "reading_layout.h"

#if BRINERY_PUBLIC

static const struct { const char *name; Py_ssize_t number; } brinery_places[] = {{NULL, 0}};
#define brinery_int_head_of(negative, digits) ((void)(negative), (Py_ssize_t)(digits))

#else

#if PY_VERSION_HEX >= 0x030C0000
#define BRINERY_INT_HEAD offsetof(PyLongObject, long_value.lv_tag)
#define brinery_int_head_of(negative, digits) ((Py_ssize_t)(digits) << 3 | ((negative) ? 2 : 0))
#else
#define BRINERY_INT_HEAD offsetof(PyVarObject, ob_size)
#define brinery_int_head_of(negative, digits) ((negative) ? -(Py_ssize_t)(digits) : (Py_ssize_t)(digits))
#endif

#if PY_VERSION_HEX >= 0x030D0000
#define BRINERY_VALUES_SIZE offsetof(PyDictValues, size)
#else
#define BRINERY_VALUES_SIZE (-2)
#endif

#ifdef Py_GIL_DISABLED
#define BRINERY_INSTANCE_DICT (-1 * (Py_ssize_t)sizeof(PyObject *))
#else
#define BRINERY_INSTANCE_DICT (-3 * (Py_ssize_t)sizeof(PyObject *))
#endif

static const struct { const char *name; Py_ssize_t number; } brinery_places[] = {
    {"object: size", sizeof(PyObject)},
    {"object: count", 0},
    {"object: type", offsetof(PyObject, ob_type)},
    {"int: digits", offsetof(PyLongObject, BRINERY_DIGITS)},
    {"int: size of a digit", sizeof(digit)},
    {"int: head", BRINERY_INT_HEAD},
    {"int: shared", BRINERY_SHARED_INTS},
    {"float: size", sizeof(PyFloatObject)},
    {"float: value", offsetof(PyFloatObject, ob_fval)},
    {"str: size", sizeof(PyUnicodeObject)},
    {"str: length", offsetof(PyASCIIObject, length)},
    {"str: ASCII characters", sizeof(PyASCIIObject)},
    {"str: UTF-8", offsetof(PyCompactUnicodeObject, utf8)},
    {"str: size of UTF-8", offsetof(PyCompactUnicodeObject, utf8_length)},
    {"bytes: data", offsetof(PyBytesObject, ob_sval)},
    {"bytearray: size", sizeof(PyByteArrayObject)},
    {"list: size", sizeof(PyListObject)},
    {"list: items", offsetof(PyListObject, ob_item)},
    {"list: room", offsetof(PyListObject, allocated)},
    {"tuple: items", offsetof(PyTupleObject, ob_item)},
#if PY_VERSION_HEX >= 0x030E0000
    {"tuple: hash", offsetof(PyTupleObject, ob_hash)},
#endif
    {"dict: size", sizeof(PyDictObject)},
    {"dict: used", offsetof(PyDictObject, ma_used)},
    {"dict: keys", offsetof(PyDictObject, ma_keys)},
    {"dict: values", offsetof(PyDictObject, ma_values)},
#if PY_VERSION_HEX < 0x030E0000
    {"dict: version", offsetof(PyDictObject, ma_version_tag)},
#endif
    {"keys: size", sizeof(PyDictKeysObject)},
    {"keys: kind", offsetof(PyDictKeysObject, dk_kind)},
    {"keys: size of indices", offsetof(PyDictKeysObject, dk_log2_index_bytes)},
    {"keys: entries", offsetof(PyDictKeysObject, dk_nentries)},
    {"keys: size of an entry", sizeof(PyDictKeyEntry)},
    {"keys: size of an entry of text", sizeof(PyDictUnicodeEntry)},
    {"set: size", sizeof(PySetObject)},
    {"set: mask", offsetof(PySetObject, mask)},
    {"set: table", offsetof(PySetObject, table)},
    {"set: table of its own", offsetof(PySetObject, smalltable)},
    {"set: size of an entry", sizeof(setentry)},
    {"set: hash in an entry", offsetof(setentry, hash)},
    {"function: size", sizeof(PyFunctionObject)},
    {"function: name", offsetof(PyFunctionObject, func_name)},
    {"function: vectorcall", offsetof(PyFunctionObject, vectorcall)},
    {"method: size", sizeof(PyWrapperDescrObject)},
    {"method: function", offsetof(PyWrapperDescrObject, d_wrapped)},
    {"slot: size", sizeof(PyMemberDescrObject)},
    {"slot: class", offsetof(PyDescrObject, d_type)},
    {"slot: member", offsetof(PyMemberDescrObject, d_member)},
    {"type: size", sizeof(PyHeapTypeObject)},
    {"type: flags", offsetof(PyTypeObject, tp_flags)},
    {"type: version", offsetof(PyTypeObject, tp_version_tag)},
    {"type: names of attributes", offsetof(PyHeapTypeObject, ht_cached_keys)},
    {"instance: dict", BRINERY_INSTANCE_DICT},
    {"values: size", BRINERY_VALUES_SIZE},
    {"values: items", offsetof(PyDictValues, values)},
    {"date: size", sizeof(PyDateTime_Date)},
    {"date: hash", offsetof(PyDateTime_Date, hashcode)},
    {"date: data", offsetof(PyDateTime_Date, data)},
    {"datetime: size", sizeof(PyDateTime_DateTime)},
    {"datetime: data", offsetof(PyDateTime_DateTime, data)},
    {"datetime: whether it has a zone", offsetof(_PyDateTime_BaseTZInfo, hastzinfo)},
    {"datetime: fold", offsetof(PyDateTime_DateTime, fold)},
    {"datetime: zone", offsetof(PyDateTime_DateTime, tzinfo)},
    {"time: size", sizeof(PyDateTime_Time)},
    {"time: data", offsetof(PyDateTime_Time, data)},
    {"time: fold", offsetof(PyDateTime_Time, fold)},
    {"time: zone", offsetof(PyDateTime_Time, tzinfo)},
    {"timedelta: size", sizeof(PyDateTime_Delta)},
    {"timedelta: days", offsetof(PyDateTime_Delta, days)},
    {"timedelta: seconds", offsetof(PyDateTime_Delta, seconds)},
    {"timedelta: microseconds", offsetof(PyDateTime_Delta, microseconds)},
    {NULL, 0},
};

#endif

#ifdef Py_GIL_DISABLED
#define BRINERY_FREE_THREADED 1 /* has packages of its own, and counts in two words */
#else
#define BRINERY_FREE_THREADED 0
#endif

#ifdef Py_TRACE_REFS
#define BRINERY_TRACES 1
#else
#define BRINERY_TRACES 0
#endif

#endif
