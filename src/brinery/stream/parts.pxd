# The C types of parts.py, where it is compiled.

cimport cython

from brinery.stream.walk cimport Keeper

cdef Py_ssize_t _MOST
cdef int _DEEPEST


cdef class Kind:
    cdef readonly str name
    cdef readonly bint is_global
    cdef public bint makes_first
    cdef public long long objects, bytes, uses, naming
    cdef readonly Reference stub


cdef class Reference:
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


cdef class Parts(Keeper):
    cdef readonly dict kinds
    cdef readonly Kind mixed
    cdef Kind _list, _set

    cdef Kind _kind(self, str name)
    @cython.locals(made=Weighed)
    cdef Weighed _new(self, Kind kind)
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
