# The C types of weights.py, where it is compiled.

cimport cython

from brinery.stream.scanner cimport Scanner
from brinery.stream.parts cimport Kind, Parts, Reference, Weighed
from brinery.stream.walk cimport Walk

cdef list _KINDS
cdef bytearray _SMALL, _CHECKED, _PAIRED, _OF_TUPLE
cdef int _BUILD, _PERSID, _DICT, _TUPLE, _NONE, _STACK_GLOBAL
cdef object _MAKERS, _NO_TEXT
cdef Py_ssize_t _LARGE, _ROOTS
cdef unsigned long long _LABEL


cdef class Weights(Parts):
    cdef readonly dict classes, roots
    cdef readonly Weighed others
    cdef dict _pending
    cdef list _by_code
    cdef Kind _str, _int, _bytes, _global, _reference, _persistent, _extension, _called

    @cython.locals(kind=Kind, scan=Scanner)
    cpdef object constant(self, Walk walk, int code)
    @cython.locals(kind=Kind, made=Weighed, count=Py_ssize_t, each=cython.bint)
    cpdef object make(self, Walk walk, int code, Py_ssize_t first)
    @cython.locals(target=Weighed)
    cpdef object change(self, Walk walk, int code, Py_ssize_t first)
    @cython.locals(kind=Kind, made=Weighed, i=Py_ssize_t, arguments=Weighed, maker=Weighed)
    cpdef object call(self, Walk walk, int code, object function, Py_ssize_t first)
    @cython.locals(found=Kind)
    cpdef object name(self, Walk walk, object module, object qualname)
    cpdef object text(self, Walk walk, object symbol)
    cpdef object extension(self, Walk walk, long long number)
    @cython.locals(made=Weighed)
    cpdef object persistent(self, Walk walk, int code, Py_ssize_t first)
    cpdef object duplicate(self, Walk walk, object symbol)
    @cython.locals(i=Py_ssize_t, below=Weighed, size=cython.longlong)
    cpdef object drop(self, Walk walk, Py_ssize_t first)
    @cython.locals(kind=Kind, named=Kind, size=cython.longlong)
    cpdef object store(self, Walk walk, long long index, object symbol)
    @cython.locals(size=cython.longlong, kind=Kind)
    cpdef object fetch(self, Walk walk, long long index, object symbol)
    @cython.locals(part=Weighed)
    cpdef object raw(self, Walk walk, object symbol, object array, bytes data, Walk inner)
    @cython.locals(found=Weighed)
    cpdef object root(self, Walk walk, object symbol, long long end)
    cdef long long _dropped(self, Walk walk) except? -1
    cpdef object gather(self, long long number, Weighed root)
    cpdef object describe(self, object symbol)

    @cython.locals(reference=Reference, part=Weighed)
    cdef Kind _kind_of(self, object symbol)
    cdef long long _weigh(self, Weighed part, Walk walk, Py_ssize_t place) except? -1
    @cython.locals(kind=Kind)
    cdef long long _count(self, Weighed part) except? -1
    @cython.locals(part=Weighed)
    cdef void _take(self, Weighed owner, object label, Walk walk, Py_ssize_t place) except *
    @cython.locals(stack=list, index=cython.longlong, count=Py_ssize_t, i=Py_ssize_t, instance=cython.bint,
                   part=Weighed)
    cdef void _take_items(self, Weighed owner, Walk walk, Py_ssize_t first, bint each) except *
    @cython.locals(stack=list, i=Py_ssize_t, instance=cython.bint)
    cdef void _take_pairs(self, Weighed owner, Walk walk, Py_ssize_t first) except *
    @cython.locals(state=Weighed, part=Weighed)
    cdef void _take_state(self, Weighed owner, Walk walk, Py_ssize_t place) except *
    @cython.locals(part=Weighed, parts=dict)
    cdef bint _are_dicts(self, Weighed state) except -1
    cdef void _take_attributes(self, Weighed owner, Weighed state) except *
