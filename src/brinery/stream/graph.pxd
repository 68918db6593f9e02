# The C types of graph.py, where it is compiled.

cimport cython

from brinery.stream.walk cimport Keeper, Walk

cdef int _LIST, _TUPLE, _DICT, _SET, _FROZENSET, _ARRAY, _GLOBAL, _EXTENSION
cdef int _PERSISTENT, _CALL, _NEW, _NEW_EX, _OBJ, _BUFFER, _READONLY, _OLD
cdef int _APPEND, _SETITEM, _ADD, _BUILD, _DROP, _RAW, _NESTED
cdef bytearray _KIND, _OLD_STRING
cdef bytes _GROWS
cdef int _NONE_CODE, _TRUE, _FALSE, _NEXT_BUFFER, _PERSID, _NEW_BYTES
cdef int _AS_SET, _AS_FROZENSET, _AS_BYTES, _AS_ARRAY, _AS_NEW, _AS_NEW_EX, _AS_DOTTED
cdef dict _FORMS, _BYTES_FUNCTIONS


cdef class Node:
    cdef public int kind, form
    cdef public long long memo
    cdef public object head
    cdef public list parts, changes


@cython.locals(made=Node)
cdef Node _node(int kind, object head, list parts)


cdef class Graph(Keeper):
    cdef readonly object names, encoding, errors
    cdef readonly bint late
    cdef bint _plain
    cdef public long long strings
    cdef public dict named
    cdef readonly list before
    cdef dict _globals

    cpdef object constant(self, Walk walk, int code)
    cpdef object make(self, Walk walk, int code, Py_ssize_t first)
    @cython.locals(stack=list, what=cython.int, node=Node)
    cpdef object change(self, Walk walk, int code, Py_ssize_t first)
    @cython.locals(stack=list, parts=list, kind=cython.int, node=Node)
    cpdef object call(self, Walk walk, int code, object function, Py_ssize_t first)
    @cython.locals(given=list, count=Py_ssize_t, form=cython.int, kind=cython.int)
    cdef object _stands_for(self, Node function, object arguments)
    cdef Node _global(self, object head)
    @cython.locals(node=Node)
    cpdef object name(self, Walk walk, object module, object qualname)
    cpdef object text(self, Walk walk, object symbol)
    cpdef object extension(self, Walk walk, long long number)
    cpdef object persistent(self, Walk walk, int code, Py_ssize_t first)
    cpdef object read_only(self, Walk walk, object symbol)
    @cython.locals(node=Node)
    cpdef object store(self, Walk walk, long long index, object symbol)
    cpdef object drop(self, Walk walk, Py_ssize_t first)
    cpdef object raw(self, Walk walk, object symbol, object array, bytes data, Walk inner)
    cpdef Keeper nested(self)
    cpdef object describe(self, object symbol)
