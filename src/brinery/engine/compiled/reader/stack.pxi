# The stack: objects in one array, marks in another. The fence stands at the last mark, and nothing that
# lies below it can be popped before the mark is (PEP 307 speaks of one stack with mark objects on it).

cdef Py_ssize_t STACK_ROOM = 64      # slots to begin with
cdef Py_ssize_t STACK_KEPT = 65_536  # slots that a state may keep when it goes back to the pool


cdef int stack_allocate(Stack *s) except -1:
    s.base = <PyObject **> PyMem_Malloc(STACK_ROOM * sizeof(PyObject *))
    if s.base == NULL:
        raise MemoryError
    s.top = s.fence = s.base
    s.limit = s.base + STACK_ROOM
    return 0


cdef int stack_grow(Stack *s) except -1:
    cdef Py_ssize_t count = s.top - s.base, fence = s.fence - s.base, room = s.limit - s.base
    cdef PyObject **grown
    room += (room >> 1)
    grown = <PyObject **> PyMem_Realloc(s.base, <size_t> room * sizeof(PyObject *))
    if grown == NULL:
        raise MemoryError
    s.base = grown
    s.top = grown + count
    s.fence = grown + fence
    s.limit = grown + room
    return 0


cdef int stack_push(Stack *s, PyObject *owned) except -1:
    """Push, taking over the reference. (The loop makes sure of room for what an opcode pushes.)"""
    s.top[0] = owned
    s.top += 1
    return 0


cdef int stack_underflow(Stack *s) except -1:
    raise ReadError("unexpected MARK found" if s.mark_count else "unpickling stack underflow")


cdef int marks_grow(Stack *s) except -1:
    cdef Py_ssize_t room = s.mark_room * 2 + 16
    cdef Mark *grown = <Mark *> PyMem_Realloc(s.marks, <size_t> room * sizeof(Mark))
    if grown == NULL:
        raise MemoryError
    s.marks = grown
    s.mark_room = room
    return 0


cdef int mark_push(Stack *s) except -1:
    cdef Mark *mark
    if s.mark_count == s.mark_room:
        marks_grow(s)
    mark = &s.marks[s.mark_count]
    mark.position = s.top - s.base
    mark.pending = False
    s.mark_count += 1
    s.fence = s.top
    return 0


cdef inline PyObject **mark_pop(Reading r) except NULL:
    """Take the last mark away: where its objects begin."""
    cdef Stack *s = &r.stack
    if s.mark_count == 0:
        raise ReadError("could not find MARK")
    if s.marks[s.mark_count - 1].pending:
        make_pending(r, s.mark_count - 1)
    return mark_forget(s)


cdef inline PyObject **mark_forget(Stack *s) noexcept:
    cdef PyObject **items = s.fence
    s.mark_count -= 1
    s.fence = s.base + s.marks[s.mark_count - 1].position if s.mark_count else s.base
    return items


cdef int stack_drop(Stack *s, PyObject **down_to) except -1:
    """Release everything from `down_to` up. Each object is off the stack before it goes."""
    cdef PyObject *dropped
    cdef Py_ssize_t keep = down_to - s.base
    while s.top - s.base > keep:
        s.top -= 1
        dropped = s.top[0]
        Py_XDECREF(dropped)
    return 0


cdef void stack_reset(Reading r) noexcept:
    """Leave nothing on the stack for the next load to meet; not even where there is no memory left."""
    cdef Stack *s = &r.stack
    cdef PyObject **fewer
    cdef Py_ssize_t i
    for i in range(s.mark_count):
        if s.marks[i].pending:  # the memo may outlive this load
            try:
                make_pending(r, i)
            except MemoryError:
                forget_pending(r, i)
    s.mark_count = 0
    s.fence = s.base
    stack_drop(s, s.base)
    if s.limit - s.base > STACK_KEPT:
        fewer = <PyObject **> PyMem_Realloc(s.base, STACK_ROOM * sizeof(PyObject *))
        if fewer != NULL:
            s.base = s.top = s.fence = fewer
            s.limit = fewer + STACK_ROOM


cdef void stack_free(Stack *s) noexcept:
    while s.top > s.base:
        s.top -= 1
        Py_XDECREF(s.top[0])
    PyMem_Free(s.base)
    PyMem_Free(s.marks)
    memset(s, 0, sizeof(Stack))
