# The C types of weights.py, where it is compiled.

cimport cython

from brinery.stream.scanner cimport Scanner
from brinery.stream.walk cimport Keeper, Walk

cdef list _KINDS
cdef bytearray _SMALL, _CHECKED, _PAIRED, _OF_TUPLE
cdef int _BUILD, _PERSID, _LIST, _SET, _DICT, _TUPLE, _NONE, _STACK_GLOBAL
cdef object _MAKERS, _NO_TEXT
cdef Py_ssize_t _MOST, _LARGE
cdef unsigned long long _LABEL
cdef int _DEEPEST


cdef class Kind:
    cdef readonly str name
    cdef readonly bint is_global
    cdef public bint makes_first
    cdef public long long objects, bytes, uses, naming
    cdef readonly _Reference stub


cdef class _Reference:
    cdef readonly Kind kind


@cython.final
@cython.freelist(64)
cdef class Leaf:
    cdef public Kind kind
    cdef public long long bytes


@cython.final
@cython.freelist(64)
cdef class Weighed:
    cdef public Kind kind, first, loose_kind
    cdef public long long bytes, inner, inside, objects, count, loose, loose_objects, floor
    cdef public dict parts, leaves
    cdef public list fresh
    cdef public Weighed others, arguments
    cdef public int height


@cython.locals(made=Weighed)
cdef Weighed _weighed(Kind kind)


cdef class Weights(Keeper):
    cdef readonly dict kinds, classes
    cdef readonly Kind mixed
    cdef list _by_code
    cdef Kind _str, _int, _bytes, _global, _reference, _persistent, _extension, _called

    cdef Kind _kind(self, str name)
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
    @cython.locals(i=Py_ssize_t, below=Weighed)
    cpdef object drop(self, Walk walk, Py_ssize_t first)
    @cython.locals(kind=Kind, named=Kind, size=cython.longlong)
    cpdef object store(self, Walk walk, long long index, object symbol)
    @cython.locals(size=cython.longlong, kind=Kind)
    cpdef object fetch(self, Walk walk, long long index, object symbol)
    cpdef object raw(self, Walk walk, object symbol, bytes data, Walk inner)
    @cython.locals(found=Weighed)
    cpdef object root(self, Walk walk, object symbol, long long end)
    cpdef object describe(self, object symbol)

    @cython.locals(reference=_Reference, part=Weighed)
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
    @cython.locals(parts=dict, there=object)
    cdef void _add(self, Weighed owner, object label, Weighed part) except *
    cdef int _lift(self, Weighed owner, Weighed part) except -1
    @cython.locals(leaves=dict, there=object, leaf=Leaf, fresh=list)
    cdef void _add_leaf(self, Weighed owner, object label, Kind kind, long long size) except *
    cpdef object settle(self, Weighed owner)
    @cython.locals(i=Py_ssize_t)
    cdef void _add_fresh(self, Weighed owner, list fresh) except *
    cdef void _prune(self, Weighed owner) except *
    @cython.locals(leaf=Leaf)
    cdef void _prune_leaves(self, Weighed owner) except *
    cdef void _put_aside(self, Weighed owner, Weighed part) except *
    cdef void _let_go(self, Weighed owner, Kind kind, long long size, long long objects) except *
    @cython.locals(apart=cython.bint)
    cdef void _merge(self, Weighed into, Weighed part) except *
    @cython.locals(inner=Weighed, leaf=Leaf)
    cdef void _merge_parts(self, Weighed into, Weighed part, bint apart) except *
    @cython.locals(fresh=list, leaf=Leaf, i=Py_ssize_t)
    cdef void _let_all_go(self, Weighed owner, Weighed part) except *
    @cython.locals(parts=dict, inner=Weighed)
    cdef void _scatter(self, Weighed part) except *
