# The C types of memo.py, where it is compiled.

cimport cython

# An object of these classes is for one thread at a time, which only the GIL sees to.
cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED
    #error "without the GIL, brinery.stream is interpreted"
    #endif
    """

cdef class Memo:
    cdef readonly list dense
    cdef readonly dict sparse

    @cython.locals(dense=list, count=Py_ssize_t)
    cpdef int put(self, long long index, object obj) except -1
    cpdef bint has(self, long long index) except -1
    cpdef Py_ssize_t count(self) except -1
    cpdef object get(self, long long index)
