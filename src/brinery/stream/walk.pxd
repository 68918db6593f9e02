# The C types of walk.py, where it is compiled.

cimport cython

from brinery.stream.memo cimport Memo
from brinery.stream.scanner cimport Scanner

cdef int _CONSTANT, _MAKE, _CHANGE, _STORE, _FETCH, _MARK, _CALL, _GLOBAL, _EXTENSION, _PERSISTENT
cdef int _STREAM, _DROP, _OTHER
cdef bytearray _KIND, _BELOW, _TO_MARK, _LEAST, _PAIRS
cdef int _STOP, _PROTO, _POP, _DUP, _MEMOIZE, _INST, _GLOBAL_CODE, _PERSID


cdef class Keeper:
    cpdef object constant(self, Walk walk, int code)
    cpdef object make(self, Walk walk, int code, Py_ssize_t first)
    cpdef object change(self, Walk walk, int code, Py_ssize_t first)
    cpdef object call(self, Walk walk, int code, object function, Py_ssize_t first)
    cpdef object name(self, Walk walk, object module, object qualname)
    cpdef object text(self, Walk walk, object symbol)
    cpdef object extension(self, Walk walk, long long number)
    cpdef object persistent(self, Walk walk, int code, Py_ssize_t first)
    cpdef object read_only(self, Walk walk, object symbol)
    cpdef object duplicate(self, Walk walk, object symbol)
    cpdef object store(self, Walk walk, long long index, object symbol)
    cpdef object fetch(self, Walk walk, long long index, object symbol)
    cpdef object drop(self, Walk walk, Py_ssize_t first)
    cpdef object raw(self, Walk walk, object symbol, object array, bytes data, Walk inner)
    cpdef Keeper nested(self)
    cpdef object describe(self, object symbol)


cdef class Walk:
    cdef readonly Scanner scanner
    cdef readonly Keeper keeper
    cdef readonly list stack
    cdef readonly Memo memo
    cdef readonly long long index
    cdef readonly int protocol
    cdef readonly long long pickle
    cdef public long long buffers
    cdef object _begins, _marks
    cdef long long[::1] _begins_view, _marks_view
    cdef Py_ssize_t _depth, _fence, _room, _marks_room
    cdef readonly long long _most
    cdef bint _watches
    cdef list _arrays
    cdef long long _array_at

    @cython.locals(scan=Scanner, code=cython.int, kind=cython.int, stack=list)
    cpdef int step(self) except -1
    cpdef object run(self)
    cpdef object through(self)
    @cython.locals(stack=list, keeper=Keeper, begin=cython.longlong, first=Py_ssize_t, below=Py_ssize_t,
                   above=Py_ssize_t)
    cdef void _compound(self, int code, int kind) except *
    cdef object _too_many(self, str what, Py_ssize_t count)
    cdef object _instance(self, int code, Py_ssize_t first)
    cdef object _name(self, int code, Py_ssize_t first)
    @cython.locals(scan=Scanner, begin=cython.longlong, inner=Walk)
    cdef object _pass_array(self, object symbol)
    cdef object _too_short(self, int code, Py_ssize_t below, Py_ssize_t there)
    cpdef long long begin_of(self, Py_ssize_t position) except? -1
    cpdef long long size_of(self, Py_ssize_t position) except? -1
    cpdef long long size_from(self, Py_ssize_t position) except? -1
    @cython.locals(stack=list, count=Py_ssize_t)
    cdef int _push(self, object symbol, long long begin) except -1
    @cython.locals(place=Py_ssize_t)
    cdef int _mark(self) except -1
    @cython.locals(begin=cython.longlong)
    cdef long long _take_mark(self) except -1
    @cython.locals(stack=list, memo=Memo, count=Py_ssize_t, index=cython.longlong)
    cdef void _store(self, int code) except *
    @cython.locals(scan=Scanner)
    cdef long long _index(self) except -1
    @cython.locals(scan=Scanner, index=cython.longlong)
    cdef int _fetch(self) except -1
