# The C types of leaves.py, where it is compiled.

cimport cython

cdef Py_ssize_t _FRAME_TARGET, _FRAME_LEAST
cdef int _INT1, _INT2, _INT4, _LONG1, _LONG4, _SHORT_TEXT, _TEXT4, _TEXT8
cdef int _MEMOIZE, _BINPUT, _LONG_BINPUT, _BINGET, _LONG_BINGET


cdef class Leaves:
    cdef readonly int protocol
    cdef object _write
    cdef bytearray _out
    cdef bint _framed
    cdef long long _count, _sent
    cdef dict _ids, _texts
    cdef list _kept

    @cython.locals(out=bytearray)
    cdef void _put_int(self, object value) except *
    cdef void _put_text(self, str text) except *
    cdef void _put_name(self, str text) except *
    @cython.locals(out=bytearray, data=bytes, size=Py_ssize_t)
    cdef void _add_text(self, str text) except *
    @cython.locals(out=bytearray, index=cython.longlong)
    cdef void _memoize(self) except *
    @cython.locals(out=bytearray)
    cdef void _get(self, long long index) except *
    cdef void _payload(self, int code, bytes size, bytes data) except *
    @cython.locals(out=bytearray, size=Py_ssize_t)
    cdef void _end_frame(self) except *
    cpdef void _send(self, bytes data) except *
    @cython.locals(size=cython.longlong)
    cdef void _put_raw(self, bytes data, long long alignment) except *
