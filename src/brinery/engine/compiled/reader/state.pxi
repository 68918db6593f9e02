# The state of one load. An Unpickler owns one for its life (its memo outlives a load); loads() takes
# one from a pool. And the rule that keeps it whole while other people's code runs.
#
# User code may run in more places than calls: in imports and find_class; in codecs and their error handlers;
# in every method of a file, and in what it returns, which may be any object with a buffer; in persistent
# loading; in calls, __new__, __setstate__; where attributes or items are set or looked up; where keys are
# hashed and compared; in iterators; where the last reference to something goes; in the collector, which up to
# Python 3.11 may be set off by any tuple, list, dict, set or instance that is made; and in all Python code,
# ours too, as there a signal's handler and other threads have their turn. It can reach anything: objects
# of this load through globals or the collector, the classes in use, sys.modules, this very Unpickler.
#
# So it may run only between secure() and resume().
#
# Before: the cursor and the top of the stack are written back, every object that is still needed is owned
# by the stack, the memo or the frame that runs, and nothing that the stream said is kept in an object that
# user code could change. secure() puts the collector back as its owner has it.
# After: what is known of anything that user code can reach is looked at again. A class is known by its
# version, a new instance by Reading.calls, which tells that user code has run: then brinery_is_fresh() looks whether
# anything was done to the instance. Stack, memo and plans are as before, as nothing but this load can change them: the
# Unpickler is busy. resume() turns the collector off, which is what keeps it from running in between.
#
# What this keeps for itself keeps no object of the user's alive, whose end may be waited for: plans only compare their
# class, and models hold what is built-in (see fill_like_earlier). And the collector shows nobody what this only borrows from: a
# container of our own is untracked, and what is in it is shown as the Reading's (traverse_reading).
#
# exposed() counts the loads of the process that stand in between; whenever user code runs it is 0, and the
# tests ask it (tests/user_code.py).

from brinery import cpython, refusals
from brinery.errors import ReadError

cdef bint NESTED_FRAMES_FIRST = cpython.NESTED_FRAMES_FIRST
cdef bint EMPTY_BATCHES_ARE_GIVEN = cpython.EMPTY_BATCHES_ARE_GIVEN

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
    PyObject *cls                 # NULL: a free entry; compared only, as the class may be gone
    unsigned int version          # of the type, when the plan was made
    bint ordinary                 # instances can be made without running user code
    bint plain                    # and be given state
    bint has_dict
    PyObject *init                # where calling the class comes to this Python function; borrowed from cls
    bint has_setstate             # instances are given state by a method of their class
    bint sets_each                # that is BaseException's
    bint extends                  # a list's own extend() is that of instances
    int shape_count
    Shape shapes[4]

cdef struct Name:                 # both owned; NULL: a free entry
    PyObject *found               # a str, as this stream repeats it
    PyObject *interned

cdef struct Memo:
    PyObject **array              # the entry's lowest bits say what it is: see memo.pxi
    Py_ssize_t room
    Py_ssize_t used               # one above the highest index in the array; what lies behind is undefined
    Py_ssize_t count              # how many indices are taken, in the array and in `sparse`
    PyObject *sparse              # a dict, once an index was too far out for the array; the collector does not show it
    # What was not made although the stream memoized it: a number of objects (NULL among them), and then they.
    # They are owned, and never fetched back from what was made of them.
    PyObject **kept
    size_t kept_count, kept_room


cdef class Reading:
    """Everything that one load works on."""

    cdef Source source
    cdef Stack stack
    cdef Memo memo
    cdef Plan *plans                            # by class; NULL before the first
    cdef bint planned                           # whether there are any
    cdef PyObject *models[64]                   # dicts made lately, by their first key and number of keys
    cdef size_t met[64]                         # and what keys were met last there, once user code has run
    cdef uint64_t modelled                      # where there are any, a bit for each
    cdef Name names[64]                         # of attributes, set lately
    cdef uint64_t named                         # as `modelled`
    cdef size_t calls                           # how often user code has run
    cdef object file                            # None: bytes
    cdef object read, readline, readinto, peek  # its methods; None: there is none
    cdef bint memory                            # the file is an io.BytesIO, none of whose methods is user code
    cdef object held                            # keeps the buffer's memory alive
    cdef bytes first                            # what a file began with, for errors; None: not known
    cdef object buffers                         # an iterator over the out-of-band buffers, or None
    cdef PyObject *owner                        # the Unpickler that loads, which is asked for its find_class; or NULL
    cdef object persistent_load                 # called with each persistent ID; or a list of them; or None
    cdef object hole                            # noload: what stands where an object would be
    cdef object plan
    cdef object shaping     # what was met of changed shapes and of Python 2's text; None before the first
    cdef dict shaped        # its table by the identity of a class or function; None before the first
    cdef bint wild          # whether any class may be in it
    cdef object slotted     # what the plan has for states of slots, or None
    cdef bint has_text      # whether the plan has rules for Python 2's text
    cdef str encoding, errors
    cdef bint fix_imports
    cdef int protocol
    cdef bint walking       # noload: nothing is imported, called or given state
    cdef bint blind         # and: a hole stands for each list and dict, too, as no ID is looked for in them
    cdef object undecided   # the stores, while they were not asked what the stream refers to (see decide); or None
    cdef bytes stream       # the pickle, as long as that is so
    cdef object stored      # what they gave for this load, or None
    cdef object refusal     # the error that they raised for it, or None
    cdef list ready         # what the stores gave for the stream's persistent IDs, in order; or None
    cdef bytearray ready_places # where the opcodes of these IDs are, from where the pickle began
    cdef Py_ssize_t ready_at
    cdef Py_ssize_t began
    cdef bint foreign       # user code has run: there may be objects whose end, hash or comparison is user code
    cdef bint paused        # the collector is off, and this load did that
    cdef int outside        # how many secure() are open; 1 before and after a load

    def __cinit__(self):
        memset(&self.source, 0, sizeof(Source))
        memset(&self.stack, 0, sizeof(Stack))
        memset(&self.memo, 0, sizeof(Memo))
        self.plans = NULL
        self.owner = NULL
        memset(self.models, 0, sizeof(self.models))
        memset(self.met, 0, sizeof(self.met))
        memset(self.names, 0, sizeof(self.names))
        stack_allocate(&self.stack)
        self.encoding = "ASCII"
        self.errors = "strict"
        self.outside = 1

    def __dealloc__(self):
        stack_free(&self.stack)
        plans_clear(self)
        models_clear(self)
        names_clear(self)
        PyMem_Free(self.plans)
        memo_empty(&self.memo)
        source_close(self)


# A memo may hold its own Unpickler (through a hook's result): the collector has to see what is in there,
# and Cython's own traversal knows only the attributes declared as objects.
cdef traverseproc traverse_attributes = (<PyTypeObject *> Reading).tp_traverse
cdef inquiry clear_attributes = (<PyTypeObject *> Reading).tp_clear


cdef int traverse_reading(PyObject *op, visitproc visit, void *arg) noexcept:
    cdef Memo *memo = &(<Reading> op).memo
    cdef Py_ssize_t i
    cdef Py_ssize_t place = 0
    cdef PyObject *key
    cdef PyObject *value
    cdef size_t at = 0, left = 0
    cdef int stop
    for at in range(memo.kept_count):
        if left == 0:
            left = <size_t> memo.kept[at]
            continue
        left -= 1
        if memo.kept[at] != NULL:
            stop = visit(memo.kept[at], arg)
            if stop:
                return stop
    for i in range(memo.used):
        if memo_owned(memo.array[i]) != NULL:
            stop = visit(memo_owned(memo.array[i]), arg)
            if stop:
                return stop
    if memo.sparse != NULL:
        while PyDict_Next(memo.sparse, &place, &key, &value):
            stop = visit(value, arg)
            if stop:
                return stop
    return traverse_attributes(op, visit, arg)


cdef int clear_reading(PyObject *op) noexcept:
    memo_empty(&(<Reading> op).memo)
    return clear_attributes(op)


(<PyTypeObject *> Reading).tp_traverse = traverse_reading
(<PyTypeObject *> Reading).tp_clear = clear_reading


cdef int exposed_loads = 0
cdef object saboteur = None


def exposed():
    """How many loads of this process are in the middle of something during which no user code may run."""
    return exposed_loads


def sabotage(code):
    """Have `code` called, without arguments, wherever user code may run in a load; None for nothing. For tests."""
    global saboteur
    saboteur = code


cdef inline void pause(Reading r) noexcept:
    # Not only against the collector's user code: lists and dicts load up to 1.9 times as fast.
    if BRINERY_PAUSE_COLLECTOR:
        r.paused = PyGC_Disable()


cdef inline void begin(Reading r) noexcept:
    """From here on no user code runs but between secure() and resume()."""
    global exposed_loads
    r.outside = 0
    exposed_loads += 1
    pause(r)


cdef inline void meet_foreign(Reading r) noexcept:
    """From here on there may be objects of the user's."""
    if not r.foreign:
        r.foreign = True
        models_clear(r)  # now, as that is sure to let go of built-in objects only


cdef inline void step_out(Reading r) noexcept:
    global exposed_loads
    r.outside += 1
    if r.outside == 1:
        exposed_loads -= 1
        r.calls += 1
        meet_foreign(r)
        if r.paused:
            r.paused = False
            PyGC_Enable()


cdef inline int secure(Reading r) except -1:
    """User code may run from here on. Brackets may stand within each other."""
    step_out(r)
    if r.undecided is not None:
        decide(r)
    if saboteur is not None:
        saboteur()
    return 0


cdef inline bint is_imported(PyObject *module) except -1:
    return PyUnicode_CheckExact(module) and <object> module in OWN_MODULES


cdef inline int secure_to_look_up(Reading r, PyObject *module) except -1:
    """secure(), for a class out of `module`: if that is there, nothing is built yet, and stores need not be asked yet."""
    if r.undecided is None or not is_imported(module):
        return secure(r)
    step_out(r)
    if saboteur is not None:
        saboteur()
    return 0


cdef inline int resume(Reading r) except -1:
    """User code has run. (Where it failed there is no resume(): the load is over.)"""
    global exposed_loads
    if saboteur is not None:
        saboteur()
    r.outside -= 1
    if r.outside == 0:
        exposed_loads += 1
        pause(r)
    return 0


cdef inline void end(Reading r) noexcept:
    """The load is over, well or not: for all that follows user code may run. The collector is its owner's again."""
    if r.outside == 0:
        step_out(r)
    r.outside = 1


cdef inline int let_go(Reading r, PyObject *owned) except -1:
    """Give up a reference. The last one to an object that is no builtin may run its __del__."""
    if r.foreign and Py_REFCNT(owned) == 1:
        return let_last_go(r, owned)
    Py_DECREF(owned)
    return 0


cdef int let_last_go(Reading r, PyObject *owned) except -1:
    try:
        secure(r)
    finally:
        Py_DECREF(owned)  # where that failed, the load is over, and everything is its owner's all the same
    return resume(r)
