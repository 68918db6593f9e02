# The C functions and the private layout that the writer uses. Everything is a plain pointer here:
# who owns a reference is said in words where it matters, for Cython's own counting would cost more
# than writing a small object does.

from cpython.buffer cimport PyBUF_FULL_RO, PyBuffer_IsContiguous, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject, PyTypeObject
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memchr, memcmp, memcpy, memmove, memset, strlen

cdef extern from *:
    """
    #include "layout.h"
    #include "writing_text.h"

    /* Declared ahead, so that the compiler inlines them at every place where a child is written:
       measured, up to a quarter of the time on flat containers. */
    struct brinery_writer;
    struct brinery_entry;
    BRINERY_ALWAYS_INLINE int brinery_leaf(struct brinery_writer *, char **, PyObject *, Py_ssize_t);
    BRINERY_ALWAYS_INLINE int brinery_whole(struct brinery_writer *, char **, PyObject *, Py_ssize_t);
    BRINERY_ALWAYS_INLINE int brinery_text(struct brinery_writer *, char **, PyObject *, Py_ssize_t);
    BRINERY_ALWAYS_INLINE int brinery_reference(struct brinery_writer *, char **, PyObject *);
    BRINERY_ALWAYS_INLINE int brinery_room(struct brinery_writer *);
    BRINERY_ALWAYS_INLINE int brinery_op(struct brinery_writer *, int);
    BRINERY_ALWAYS_INLINE int brinery_get_at(struct brinery_writer *, char **, struct brinery_entry *);
    BRINERY_ALWAYS_INLINE int brinery_memoize(struct brinery_writer *, char **, PyObject *, int,
                                              struct brinery_entry *);
    """
    # Python's names for the C library's allocator, as it can be made to fail by those (tests/hostile).
    void *malloc "PyMem_RawMalloc"(size_t size) noexcept
    void *calloc "PyMem_RawCalloc"(size_t count, size_t size) noexcept
    void *realloc "PyMem_RawRealloc"(void *block, size_t size) noexcept
    void free "PyMem_RawFree"(void *block) noexcept

    const int BORROWING "BRINERY_BORROWING"
    const int BRINERY_WATCHED
    const int PLANS "BRINERY_PLANS"
    const int PUBLIC "BRINERY_PUBLIC"
    ctypedef struct PyDictValues "brinery_values"

    void brinery_put_u16(char *out, uint32_t value) noexcept
    void brinery_put_u32(char *out, uint32_t value) noexcept
    void brinery_put_u64(char *out, uint64_t value) noexcept
    char *brinery_put_int(char *out, int64_t value) noexcept
    void brinery_put_double(char *out, double value) noexcept
    void brinery_copy(char *out, const char *data, Py_ssize_t size) noexcept
    char *brinery_put_decimal(char *out, int64_t value) noexcept
    bint brinery_has_surrogates(int kind, const void *data, Py_ssize_t length) noexcept
    Py_ssize_t brinery_raw_size(int kind, const void *data, Py_ssize_t length) noexcept
    char *brinery_put_raw(char *out, int kind, const void *data, Py_ssize_t length) noexcept
    int brinery_make_ready(PyObject *text) except -1
    int brinery_small_int(PyObject *obj, int64_t *value) noexcept
    size_t brinery_int_bits(PyObject *obj) except? <size_t>-1
    int brinery_int_bytes(PyObject *obj, char *out, Py_ssize_t size) except -1
    const char *brinery_utf8(PyObject *text, Py_ssize_t *size) noexcept
    PyObject **LIST_ITEMS "brinery_list_items"(PyObject *) noexcept
    PyObject *brinery_set_held(PyObject *members) except? NULL
    PyObject *brinery_set_next(PyObject *members, PyObject *held, Py_ssize_t *pos) noexcept
    uint64_t brinery_dict_version(PyObject *mapping) noexcept
    const bint BRINERY_TUPLES_KEEP_HASH
    void brinery_forget_hash(PyObject *tuple) noexcept
    bint brinery_dict_is_split(PyObject *mapping) noexcept
    PyObject *brinery_type_lookup(PyTypeObject *type, PyObject *name) noexcept
    bint brinery_is_heap_type(PyTypeObject *type) noexcept
    bint brinery_wraps(PyObject *descriptor, void *function) noexcept
    bint brinery_is_immutable_type(PyTypeObject *type) noexcept
    bint brinery_dict_has_plain_keys(PyObject *mapping) noexcept
    bint brinery_ordered_is_known(PyTypeObject *type) noexcept
    int brinery_ordered_nodes(PyObject *ordered) noexcept
    Py_ssize_t brinery_ordered_length(PyObject *ordered) noexcept
    bint brinery_ordered_next(PyObject *ordered, void **node, PyObject **key, PyObject **value) noexcept
    unsigned int brinery_type_version(PyTypeObject *type) noexcept
    bint brinery_type_hashes_plainly(PyTypeObject *type) noexcept
    object CALL "brinery_call"(PyObject *callable, PyObject **args, size_t count)
    const size_t PY_VECTORCALL_ARGUMENTS_OFFSET
    bint brinery_plain_name(PyObject *function) noexcept
    PyObject *brinery_function_name(PyObject *function) noexcept
    Py_ssize_t brinery_slot_offset(PyTypeObject *type, PyObject *descriptor) noexcept
    PyObject *brinery_slot(PyObject *obj, Py_ssize_t offset) noexcept
    int brinery_attributes(PyObject *obj, PyObject **attributes, PyDictValues **values) noexcept
    PyDictValues *brinery_shared_values(PyObject *dict, PyTypeObject *type) noexcept
    Py_ssize_t brinery_values_size(PyDictValues *values) noexcept
    int brinery_values_index(PyDictValues *values, Py_ssize_t i) noexcept
    PyObject *brinery_values_key(PyTypeObject *type, int index) noexcept
    PyObject *brinery_values_item(PyDictValues *values, int index) noexcept
    void *brinery_cached_keys(PyTypeObject *type) noexcept
    Py_ssize_t brinery_keys_size(void *keys) noexcept
    void brinery_keep_memory(Py_ssize_t size) noexcept
    void brinery_prefetch(void *) noexcept
    void brinery_advise_huge(char *start, Py_ssize_t size) noexcept

cdef extern from "Python.h":
    PyTypeObject PyUnicode_Type, PyLong_Type, PyFloat_Type, PyBool_Type, PyBytes_Type, PyByteArray_Type
    PyTypeObject PyList_Type, PyTuple_Type, PyDict_Type, PySet_Type, PyFrozenSet_Type, PyType_Type
    PyTypeObject PyFunction_Type, PyPickleBuffer_Type, PyBaseObject_Type, PyMethodDescr_Type
    PyTypeObject PyMethod_Type
    PyObject *Py_None
    PyObject *Py_Ellipsis
    PyObject *Py_NotImplemented
    PyObject *Py_True
    PyObject *Py_False

    ctypedef struct PySequenceMethods:
        void *sq_length

    ctypedef int (*visitproc)(PyObject *, void *) noexcept
    ctypedef int (*traverseproc)(PyObject *, visitproc, void *) noexcept
    ctypedef struct PyTypeObjectFields "PyTypeObject":
        traverseproc tp_traverse
        Py_ssize_t tp_basicsize
        Py_ssize_t tp_itemsize
        Py_ssize_t tp_dictoffset
        Py_ssize_t tp_weaklistoffset
        void *tp_getattro
        PyObject *tp_dict
        PyObject *tp_mro
        void *tp_new
        void *tp_iter
        PySequenceMethods *tp_as_sequence
        void *tp_descr_get
        unsigned long tp_flags
    const unsigned long Py_TPFLAGS_MANAGED_DICT
    void *PyObject_GenericGetAttr

    Py_ssize_t REFCNT "Py_REFCNT"(PyObject *)
    PyTypeObject *TYPE "Py_TYPE"(PyObject *)
    void INCREF "Py_INCREF"(PyObject *)
    void DECREF "Py_DECREF"(PyObject *)
    void XDECREF "Py_XDECREF"(PyObject *)

    double PyFloat_AS_DOUBLE(PyObject *)
    char *PyOS_double_to_string(double value, char format, int precision, int flags, int *kind) noexcept
    const int Py_DTSF_ADD_DOT_0
    void PyMem_Free(void *) noexcept
    Py_ssize_t LIST_SIZE "PyList_GET_SIZE"(PyObject *)
    PyObject *LIST_ITEM "PyList_GET_ITEM"(PyObject *, Py_ssize_t)
    void TUPLE_SET "PyTuple_SET_ITEM"(PyObject *, Py_ssize_t, PyObject *) noexcept
    list LIST_NEW "PyList_New"(Py_ssize_t)
    void LIST_SET "PyList_SET_ITEM"(PyObject *, Py_ssize_t, PyObject *) noexcept
    void HIDE "PyObject_GC_UnTrack"(void *) noexcept
    int LIST_APPEND "PyList_Append"(PyObject *, PyObject *) except -1
    int GC_DISABLE "PyGC_Disable"() noexcept
    int GC_ENABLE "PyGC_Enable"() noexcept
    Py_ssize_t TUPLE_SIZE "PyTuple_GET_SIZE"(PyObject *)
    PyObject *TUPLE_ITEM "PyTuple_GET_ITEM"(PyObject *, Py_ssize_t)
    Py_ssize_t DICT_SIZE "PyDict_GET_SIZE"(PyObject *)
    PyObject *MODULES "PyImport_GetModuleDict"()
    Py_ssize_t SET_SIZE "PySet_GET_SIZE"(PyObject *)
    bint DICT_NEXT "brinery_dict_next"(PyObject *, Py_ssize_t *, PyObject **, PyObject **)
    PyObject *DICT_GET "PyDict_GetItemWithError"(PyObject *, PyObject *) except? NULL
    int DICT_SET "PyDict_SetItem"(PyObject *, PyObject *, PyObject *) except -1
    PyObject *DICT_NEW "PyDict_New"() except NULL
    PyObject *GENERIC_DICT "PyObject_GenericGetDict"(PyObject *, void *) except NULL
    Py_ssize_t BYTES_SIZE "PyBytes_GET_SIZE"(PyObject *)
    char *BYTES_DATA "PyBytes_AS_STRING"(PyObject *)
    PyObject *BYTES_NEW "PyBytes_FromStringAndSize"(const char *, Py_ssize_t) except NULL
    int BYTES_RESIZE "_PyBytes_Resize"(PyObject **, Py_ssize_t) except -1
    bint PyTuple_Check(PyObject *)
    bint PyDict_Check(PyObject *)
    bint UNICODE_EXACT "PyUnicode_CheckExact"(PyObject *)
    bint MODULE_EXACT "PyModule_CheckExact"(PyObject *)
    PyObject *MODULE_DICT "PyModule_GetDict"(PyObject *) noexcept
    Py_ssize_t UNICODE_LENGTH "PyUnicode_GET_LENGTH"(PyObject *)
    int UNICODE_KIND "PyUnicode_KIND"(PyObject *)
    void *UNICODE_DATA "PyUnicode_DATA"(PyObject *)
    uint32_t UNICODE_READ "PyUnicode_READ"(int, void *, Py_ssize_t)
    const char *UNICODE_UTF8 "PyUnicode_AsUTF8AndSize"(PyObject *, Py_ssize_t *) except NULL
    PyObject *GETATTR "PyObject_GetAttr"(PyObject *, PyObject *) except NULL
    PyObject *ITER_NEXT "PyIter_Next"(PyObject *) except? NULL
    bint CALLABLE "PyCallable_Check"(PyObject *)
    bint IS_ITERATOR "PyIter_Check"(PyObject *)
    PyTypeObject PyComplex_Type
    Py_ssize_t SIZE "Py_SIZE"(PyObject *)
    void SET_LENGTH "Py_SET_SIZE"(PyObject *, Py_ssize_t) noexcept
    PyObject *FUNCTION_CODE "PyFunction_GET_CODE"(PyObject *)
    PyObject *FUNCTION_CLOSURE "PyFunction_GET_CLOSURE"(PyObject *)
    PyObject *CELL_GET "PyCell_GET"(PyObject *)
    PyObject *UNICODE_NEW "PyUnicode_FromStringAndSize"(const char *, Py_ssize_t) except NULL
    double COMPLEX_REAL "PyComplex_RealAsDouble"(PyObject *)
    double COMPLEX_IMAG "PyComplex_ImagAsDouble"(PyObject *)
    bint IS_TYPE "PyType_Check"(PyObject *)
    bint UNICODE_IS_ASCII "PyUnicode_IS_ASCII"(PyObject *)
    Py_ssize_t FIND_CHAR "PyUnicode_FindChar"(PyObject *, uint32_t, Py_ssize_t, Py_ssize_t, int) except -2
    PyObject *SUBSTRING "PyUnicode_Substring"(PyObject *, Py_ssize_t, Py_ssize_t) except NULL
    PyObject *TUPLE_SLICE "PyTuple_GetSlice"(PyObject *, Py_ssize_t, Py_ssize_t) except NULL

import builtins
import copyreg
try:
    # Its types in C. The module around them is a millisecond more on 3.11, for a program that may have no dates.
    import _datetime as datetime_module
except ImportError:
    import datetime as datetime_module
import functools
import sys
from abc import get_cache_token
from operator import index as as_index
from pickle import PickleBuffer

from brinery.engine.explaining import no_writer, on_writing, text_file
from brinery.engine.files import write_rest
from brinery.engine.globals import OWN_IMPORT, OWN_MODULES, extension_code, locate_global, stream_name
from brinery.engine.levels import KEPT, KEY, PID, REDUCER as _REDUCER, SKIPPED, Item, Value, notes, ruling_of
from brinery.engine.paths import place_of
from brinery.engine.protocol import DEFAULT_PROTOCOL, choose_protocol
from brinery.engine.reductions import Reduction, check
from brinery.engine.signatures import PICKLER as SIGNATURE
from brinery.engine.runaways import FIRST_CHECK, check_depth
from brinery.stream.text import SHORT as SHORT_TEXT, encode_global, encode_persistent_id, is_short
from brinery import refusals
from brinery.errors import BadReduction, WriteError, locate_writing
from brinery.plan import AtProtocol, Foreseen, NameMap, PerDump, TypeRule, WritePlan
from brinery import cpython as _cpython
from brinery.cpython import GETATTR_IN_A_ROW, NOTES_FOR_LEVELS

cdef int REDUCER = _REDUCER
cdef bint RESTS_STAND_ALONE = _cpython.RESTS_STAND_ALONE
cdef bint LISTS_KEEP_THEIR_SIZE = _cpython.LISTS_KEEP_THEIR_SIZE
