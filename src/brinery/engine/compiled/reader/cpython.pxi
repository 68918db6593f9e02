# The C interface as it is used here. References are counted by hand where the loop is hot: functions that
# return PyObject* give a new reference unless they say "borrowed", and NULL with an exception set on failure.

from libc.stddef cimport size_t
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy, memmove, memset

cdef extern from "Python.h":
    ctypedef struct PyObject:
        pass
    ctypedef int (*visitproc)(PyObject *, void *) noexcept
    ctypedef int (*traverseproc)(PyObject *, visitproc, void *) noexcept
    ctypedef int (*inquiry)(PyObject *) noexcept
    ctypedef PyObject *(*newfunc)(PyTypeObject *, PyObject *, PyObject *) except NULL
    ctypedef struct PyTypeObject:
        traverseproc tp_traverse
        inquiry tp_clear
        newfunc tp_new
        void *tp_setattro
        void *tp_finalize
        void *tp_del
        void *tp_getattro

cdef extern from "reading_layout.h":
    const bint BRINERY_PAUSE_COLLECTOR
    const bint BRINERY_FUSE_BUILD
    const bint BRINERY_COPY_KEYS
    const bint BRINERY_FUSE_DATES
    const bint BRINERY_FUSE_CALLS
    const bint BRINERY_POOL_STATES
    PyObject *brinery_ascii_new(PyObject *, Py_ssize_t, unsigned char **) except NULL
    PyObject *brinery_short_ascii(PyObject *, const unsigned char *, Py_ssize_t) except? NULL
    int brinery_share() except -1
    PyObject *brinery_int_of_byte(unsigned char) noexcept
    PyObject *brinery_int(int64_t) except NULL
    PyObject *brinery_float(double) except NULL
    void brinery_prefetch(void *) noexcept
    uint64_t brinery_load64(const unsigned char *) noexcept
    uint64_t brinery_little(const unsigned char *, int) noexcept
    double brinery_double(const unsigned char *) noexcept
    long long brinery_file_size(int) noexcept
    bint brinery_memory_is_known(PyObject *, PyObject *, Py_ssize_t, PyObject *, Py_ssize_t) noexcept
    PyObject *brinery_memory_bytes(PyObject *, Py_ssize_t *, Py_ssize_t *) noexcept
    bint brinery_memory_is(PyObject *, PyObject *, Py_ssize_t, Py_ssize_t) noexcept
    void brinery_memory_move(PyObject *, Py_ssize_t) noexcept
    void brinery_keep_arena(PyObject *) noexcept
    void brinery_advise_large(char *, Py_ssize_t) noexcept
    int brinery_list_take(PyObject *, PyObject **, Py_ssize_t) except -1
    PyObject *brinery_tuple_take(PyObject **, Py_ssize_t) except NULL
    int brinery_dict_take_as(PyObject *, PyObject *, PyObject **, Py_ssize_t, bint) except -1
    int brinery_date_size(PyObject *) noexcept
    bint brinery_date_fits(int, const unsigned char *) noexcept
    PyObject *brinery_date(PyObject *, int, const unsigned char *) except NULL
    PyObject *brinery_python_method(PyObject *, PyObject *) noexcept  # borrowed
    PyObject *brinery_call(PyObject *callable, PyObject **, size_t) except NULL
    PyObject *brinery_int_of_bytes(const unsigned char *, Py_ssize_t) except NULL
    PyObject *brinery_type_lookup(PyTypeObject *, PyObject *) noexcept  # borrowed
    PyObject *brinery_own_dict(PyObject *) except? NULL  # borrowed
    unsigned int brinery_type_version(PyTypeObject *) noexcept
    bint brinery_is_heap_class(PyObject *) noexcept
    bint brinery_is_looked_up_plainly(PyObject *) noexcept
    bint brinery_falls_back(PyObject *, PyObject *) noexcept
    bint brinery_is_set_plainly(PyTypeObject *) noexcept
    bint brinery_is_made_plainly(PyObject *) noexcept
    bint brinery_is_built_in_new(PyObject *, PyObject *) noexcept
    bint brinery_is_dict_like(PyObject *) noexcept
    bint brinery_keeps_a_dict(PyObject *) noexcept
    bint brinery_has_no_dict_yet(PyObject *) noexcept
    PyObject *brinery_next_value(PyObject *, Py_ssize_t *) noexcept  # borrowed
    bint brinery_is_of(PyObject *, PyObject *) noexcept
    bint brinery_gets_dict(PyObject *, PyObject *) noexcept
    bint brinery_has_plain_dict(PyObject *) noexcept
    bint brinery_is_fresh(PyObject *) noexcept
    Py_ssize_t brinery_slot_offset(PyTypeObject *, PyObject *) noexcept
    PyObject **brinery_slot_at(PyObject *, Py_ssize_t) noexcept
    bint brinery_has_setter(PyObject *) noexcept

cdef extern from "Python.h":
    void Py_INCREF(PyObject *) noexcept
    void Py_DECREF(PyObject *)
    void Py_XINCREF(PyObject *) noexcept
    void Py_XDECREF(PyObject *)
    Py_ssize_t Py_REFCNT(PyObject *) noexcept
    PyTypeObject *Py_TYPE(PyObject *) noexcept
    PyObject *Py_None
    PyObject *Py_True
    PyObject *Py_False

    void *PyMem_Malloc(size_t) noexcept
    void *PyMem_Calloc(size_t, size_t) noexcept
    void *PyMem_Realloc(void *, size_t) noexcept
    void PyMem_Free(void *) noexcept

    int PyGC_Disable() noexcept
    int PyGC_Enable() noexcept
    void PyObject_GC_UnTrack(void *) noexcept

    PyObject *PyLong_FromLong(long) except NULL
    PyObject *PyLong_FromLongLong(long long) except NULL
    PyObject *PyFloat_FromDouble(double) except NULL
    PyObject *PyBytes_FromStringAndSize(const char *, Py_ssize_t) except NULL
    char *PyBytes_AS_STRING(PyObject *) noexcept
    Py_ssize_t PyBytes_GET_SIZE(PyObject *) noexcept
    int _PyBytes_Resize(PyObject **, Py_ssize_t) except -1
    PyObject *PyByteArray_FromStringAndSize(const char *, Py_ssize_t) except NULL
    char *PyByteArray_AS_STRING(PyObject *) noexcept
    int PyByteArray_Resize(PyObject *, Py_ssize_t) except -1
    PyObject *PyMemoryView_FromMemory(char *, Py_ssize_t, int) except NULL

    PyObject *PyUnicode_New(Py_ssize_t, uint32_t) except NULL
    void *PyUnicode_DATA(PyObject *) noexcept
    PyObject *PyUnicode_DecodeUTF8(const char *, Py_ssize_t, const char *) except NULL
    PyObject *PyUnicode_Decode(const char *, Py_ssize_t, const char *, const char *) except NULL
    bint PyUnicode_CheckExact(PyObject *) noexcept
    void PyUnicode_InternInPlace(PyObject **) noexcept

    PyObject *PyTuple_New(Py_ssize_t) except NULL
    bint PyTuple_Check(PyObject *) noexcept
    bint PyTuple_CheckExact(PyObject *) noexcept
    Py_ssize_t PyTuple_GET_SIZE(PyObject *) noexcept
    PyObject *PyTuple_GET_ITEM(PyObject *, Py_ssize_t) noexcept
    void PyTuple_SET_ITEM(PyObject *, Py_ssize_t, PyObject *) noexcept
    PyObject *PyList_New(Py_ssize_t) except NULL
    bint PyList_Check(PyObject *) noexcept
    bint PyList_CheckExact(PyObject *) noexcept
    Py_ssize_t PyList_GET_SIZE(PyObject *) noexcept
    PyObject *PyList_GET_ITEM(PyObject *, Py_ssize_t) noexcept
    PyObject *PyDict_New() except NULL
    bint PyDict_Check(PyObject *) noexcept
    bint PyDict_CheckExact(PyObject *) noexcept
    PyObject *PyDict_GetItemWithError(PyObject *, PyObject *) except? NULL  # borrowed
    PyObject *PyDict_SetDefault(PyObject *, PyObject *, PyObject *) except NULL  # borrowed
    PyObject *PyModule_GetDict(PyObject *) noexcept  # borrowed
    int PyDict_SetItem(PyObject *, PyObject *, PyObject *) except -1
    Py_ssize_t PyDict_GET_SIZE(PyObject *) noexcept
    int PyDict_Next(PyObject *, Py_ssize_t *, PyObject **, PyObject **) noexcept
    PyObject *PySet_New(PyObject *) except NULL
    bint PySet_Check(PyObject *) noexcept
    int PySet_Add(PyObject *, PyObject *) except -1
    PyObject *PyFrozenSet_New(PyObject *) except NULL
    bint PyFrozenSet_Check(PyObject *) noexcept

    bint PyType_Check(PyObject *) noexcept
    int PyObject_SetItem(PyObject *, PyObject *, PyObject *) except -1
    PyObject *PyObject_GenericGetDict(PyObject *, void *) except NULL
    PyObject *PyObject_GenericGetAttr(PyObject *, PyObject *) except NULL
    int PyObject_GenericSetAttr(PyObject *, PyObject *, PyObject *) except -1
    PyTypeObject PyGetSetDescr_Type
    PyTypeObject PyBaseObject_Type
    int PyObject_SetAttr(PyObject *, PyObject *, PyObject *) except -1
    PyObject *PyObject_CallObject(PyObject *, PyObject *) except NULL
    size_t PY_VECTORCALL_ARGUMENTS_OFFSET
    PyObject *PyObject_VectorcallMethod(PyObject *, PyObject **, size_t, PyObject *) except NULL
    PyTypeObject PyType_Type
    PyTypeObject PyUnicode_Type, PyLong_Type, PyBytes_Type, PyFloat_Type, PyBool_Type
    PyTypeObject PyFunction_Type
    PyTypeObject PyMethodDescr_Type
    PyTypeObject PyList_Type
    PyTypeObject PyMethod_Type
    PyObject *PyMethod_GET_FUNCTION(PyObject *) noexcept  # borrowed
    PyObject *PyMethod_GET_SELF(PyObject *) noexcept  # borrowed
    PyObject *PyObject_CallOneArg(PyObject *, PyObject *) except NULL
    int PySys_Audit(const char *, const char *, ...) except -1

    int PyObject_GetBuffer(object, Py_buffer *, int) except -1
    void PyBuffer_Release(Py_buffer *)
    int PyBUF_CONTIG_RO
    int PyBUF_WRITE
