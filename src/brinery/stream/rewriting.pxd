# The C types of rewriting.py, where it is compiled.

cimport cython

from brinery.stream.graph cimport Node
from brinery.stream.leaves cimport Leaves

cdef int _LIST, _TUPLE, _DICT, _SET, _FROZENSET, _ARRAY, _GLOBAL, _EXTENSION
cdef int _PERSISTENT, _CALL, _NEW, _NEW_EX, _OBJ, _BUFFER, _READONLY, _OLD
cdef int _APPEND, _SETITEM, _ADD, _BUILD, _DROP, _RAW, _NESTED, _FIXED
cdef Py_ssize_t _FRAME_TARGET, _BATCH, _DEEPEST
cdef bint _LONE_RESTS
cdef int _MARK, _POP, _POP_MARK, _STOP_CODE, _NONE_CODE, _TRUE, _FALSE
cdef int _FLOAT
cdef int _EMPTY_TUPLE, _TUPLE_CODE, _TUPLE1, _EMPTY_LIST, _LIST_CODE, _EMPTY_DICT, _DICT_CODE
cdef int _EMPTY_SET, _FROZENSET_CODE
cdef int _STACK_GLOBAL, _GLOBAL_CODE
cdef int _SHORT_BYTES, _BYTES4, _BYTES8, _ARRAY8, _REDUCE, _NEWOBJ, _NEWOBJ_EX, _OBJ_CODE, _INST
cdef int _BUILD_CODE, _PERSID, _BINPERSID, _NEXT_BUFFER, _READONLY_CODE
cdef bytes _ONE, _MANY


@cython.final
cdef class _Frame:
    cdef Node node
    cdef list items
    cdef int family, names
    cdef Py_ssize_t place, segment
    cdef bint opened, lone


@cython.final
cdef class Rewriter(Leaves):
    cdef object _names, _text
    cdef bint _dropping
    cdef dict _globals
    cdef list _frames

    cpdef write(self, object root, list before)
    @cython.locals(frames=list)
    cdef void _drive(self, object obj) except *
    @cython.locals(out=bytearray, node=Node)
    cdef bint _put(self, object obj) except -1
    @cython.locals(size=Py_ssize_t)
    cdef bint _put_bytes(self, bytes data) except -1
    @cython.locals(out=bytearray, kind=cython.int, protocol=cython.int)
    cdef bint _open(self, Node node) except -1
    @cython.locals(out=bytearray, protocol=cython.int)
    cdef bint _open_rare(self, Node node, int kind) except -1
    @cython.locals(out=bytearray)
    cdef bint _open_global(self, Node node) except -1
    cdef bint _put_old(self, Node node) except -1
    cdef object _decided(self, Node node)
    @cython.locals(frames=list, frame=_Frame, below=_Frame, other=_Frame)
    cdef object _where(self)
    @cython.locals(frames=list, frame=_Frame, below=_Frame, under=_Frame)
    cdef bint _push(self, Node node, list items, int family) except -1
    @cython.locals(items=list, place=Py_ssize_t, count=Py_ssize_t, family=cython.int)
    cdef void _go_on(self, _Frame frame) except *
    @cython.locals(inner=Rewriter)
    cdef void _put_nested(self, list items) except *
    @cython.locals(items=list, out=bytearray, place=Py_ssize_t, count=Py_ssize_t, family=cython.int,
                   step=Py_ssize_t, batch=Py_ssize_t)
    cdef bint _items(self, _Frame frame) except -1
    cdef bint _put_key(self, object key, int names) except -1
    @cython.locals(changes=list)
    cdef void _next_segment(self, _Frame frame) except *
    @cython.locals(out=bytearray, node=Node, alias=Node, kind=cython.int, count=Py_ssize_t, again=cython.longlong)
    cdef void _close(self, _Frame frame) except *
    @cython.locals(frames=list, below=_Frame)
    cdef bint _is_dropped(self, Node node) except -1
    cdef void _close_obj(self, Node node) except *
    @cython.locals(made=Node, node=Node)
    cdef Node _stand_in(self, tuple name, list parts, object alias)
    cdef void _memoize_node(self, Node node) except *
