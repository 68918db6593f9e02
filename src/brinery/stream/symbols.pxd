# The C types of symbols.py, where it is compiled.

cimport cython

from brinery.stream.walk cimport Keeper, Walk

cdef list _KINDS
cdef dict _FIXED
cdef int _BUFFER, _BUILD, _PERSID, _GLOBAL


cdef class Symbol:
    cdef public str kind
    cdef public object content, parts, changes
    cdef public tuple links
    cdef public Py_ssize_t count
    cdef public int code
    cdef public long long begin


cdef class Symbols(Keeper):
    cdef readonly Py_ssize_t limit

    cpdef object constant(self, Walk walk, int code)
    @cython.locals(symbol=Symbol)
    cpdef object make(self, Walk walk, int code, Py_ssize_t first)
    @cython.locals(symbol=Symbol, kind=str)
    cpdef object change(self, Walk walk, int code, Py_ssize_t first)
    @cython.locals(stack=list, count=Py_ssize_t, room=Py_ssize_t)
    cdef void _add(self, Symbol symbol, Walk walk, Py_ssize_t first) except *
    @cython.locals(symbol=Symbol, arguments=Symbol)
    cpdef object call(self, Walk walk, int code, object function, Py_ssize_t first)
    cpdef object name(self, Walk walk, object module, object qualname)
    cpdef object text(self, Walk walk, object symbol)
    cpdef object extension(self, Walk walk, long long number)
    cpdef object persistent(self, Walk walk, int code, Py_ssize_t first)
    cpdef object describe(self, object symbol)
