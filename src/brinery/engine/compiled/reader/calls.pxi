# Calls: TUPLE and REDUCE as one step.
#
# Python functions and ordinary classes never see the tuple of their arguments, so it is not made. Picklers
# memoize it all the same: the memo keeps the arguments, without an object that the collector would have to look at,
# and makes the tuple if it is ever asked for. (An exception, for one, keeps the very tuple; what it refers to must
# be that.)

cdef enum:
    FEW_ARGUMENTS = 6

cdef enum:  # what is_call() finds
    NO_CALL = 0
    CALL_WITHOUT_TUPLE = 1
    CALL_WITH_TUPLE = 2


cdef inline int is_call(
    Reading r, PyObject **items, const unsigned char *p, const unsigned char *end
) except -1:
    """Whether a tuple of what lies from `items` up would be the arguments of a call at `p`, and of which kind."""
    cdef Stack *s = &r.stack
    cdef Memo *m = &r.memo
    cdef PyObject *function
    cdef Py_ssize_t length = memo_op(m, p, end, m.count)
    if length < 0 or p[length] != REDUCE or (length and (m.count != m.used or m.used == m.room)):
        return NO_CALL
    if r.walking or items <= s.fence:
        return NO_CALL
    function = items[-1]
    if is_shaped(r, function):
        return NO_CALL
    if s.top - items <= FEW_ARGUMENTS:
        if Py_TYPE(function) == &PyFunction_Type:
            return CALL_WITHOUT_TUPLE
        if brinery_is_heap_class(function) and any_plan_of(r, function).init != NULL:
            return CALL_WITHOUT_TUPLE
    # Of these three the arguments are looked at: they are hashed.
    if function == <PyObject *> set or function == <PyObject *> frozenset or function == <PyObject *> dict:
        return NO_CALL
    return CALL_WITH_TUPLE


cdef const unsigned char *call(Reading r, int kind, PyObject **items, const unsigned char *p) except NULL:
    """Make that call, and put its result in place of function and arguments. Returns where to read on."""
    return call_with_tuple(r, items, p) if kind == CALL_WITH_TUPLE else call_without_tuple(r, items, p)


cdef const unsigned char *call_with_tuple(Reading r, PyObject **items, const unsigned char *p) except NULL:
    cdef Stack *s = &r.stack
    cdef Memo *m = &r.memo
    cdef PyObject *function = items[-1]
    cdef PyObject *args = brinery_tuple_take(items, s.top - items)
    cdef PyObject *made
    if p[0] != REDUCE:
        Py_INCREF(args)
        m.array[m.used] = args
        m.used += 1
        m.count += 1
        p += 1 if p[0] == MEMOIZE else 2 if p[0] == BINPUT else 5
    r.source.opcode = p  # errors are REDUCE's
    r.source.next = p + 1
    s.top = items - 1
    try:
        secure(r)
        stand(r)
        made = PyObject_CallObject(function, args)
    finally:
        Py_DECREF(args)
        Py_DECREF(function)
    resume(r)
    look_again(r)
    s.top[0] = made
    s.top += 1
    return p + 1


cdef const unsigned char *call_without_tuple(Reading r, PyObject **items, const unsigned char *p) except NULL:
    cdef Stack *s = &r.stack
    cdef PyObject *arguments[1 + FEW_ARGUMENTS]  # the first is room for `self`
    cdef PyObject *function = items[-1]
    cdef PyObject *made
    cdef Py_ssize_t count = s.top - items, i
    if p[0] != REDUCE:
        keep_arguments(&r.memo, items, count)
        p += 1 if p[0] == MEMOIZE else 2 if p[0] == BINPUT else 5
    r.source.opcode = p  # errors are REDUCE's
    r.source.next = p + 1
    memcpy(arguments + 1, items, <size_t> count * sizeof(PyObject *))
    s.top = items - 1
    try:
        secure(r)
        stand(r)
        made = call_class(r, function, arguments, count)
        if made == NULL:
            made = brinery_call(function, arguments + 1, <size_t> count | PY_VECTORCALL_ARGUMENTS_OFFSET)
    finally:
        for i in range(count):
            Py_DECREF(arguments[1 + i])
        Py_DECREF(function)
    resume(r)
    look_again(r)
    s.top[0] = made
    s.top += 1
    return p + 1


cdef PyObject *call_tuple(Reading r, PyObject *function, PyObject *args) except NULL:
    """REDUCE with a tuple that was made."""
    cdef PyObject *arguments[1 + FEW_ARGUMENTS]
    cdef PyObject *made
    cdef Py_ssize_t count = PyTuple_GET_SIZE(args), i
    if BRINERY_FUSE_CALLS and count <= FEW_ARGUMENTS and PyTuple_CheckExact(args):
        for i in range(count):
            arguments[1 + i] = PyTuple_GET_ITEM(args, i)
        made = call_class(r, function, arguments, count)
        if made != NULL:
            return made
    return PyObject_CallObject(function, args)


cdef PyObject *call_class(Reading r, PyObject *function, PyObject **arguments, Py_ssize_t count) except? NULL:
    """What calling an ordinary class comes to, without the tuples and look-ups on the way: a fifth faster.

    NULL without an exception where `function` is none. The first of `arguments` is left to this.
    """
    cdef PyObject *result
    cdef Plan *plan
    cdef object init, made
    if not brinery_is_heap_class(function):
        return NULL
    plan = any_plan_of(r, function)
    if plan.init == NULL:
        return NULL
    init = <object> plan.init  # the class may change meanwhile
    made = <object> plan_new(plan)
    Py_DECREF(<PyObject *> made)
    arguments[0] = <PyObject *> made
    result = brinery_call(<PyObject *> init, arguments, <size_t> count + 1)
    if result != Py_None:
        kind = type(<object> result).__name__
        Py_DECREF(result)
        raise TypeError(f"__init__() should return None, not {kind!r}")
    Py_DECREF(result)
    return own(made)


cdef int keep_arguments(Memo *m, PyObject **items, Py_ssize_t count) except -1:
    """The next memo entry: a tuple of these `count` objects, which stay the caller's."""
    cdef PyObject **kept = keep(m, count)
    cdef Py_ssize_t i
    for i in range(count):
        Py_INCREF(items[i])
        kept[i] = items[i]
    m.array[m.used] = memo_numbered(kept - m.kept, ARGUMENTS)
    m.used += 1
    m.count += 1
    return 0


cdef PyObject *kept_arguments(Memo *m, size_t number) except NULL:
    """A tuple of what was kept at `number`."""
    cdef Py_ssize_t count = <Py_ssize_t> m.kept[number - 1], i
    cdef PyObject *made = PyTuple_New(count)
    for i in range(count):
        Py_INCREF(m.kept[number + i])
        PyTuple_SET_ITEM(made, i, m.kept[number + i])
    return made
