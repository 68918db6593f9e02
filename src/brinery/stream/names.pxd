# The C types of names.py, where it is compiled.

cimport cython

from brinery.stream.walk cimport Keeper, Walk

cdef list _KINDS
cdef bytearray _KEPT, _BYTES, _BEGINS
cdef dict _MARKS
cdef int _TRUE, _FALSE, _NONE, _BUFFER, _PERSID, _APPEND, _APPENDS, _REDUCE, _BYTEARRAY
cdef Py_ssize_t _MOST


cdef class Made:
    cdef readonly str what


cdef class Named:
    cdef readonly object name
    cdef public long long uses
    cdef public bint era, dotted
    cdef readonly Made made
    cdef readonly object encodes
    cdef readonly bint is_array


cdef class _Referred:
    cdef readonly dict counts
    cdef readonly object key


cdef class Names(Keeper):
    cdef readonly dict globals, persistent_ids, extensions
    cdef readonly object inside
    cdef public object long_text
    cdef readonly long long calls

    cpdef object constant(self, Walk walk, int code)
    cdef void _look_inside(self, Walk walk, object value) except *
    cdef object _old_bytes(self, Walk walk, Named function, object args)
    @cython.locals(stack=list, kind=str)
    cpdef object make(self, Walk walk, int code, Py_ssize_t first)
    @cython.locals(stack=list, items=list)
    cpdef object change(self, Walk walk, int code, Py_ssize_t first)
    @cython.locals(named=Named)
    cpdef object call(self, Walk walk, int code, object function, Py_ssize_t first)
    @cython.locals(named=Named)
    cpdef object name(self, Walk walk, object module, object qualname)
    cpdef object text(self, Walk walk, object symbol)
    cpdef object extension(self, Walk walk, long long number)
    cpdef object persistent(self, Walk walk, int code, Py_ssize_t first)
    cpdef object fetch(self, Walk walk, long long index, object symbol)
    cpdef object describe(self, object symbol)


@cython.locals(first=cython.int)
cdef bint _may_be(object value) except -1
cdef bint _is_plain(object pid) except -1
