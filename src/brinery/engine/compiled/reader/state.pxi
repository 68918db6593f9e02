# The state of one load. An Unpickler owns one for its life (its memo outlives a load); loads() takes
# one from a pool.

from brinery.errors import ReadError

cdef struct Source:
    const unsigned char *start    # the buffer that is being read
    const unsigned char *next     # the first byte not read yet
    const unsigned char *end      # where reading must stop: the end of the frame, else of the buffer
    const unsigned char *limit    # the end of the buffer
    const unsigned char *settled  # peeked buffers: up to here the file has been read, too
    const unsigned char *opcode   # the opcode at work; NULL once its buffer has been replaced
    Py_ssize_t before             # how many bytes of the stream came before `start`
    Py_ssize_t opcode_offset      # where the opcode at work was, if its buffer has been replaced
    int opcode_code
    bint framed
    bint peeked
    bint viewed
    bint steady                   # nobody can change the buffer while it is read
    Py_buffer view

cdef struct Mark:
    Py_ssize_t position           # how many objects lie below
    # Below this mark lies the state of a new instance, a dict that is not made unless something asks for
    # it; in its place on the stack is NULL (see instances.pxi).
    bint pending
    bint slots                    # the state will be (None, the dict)
    Py_ssize_t memo_index         # where the memo refers to this mark for the dict, -1 if nowhere
    size_t calls                  # Reading.calls when the instance was made

cdef struct Stack:
    PyObject **base
    PyObject **top                # the first free slot
    PyObject **limit              # the end of the array
    PyObject **fence              # what lies below the last mark cannot be popped
    Mark *marks
    Py_ssize_t mark_count
    Py_ssize_t mark_room

cdef struct Shape:
    Py_ssize_t count              # attributes
    bint slots                    # as in Mark
    PyObject *keys                # a tuple of the names, as the very objects that this stream repeats
    PyObject **names              # the same names, interned
    Py_ssize_t *places            # of slots, by offset; -1: any other attribute

cdef struct Plan:
    PyObject *cls                 # NULL: a free entry
    unsigned int version          # of the type, when the plan was made
    bint ordinary                 # instances can be made without running user code
    bint plain                    # and be given state
    bint has_dict
    PyObject *init                # where calling the class comes to this Python function; borrowed from cls
    bint has_setstate             # instances are given state by a Python function
    int shape_count
    Shape shapes[4]

cdef struct Elision:
    Py_ssize_t state              # the memo index of a state that was never made
    Py_ssize_t pair               # and of the tuple (None, state), -1 if there is none
    Shape *shape

cdef struct Memo:
    PyObject **array              # the entry's lowest bits say what it is: see memo.pxi
    Py_ssize_t room
    Py_ssize_t used               # one above the highest index in the array; what lies behind is undefined
    Py_ssize_t count              # how many indices are taken, in the array and in `sparse`
    PyObject *sparse              # a dict, once an index was too far out for the array
    PyObject **kept               # arguments whose tuples were not made: their number, and then they
    size_t kept_count, kept_room


cdef class Reading:
    """Everything that one load works on."""

    cdef Source source
    cdef Stack stack
    cdef Memo memo
    cdef Plan *plans                            # by class; NULL before the first
    cdef bint planned                           # whether there are any
    cdef PyObject *models[64]                   # dicts made lately, by their first key and number of keys
    cdef uint64_t modelled                      # where there are any, a bit for each
    cdef Elision *elisions                      # states that can still be had from their instances
    cdef Py_ssize_t elision_count, elision_room
    cdef bint handed_out                        # user code has been given objects of this load
    cdef size_t calls                           # how often that happened
    cdef object read, readline, readinto, peek  # None: bytes, or a file without it
    cdef object held                            # keeps the buffer's memory alive
    cdef object buffers                         # an iterator over the out-of-band buffers, or None
    cdef object finder                          # find_class to ask, or None: the shared one
    cdef object persistent_load                 # called with each persistent ID; or a list of them; or None
    cdef object hole                            # noload: what stands where an object would be
    cdef object plan
    cdef str encoding, errors
    cdef bint fix_imports
    cdef int protocol
    cdef bint walking       # noload: nothing is imported, called or given state
    cdef bint foreign       # there may be objects whose end, hash or comparison is user code
    cdef bint pausing       # large enough for the pause to pay
    cdef bint paused        # the collector is off, and this load did that

    def __cinit__(self):
        memset(&self.source, 0, sizeof(Source))
        memset(&self.stack, 0, sizeof(Stack))
        memset(&self.memo, 0, sizeof(Memo))
        self.plans = NULL
        self.elisions = NULL
        memset(self.models, 0, sizeof(self.models))
        stack_allocate(&self.stack)
        self.encoding = "ASCII"
        self.errors = "strict"

    def __dealloc__(self):
        stack_free(&self.stack)
        plans_clear(self)
        models_clear(self)
        PyMem_Free(self.plans)
        PyMem_Free(self.elisions)
        memo_empty(&self.memo)
        source_close(self)


# A memo may hold its own Unpickler (through a hook's result): the collector has to see what is in there,
# and Cython's own traversal knows only the attributes declared as objects.
cdef traverseproc traverse_attributes = (<PyTypeObject *> Reading).tp_traverse
cdef inquiry clear_attributes = (<PyTypeObject *> Reading).tp_clear


cdef int traverse_reading(PyObject *op, visitproc visit, void *arg) noexcept:
    cdef Memo *memo = &(<Reading> op).memo
    cdef Py_ssize_t i
    cdef size_t at = 0, left = 0
    cdef int stop
    for at in range(memo.kept_count):
        if left == 0:
            left = <size_t> memo.kept[at]
            continue
        left -= 1
        stop = visit(memo.kept[at], arg)
        if stop:
            return stop
    for i in range(memo.used):
        if memo_owned(memo.array[i]) != NULL:
            stop = visit(memo_owned(memo.array[i]), arg)
            if stop:
                return stop
    if memo.sparse != NULL:
        stop = visit(memo.sparse, arg)
        if stop:
            return stop
    return traverse_attributes(op, visit, arg)


cdef int clear_reading(PyObject *op) noexcept:
    memo_empty(&(<Reading> op).memo)
    return clear_attributes(op)


(<PyTypeObject *> Reading).tp_traverse = traverse_reading
(<PyTypeObject *> Reading).tp_clear = clear_reading


# The pause of the collector. It is invisible: nobody else runs while it is on, because it ends before
# anything runs that is not the interpreter's own code.

cdef inline void pause(Reading r) noexcept:
    if BRINERY_PAUSE_COLLECTOR and r.pausing and not r.paused:
        r.paused = PyGC_Disable()


cdef inline void resume_collector(Reading r) noexcept:
    if r.paused:
        r.paused = False
        PyGC_Enable()


cdef inline int resume(Reading r) except -1:
    """User code is about to run, and may be given objects of this load or may have been before."""
    if r.elision_count:
        keep_states(r)
    r.handed_out = True
    r.calls += 1
    resume_collector(r)
    return 0
