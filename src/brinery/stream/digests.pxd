# The C types of digests.py, where it is compiled.

cimport cython

from brinery.stream.graph cimport Graph, Node
from brinery.stream.walk cimport Keeper, Walk

cdef int _LIST, _TUPLE, _DICT, _SET, _FROZENSET, _GLOBAL, _NEW, _BUILD, _ARRAY
cdef int _AGAIN, _UNCLEAN, _CYCLIC, _NEW_NODE, _OPEN_NODE
cdef list _PLAIN


cdef class MetAgain(Graph):
    @cython.locals(node=Node)
    cpdef object fetch(self, Walk walk, long long index, object symbol)
    @cython.locals(node=Node)
    cpdef object duplicate(self, Walk walk, object symbol)
    cpdef Keeper nested(self)


cdef class Digests:
    cdef object _shape

    @cython.locals(node=Node)
    cpdef object of(self, object symbol)
    @cython.locals(one=Node, other=Node)
    cpdef bint same(self, object left, object right) except -1
    cpdef bint cyclic(self, Node node) except -1
    cpdef bint again(self, Node node) except -1
    @cython.locals(waiting=list, node=Node)
    cdef void _look(self, Node root) except *
    @cython.locals(function=Node, arguments=Node, change=tuple, state=Node)
    cdef Node _state(self, Node node)
    @cython.locals(state=Node, arguments=Node)
    cdef void _wait_for(self, Node node, list waiting) except *
    @cython.locals(node=Node)
    cdef void _add(self, list parts, list waiting) except *
    @cython.locals(kind=cython.int, flags=cython.int, state=Node, arguments=Node, function=Node)
    cdef void _finish(self, Node node) except *
    @cython.locals(flags=cython.int, node=Node)
    cdef int _flags(self, list parts) except -1
    cdef object _of_shape(self, Node node)
    cdef object _sequence(self, list parts)
    @cython.locals(values=list, found=dict)
    cdef object _pairs(self, list parts)
    @cython.locals(node=Node)
    cdef object _value(self, object symbol)
    cdef object _constant(self, object value)
