# The stack of what is being written, on the heap: depth costs memory, not recursion; and the rule that
# keeps borrowed references safe.
#
# Before Python code may run, secure() is called. Code runs in more places than calls: where the last
# reference to something goes (finalizers), where a dict compares keys of unknown types, where an
# exception is made, and up to Python 3.11 wherever a tuple, list, dict or set is made, for each may set
# off the garbage collector.

cdef uint64_t last_epoch = 0
cdef object saboteur = None
cdef Writer *at_work = NULL  # with BRINERY_WATCHED, a list of all that write


def sabotage(code):
    """Have `code` called, without arguments, wherever user code may run in a dump; None for nothing. For tests."""
    global saboteur
    saboteur = code


def exposed():
    """How many dumps of this process still borrow what user code could take away.

    Only where the engine was built with BRINERY_WATCHED=1, as it takes a small dump 2 % longer; else None.
    """
    cdef Writer *w = at_work
    if not BRINERY_WATCHED:
        return None
    count = 0
    while w != NULL:
        count += w.secured != w.depth or w.log_owned != w.logged
        w = w.next_at_work
    return count


cdef inline void begin_work(Writer *w) noexcept:
    global at_work
    if BRINERY_WATCHED:
        w.next_at_work = at_work
        at_work = w


cdef inline void end_work(Writer *w) noexcept:
    cdef Writer **place = &at_work
    if BRINERY_WATCHED:
        while place[0] != NULL:
            if place[0] == w:
                place[0] = w.next_at_work
                return
            place = &place[0].next_at_work


cdef inline void new_epoch(Writer *w) noexcept:
    global last_epoch
    last_epoch += 1
    w.epoch = last_epoch


cdef Frame *push(Writer *w, FrameKind kind, PyObject *obj) except NULL:
    """A new topmost frame. Frames that were there may have moved."""
    cdef Frame *frame = push_empty(w, obj)
    memset(frame, 0, sizeof(Frame))
    frame.kind = kind
    frame.obj = obj
    frame.alone = 1
    return frame


cdef Frame *push_copy(Writer *w, Frame *begun) except NULL:
    """The frame of a container that was begun in place and met a child that is no leaf."""
    cdef Frame *frame
    cdef int first = w.loose_count
    keep_parts_loose(w, begun)
    frame = push_empty(w, begun.obj)
    w.loose_count = first
    frame[0] = begun[0]
    return frame


cdef inline Frame *push_empty(Writer *w, PyObject *obj) except NULL:
    cdef void *moved
    cdef Py_ssize_t more
    if w.fast:
        enter_nested(w, obj)
    if w.depth == w.room:
        more = w.room // 2 * 3
        moved = realloc(w.stack, more * sizeof(Frame))
        if moved == NULL:
            raise MemoryError
        w.stack = <Frame *>moved
        w.room = more
    w.depth += 1
    return &w.stack[w.depth - 1]


cdef inline int pop(Writer *w) except -1:
    """Drop the topmost frame, whose object is written."""
    cdef Frame *frame = &w.stack[w.depth - 1]
    cdef int first = w.loose_count
    w.depth -= 1
    if w.secured > w.depth:
        w.secured = w.depth
    if w.fast:
        leave_nested(w, frame.obj)
    if frame.held != NULL and frame.half and (frame.kind == IN_STATE or frame.kind == IN_REDUCTION):
        DECREF(frame.held)  # nothing that was written depends on it (see forget)
        frame.held = NULL
    # The first to go is the last here.
    if frame.owned:
        if frame.owner != NULL:
            keep_loose(w, frame.owner)
        keep_loose(w, frame.obj)
    keep_parts_loose(w, frame)
    while w.loose_count > first:
        drop_loose(w)
    return 0


cdef inline void keep_loose(Writer *w, PyObject *obj) noexcept:
    """Hand over a reference that no frame holds. Should the dump fail now, it goes when that is over: to let go of it
    may run code, and where there is no memory to secure what is being written, none may run before.
    """
    w.loose[w.loose_count] = obj
    w.loose_count += 1


cdef inline void keep_parts_loose(Writer *w, Frame *frame) noexcept:
    if frame.held != NULL:
        keep_loose(w, frame.held)
    if frame.following != NULL:
        keep_loose(w, frame.following)
    if frame.current != NULL:
        keep_loose(w, frame.current)


cdef inline int drop_loose(Writer *w) except -1:
    """Give up what was handed over last. The last reference may run a finalizer, and free what is borrowed here."""
    cdef PyObject *obj = w.loose[w.loose_count - 1]
    if REFCNT(obj) == 1:
        secure(w)
    w.loose_count -= 1
    DECREF(obj)
    return 0


cdef inline int give_up(Writer *w, PyObject *obj) except -1:
    """The same for a reference that was not handed over."""
    if REFCNT(obj) == 1:
        keep_loose(w, obj)
        return drop_loose(w)
    DECREF(obj)
    return 0


cdef inline int secure(Writer *w) except -1:
    """Python code is about to run: from here on nothing that the dump still needs may go away.

    Everything written so far is entered in the memo and owned, and so is everything being written.
    State that was to be written without being made is made now: code may see it, or change the instance.

    The reader has a secure(), too, and a resume() behind it. Here nothing needs resuming: what is secured stays
    so, and whatever comes after is secured by the next call.
    """
    new_epoch(w)  # whatever was known of types and tables is no longer sure
    if w.secured != w.depth or w.log_owned != w.logged:
        secure_new(w)
    if saboteur is not None:
        saboteur()
    return 0


cdef int secure_new(Writer *w) except -1:
    """secure() what came since the last time."""
    cdef Py_ssize_t i, begin = w.secured
    cdef Frame *frame
    cdef bint convert = False
    for i in range(begin, w.depth):
        frame = &w.stack[i]
        if not frame.owned:
            INCREF(frame.obj)
            if frame.owner != NULL:
                INCREF(frame.owner)
            frame.owned = True
            if frame.kind == IN_TUPLE or frame.kind == IN_FROZENSET or frame.kind == IN_ARGUMENTS:
                # Code may come by it, and have it written once more before it is in the memo.
                frame.alone = 0
        if frame.kind == IN_VALUES:
            convert = True
        elif frame.kind == IN_SLOTS:
            convert = True
            keep_slots(frame)
    w.secured = w.depth
    if w.log_owned != w.logged:
        own_log(w)
    if convert:
        for i in range(begin, w.depth):
            if w.stack[i].kind == IN_VALUES:
                make_values_dict(&w.stack[i])
            elif w.stack[i].kind == IN_SLOTS:
                make_slots_dict(&w.stack[i])
    return 0


cdef int make_values_dict(Frame *frame) except -1:
    cdef PyObject *state = GENERIC_DICT(frame.obj, NULL)
    # The dict keeps the order of the values, so a place among them is a place in it.
    frame.owner = frame.obj
    frame.obj = state
    frame.kind = IN_DICT
    frame.after = THEN_BUILD
    frame.alone = 0
    return 0


cdef void keep_slots(Frame *frame) noexcept:
    """Hold what make_slots_dict() needs of the plan: making one dict may run code that drops it."""
    cdef Plan *plan = find_plan(TYPE(frame.obj))
    INCREF(plan.names)
    INCREF(plan.offsets)
    frame.held = plan.names
    frame.following = plan.offsets


cdef int make_slots_dict(Frame *frame) except -1:
    cdef PyObject *instance = frame.obj
    cdef PyObject *names = frame.held
    cdef PyObject *offsets = frame.following
    cdef PyObject *state = DICT_NEW()
    cdef PyObject *value
    cdef Py_ssize_t i
    frame.pos = frame.count if frame.count >= 0 else frame.count == -2
    frame.owner = instance
    frame.obj = state
    frame.kind = IN_DICT
    frame.after = THEN_SLOTS_BUILD
    for i in range(TUPLE_SIZE(names)):
        value = brinery_slot(instance, (<Py_ssize_t *>BYTES_DATA(offsets))[i])
        if value != NULL:
            DICT_SET(state, TUPLE_ITEM(names, i), value)
    frame.size = DICT_SIZE(state)
    frame.held = frame.following = NULL
    DECREF(names)    # a tuple of str and bytes: no code runs
    DECREF(offsets)
    return 0


# In fast mode there is no memo to stop at a cycle, so what is open is remembered from a depth on that
# no sound structure of such a stream is expected to have (C pickle's number).
cdef enum:
    FAST_NESTING = 50


cdef int enter_nested(Writer *w, PyObject *obj) except -1:
    if w.depth < FAST_NESTING or TYPE(obj) != &PyList_Type and TYPE(obj) != &PyDict_Type:
        return 0
    opened = <object>w.nested
    key = <uintptr_t>obj
    if key in opened:
        held = <object>obj
        secure(w)
        raise refusals.cyclic(held)
    opened.add(key)
    return 0


cdef int leave_nested(Writer *w, PyObject *obj) except -1:
    if w.nested != NULL:
        (<set>w.nested).discard(<uintptr_t>obj)
    return 0


cdef inline int hold(Writer *w, PyObject *obj) except -1:
    """Keep `obj` while its hooks and reducers run, and remember it should they fail."""
    cdef PyObject *before = w.subject
    INCREF(obj)
    w.subject = obj
    if before != NULL:
        give_up(w, before)
    return 0


cdef inline int drop(Writer *w) except -1:
    cdef PyObject *subject = w.subject
    w.subject = NULL
    if subject != NULL:
        give_up(w, subject)
    return 0
