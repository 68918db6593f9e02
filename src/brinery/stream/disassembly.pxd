# The C types of disassembly.py, where it is compiled.

cimport cython

from brinery.stream.scanner cimport Scanner
from brinery.stream.symbols cimport Symbol, Symbols
from brinery.stream.walk cimport Walk

cdef list _ROWS, _PUSHES, _CARRIES
cdef int _STOP, _INST
cdef tuple _NEW, _REFERRING, _STORES, _FETCHES
cdef Py_ssize_t _DETAIL, _ID, _PARTS


cdef class _Teller(Symbols):
    cdef str words
    cdef object called

    @cython.locals(symbol=Symbol, items=list)
    cpdef object change(self, Walk walk, int code, Py_ssize_t first)
    @cython.locals(symbol=Symbol)
    cpdef object call(self, Walk walk, int code, object function, Py_ssize_t first)
    cpdef object raw(self, Walk walk, object symbol, object array, bytes data, Walk inner)
    cpdef object read_only(self, Walk walk, object symbol)
    cpdef object drop(self, Walk walk, Py_ssize_t first)


@cython.locals(scanner=Scanner, top=Symbol, pushed=Symbol, code=int, marks=Py_ssize_t, left=Py_ssize_t,
               stores=bint, words=str, kind=str, stack=list, named=tuple)
cdef object _instruction(Walk walk, _Teller teller)
@cython.locals(scanner=Scanner)
cdef str _words(Walk walk, str name, Symbol top, object memo, Py_ssize_t left)
cdef str _show_id(Symbol symbol)
cdef tuple _named(Symbol pushed, object called)
