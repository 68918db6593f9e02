# The C types of showing.py, where it is compiled. Symbols are objects here: symbols.py shows some, too.

cdef dict _BRACKETS
cdef object _OF_PIECES
cdef Py_ssize_t _REMEMBERED, _DEEPEST

cpdef str show(object symbol, Py_ssize_t limit=*)
cpdef str show_constant(object content)
cdef Py_ssize_t _say(list pieces, str text, Py_ssize_t room)
cdef Py_ssize_t _add(list pieces, object symbol, Py_ssize_t depth, Py_ssize_t room) except? -1
cdef Py_ssize_t _part(list pieces, object symbol, Py_ssize_t depth, Py_ssize_t room) except? -1
cdef Py_ssize_t _call(list pieces, object symbol, Py_ssize_t depth, Py_ssize_t room) except? -1
cdef Py_ssize_t _container(list pieces, object symbol, str kind, Py_ssize_t depth, Py_ssize_t room) except? -1
cdef Py_ssize_t _items(list pieces, object symbol, str opening, str closing, Py_ssize_t depth, Py_ssize_t room) except? -1
