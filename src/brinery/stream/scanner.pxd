# The C types of scanner.py, where it is compiled.

cimport cython

# An object of these classes is for one thread at a time, which only the GIL sees to.
cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED
    #error "without the GIL, brinery.stream is interpreted"
    #endif
    """

cdef bytes _FORM, _WIDTH, _MEANING, _MAY_BE_EMPTY
cdef int _NONE, _FIXED, _COUNTED, _SIGNED, _LINE, _LINES, _UNKNOWN
cdef int _TEXT, _UNSIGNED, _INT4, _BYTES, _FLOAT8, _LONG, _WORDS, _BYTEARRAY, _OTHER
cdef int _PROTO, _FRAME
cdef long long _LARGEST_SIZE
cdef bint _INTERPRETED
cdef Py_ssize_t _PIECE


cdef class Scanner:
    cdef object _feed
    cdef bint _whole, _exact
    cdef Py_ssize_t _keep
    cdef bytes _data
    cdef Py_ssize_t _at, _limit, _begin, _body, _stop, _middle
    cdef long long _base, _frame_end, _furthest, _furthest_at
    cdef list _heads
    cdef object _head
    cdef readonly int code
    cdef readonly long long start, end
    cdef readonly unsigned long long size
    cdef readonly bint long

    @cython.locals(data=bytes, at=Py_ssize_t, code=cython.int, form=cython.int, width=cython.int,
                   size=cython.ulonglong)
    cpdef int next(self) except? -1
    @cython.locals(left=Py_ssize_t, count=Py_ssize_t)
    cpdef bytes skip(self, Py_ssize_t size)
    cpdef int peek(self) except -1
    cpdef void back_to(self, long long start, int code)
    @cython.locals(code=cython.int, meaning=cython.int, data=bytes)
    cpdef object value(self)
    @cython.locals(found=cython.longlong)
    cpdef long long number(self) except? -1
    @cython.locals(data=bytes, found=cython.longlong, i=Py_ssize_t)
    cpdef long long index(self) except? -1
    cpdef bytes payload(self)
    cpdef bytes raw(self)
    cpdef bytes rest(self, bint failed=*)
    cpdef tuple names(self)
    cpdef bint at_end(self) except -1

    @cython.locals(found=cython.ulonglong, data=bytes, i=cython.int)
    cdef unsigned long long _little(self, Py_ssize_t at, int width) except? 0xFFFFFFFFFFFFFFFF
    @cython.locals(code=cython.int)
    cdef object _words(self)
    @cython.locals(end=cython.ulonglong, head=Py_ssize_t)
    cdef int _counted(self, unsigned long long size) except -1
    @cython.locals(left=Py_ssize_t, at=Py_ssize_t, count=Py_ssize_t)
    cdef int _skim(self, Py_ssize_t size) except -1
    cdef void _lines(self, bint two) except *
    @cython.locals(ahead=Py_ssize_t, seen=Py_ssize_t, end=Py_ssize_t)
    cdef Py_ssize_t _line(self, Py_ssize_t at) except -1
    @cython.locals(data=bytes, stop=Py_ssize_t, i=Py_ssize_t)
    cdef Py_ssize_t _newline(self, Py_ssize_t seen) except -2
    @cython.locals(start=Py_ssize_t, at=Py_ssize_t, stop=Py_ssize_t, until=Py_ssize_t, size=Py_ssize_t)
    cdef int _skim_lines(self, Py_ssize_t ahead) except -1
    cdef int _check_protocol(self) except -1
    @cython.locals(size=cython.ulonglong)
    cdef int _enter_frame(self) except -1
    cdef bint _fill(self) except -1
    cdef bint _extend(self) except -1
    @cython.locals(there=Py_ssize_t)
    cdef int _need(self, Py_ssize_t count) except -1
    @cython.locals(moved=Py_ssize_t)
    cdef int _grow(self, list pieces) except -1


cdef unsigned long long _wide(unsigned long long byte)
