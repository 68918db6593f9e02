# Instances of subclasses of the builtin types, whose reduction is object's own: NEWOBJ with what the builtin type's
# __getnewargs__ gives (PEP 307), or with nothing and the items behind it.
#
# C pickle is handed the reduction before it writes any of it, so here too the attributes that are the state are
# settled first; and it takes items out of iterators, two ahead where a batch begins. Where code runs in
# between, that shows, so it is done alike.


cdef int settle_state(Writer *w, PyObject *obj, Plan **known, PyObject **state) except -1:
    """The attributes of `obj` as a dict, which is loose (see keep_loose); NULL where there are none. May run Python code.

    NOT_IN_PLACE where the object's plan does not hold any more, or never did for this one.
    """
    cdef Plan *plan = known[0]
    cdef PyTypeObject *type = TYPE(obj)
    cdef int kind = plan.current
    cdef PyObject *attributes
    cdef PyDictValues *values = values_of(obj, &attributes)
    state[0] = NULL
    if w.fast or not harmless_attributes(plan, obj):
        return NOT_IN_PLACE
    if brinery_values_size(values) == 0 if values != NULL else attributes == NULL or DICT_SIZE(attributes) == 0:
        return WRITTEN
    hold(w, obj)
    secure(w)
    state[0] = GENERIC_DICT(obj, NULL)
    keep_loose(w, state[0])
    plan = find_plan(type)
    if plan == NULL or plan.epoch != w.epoch:
        plan = renew_plan(w, type)
    if TYPE(obj) != type or plan.current != kind or not harmless_dict(plan, state[0]):
        state[0] = NULL
        drop_loose(w)
        return NOT_IN_PLACE
    known[0] = plan
    return WRITTEN


cdef int push_state(Writer *w, PyObject *obj, PyObject *state) except -1:
    """The state, the last that is loose, is written when what is pushed on top of it is done."""
    push(w, IN_STATE, obj).held = state
    w.loose_count -= 1
    return PUSHED


# int, float, complex, str and bytes

cdef int open_by_value(Writer *w, PyObject *obj, Plan *plan, bint elide) except -1:
    cdef PyObject *state = NULL
    if plan.base == &PyUnicode_Type and UNICODE_LENGTH(obj) > LONGEST_NAME:
        return NOT_IN_PLACE  # it may be a payload that does not go into a frame
    if plan.base == &PyBytes_Type and (BYTES_SIZE(obj) > LONGEST_NAME or w.proto < 3):
        return NOT_IN_PLACE
    if settle_state(w, obj, &plan, &state) == NOT_IN_PLACE:
        return NOT_IN_PLACE
    if not write_class(w, obj, plan):
        if state != NULL:
            drop_loose(w)
        return NOT_IN_PLACE
    begin(w)
    begin(w)
    write_value(w, obj, plan.base)
    room(w)
    w.cur[0] = <char>TUPLE2 if plan.base == &PyComplex_Type else <char>TUPLE1
    w.cur += 1
    put(w, NULL, True)
    w.cur[0] = <char>NEWOBJ
    w.cur += 1
    put(w, obj, elide and w.subject == NULL)
    return WRITTEN if state == NULL else push_state(w, obj, state)


cdef int write_value(Writer *w, PyObject *obj, PyTypeObject *base) except -1:
    """The value of `obj` as an object of `base`, a new one: what is memoized exists in the stream only."""
    cdef int64_t value
    cdef PyObject *shared
    if base == &PyLong_Type:
        if brinery_small_int(obj, &value):
            w.cur = brinery_put_int(w.cur, value)
        else:
            write_int(w, obj)
    elif base == &PyFloat_Type:
        write_double(w, PyFloat_AS_DOUBLE(obj))
    elif base == &PyComplex_Type:
        write_double(w, COMPLEX_REAL(obj))
        begin(w)
        write_double(w, COMPLEX_IMAG(obj))
    elif base == &PyUnicode_Type and UNICODE_LENGTH(obj):
        write_text_as(w, obj, NULL, True)
    elif base == &PyBytes_Type and BYTES_SIZE(obj) > 1:
        write_octets(w, NULL, BYTES_DATA(obj), BYTES_SIZE(obj), True)
    else:
        # The empty ones, and bytes of one, are the interpreter's for all.
        shared = UNICODE_NEW(b"", 0) if base == &PyUnicode_Type else BYTES_NEW(BYTES_DATA(obj), BYTES_SIZE(obj))
        keep_loose(w, shared)
        write_whole(w, shared, 0)
        drop_loose(w)
    return 0


cdef inline int write_double(Writer *w, double value) except -1:
    w.cur[0] = BINFLOAT
    brinery_put_double(w.cur + 1, value)
    w.cur += 9
    return 0


# tuple, named tuples, and classes with a __getnewargs__ of their own

cdef int open_by_items(Writer *w, PyObject *obj, Plan *plan, bint elide) except -1:
    """A tuple's subclass: tuple's own __getnewargs__ gives a tuple of one, a named tuple's the items themselves."""
    cdef PyObject *state = NULL
    cdef bint named = plan.current == BY_NAMED_TUPLE
    if named and not is_named_tuples(plan.method):
        return NOT_IN_PLACE
    if settle_state(w, obj, &plan, &state) == NOT_IN_PLACE:
        return NOT_IN_PLACE
    if not write_class(w, obj, plan):
        if state != NULL:
            drop_loose(w)
        return NOT_IN_PLACE
    if state != NULL:
        push_state(w, obj, state)
    begin(w)
    if not named:
        begin(w)
    if open_arguments(w, obj, NULL, obj, not named, elide and w.subject == NULL) == CHILD:
        return CHILD
    return WRITTEN if state == NULL else PUSHED


cdef int open_by_arguments(Writer *w, PyObject *obj, Plan *plan) except -1:
    """An instance whose class has a __getnewargs__ of its own."""
    cdef PyTypeObject *cls = TYPE(obj)
    cdef PyObject *state = NULL
    cdef PyObject *args
    cdef object method = <object>plan.method, given
    if w.fast or not harmless_attributes(plan, obj):
        return NOT_IN_PLACE
    hold(w, obj)
    secure(w)
    stop_foreseeing(w)
    given = CALL(<PyObject *>method, &obj, 1)
    if type(given) is not tuple or TYPE(obj) != cls:
        return reduce_with(w, obj, given)
    secure(w)
    plan = renew_plan(w, cls)
    if (
        TYPE(obj) != cls
        or plan.current != BY_ARGUMENTS
        or settle_state(w, obj, &plan, &state) == NOT_IN_PLACE
        or not write_class(w, obj, plan)
    ):
        if state != NULL:
            drop_loose(w)
        return reduce_with(w, obj, given)
    if state != NULL:
        push_state(w, obj, state)
    begin(w)
    args = <PyObject *>given
    INCREF(args)
    keep_loose(w, args)
    given = None
    if open_arguments(w, args, args, obj, False, False) == CHILD:
        return CHILD
    return WRITTEN if state == NULL else PUSHED


cdef int reduce_with(Writer *w, PyObject *obj, object given) except -1:
    """The long way, from where __getnewargs__ has been called."""
    if not isinstance(given, tuple):
        raise TypeError(f"__getnewargs__ should return a tuple, not '{type(given).__name__}'")
    cls = <object>TYPE(obj)
    push_reduction(w, obj, (NEWOBJ_FUNCTION, (cls, *given), (<object>obj).__getstate__()))
    return PUSHED


cdef bint is_named_tuples(PyObject *method) noexcept:
    """Whether a function is the __getnewargs__ that collections.namedtuple gives its classes, as it gave it."""
    cdef PyObject *closure
    if TYPE(method) != &PyFunction_Type or FUNCTION_CODE(method) != FUNCTION_CODE(NAMED_TUPLES):
        return False
    closure = FUNCTION_CLOSURE(method)
    return (
        closure != NULL
        and TUPLE_SIZE(closure) == 1
        and CELL_GET(TUPLE_ITEM(closure, 0)) == <PyObject *>&PyTuple_Type
    )


cdef object SomeNamedTuple = namedtuple("SomeNamedTuple", "")
cdef PyObject *NAMED_TUPLES = brinery_type_lookup(<PyTypeObject *>SomeNamedTuple, <PyObject *>NAME_GETNEWARGS)


cdef int open_arguments(Writer *w, PyObject *items, PyObject *held, PyObject *obj, bint wrapped, bint elide) except -1:
    """NEWOBJ's arguments, a new tuple of what is in `items`, `wrapped` in one of its own or not; and the NEWOBJ.

    `held`, the last that is loose or NULL, is let go of afterwards.
    """
    cdef Frame *frame = push(w, IN_ARGUMENTS, items)
    frame.owner = obj
    if held != NULL:
        frame.held = held
        w.loose_count -= 1
    frame.count = wrapped
    frame.elide = elide
    # The object is memoized after its children: if it is shared, a cycle meets them a second time.
    frame.alone = 1 if elide else 0
    if TUPLE_SIZE(items) > 3:
        op(w, MARK)
    if run_arguments(w, frame) == CHILD:
        return CHILD
    pop(w)
    return WRITTEN


cdef int run_arguments(Writer *w, Frame *frame) except -1:
    cdef PyObject *items = frame.obj
    cdef PyObject *obj = frame.owner
    cdef PyObject *item
    cdef Py_ssize_t pos = frame.pos, size = TUPLE_SIZE(items)
    cdef char *at = w.cur
    while pos < size:
        item = TUPLE_ITEM(items, pos)
        pos += 1
        if not leaf(w, &at, item, frame.alone):
            w.cur = at
            frame.pos = pos
            w.item = item
            w.item_alone = frame.alone | TRIED
            return CHILD
    w.cur = at
    room(w)
    if size == 0:
        w.cur[0] = EMPTY_TUPLE
        w.cur += 1
    else:
        w.cur[0] = <char>(TUPLE1 - 1 + size) if size <= 3 else TUPLE
        w.cur += 1
        put(w, NULL, True)
    if frame.count:
        w.cur[0] = <char>TUPLE1
        w.cur += 1
        put(w, NULL, True)
    w.cur[0] = <char>NEWOBJ
    w.cur += 1
    if (not frame.elide or frame.owned) and find(w, obj) != NULL:
        # It was reached again from within its own arguments, and written there, state and all.
        op(w, POP)
        get(w, obj)
        if w.depth > 1 and (frame - 1).kind == IN_STATE and (frame - 1).obj == obj and (frame - 1).pos == 0:
            (frame - 1).pos = 2
        return WRITTEN
    put(w, obj, frame.elide and not frame.owned)
    if frame.held != NULL and size:
        # Somebody else may hold the tuple, and be written later: owned, its items do not pass for never met then.
        secure(w)
    return WRITTEN


# list and dict

cdef int open_by_contents(Writer *w, PyObject *obj, Plan *plan, bint elide) except -1:
    """A subclass of list or dict: NEWOBJ, the items as its iterator gives them, the state."""
    cdef PyObject *state = NULL
    cdef Frame frame
    cdef int result
    cdef bint pairs = plan.current == BY_PAIRS
    if settle_state(w, obj, &plan, &state) == NOT_IN_PLACE:
        return NOT_IN_PLACE
    if not write_class(w, obj, plan):
        if state != NULL:
            drop_loose(w)
        return NOT_IN_PLACE
    write_new(w, obj, elide and w.subject == NULL)
    if state != NULL:
        push_state(w, obj, state)
    memset(&frame, 0, sizeof(Frame))
    frame.kind = IN_OWN_PAIRS if pairs else IN_OWN_ITEMS
    frame.obj = obj
    frame.count = BATCH_BEGINS
    if pairs:
        frame.size = frame.left = DICT_SIZE(obj)
    if (run_own_pairs(w, &frame) if pairs else run_own_items(w, &frame)) == CHILD:
        push_copy(w, &frame)
        return CHILD
    return WRITTEN if state == NULL else PUSHED


cdef int run_own_items(Writer *w, Frame *frame) except -1:
    """The items of a subclass of list, as list's own iterator gives them."""
    cdef PyObject *obj = frame.obj
    cdef PyObject *item
    cdef Py_ssize_t pos = frame.pos
    cdef char *at
    if frame.current != NULL:
        item = frame.current
        frame.current = NULL
        give_up(w, item)
    if frame.count == BATCH_OF_ONE:
        op(w, APPEND)
        return WRITTEN
    if frame.following != NULL:
        # The second of the batch was taken before the first was written.
        item = frame.current = frame.following
        frame.following = NULL
        frame.count = 2
        w.item = item
        w.item_alone = 0
        return CHILD
    at = w.cur
    while True:
        if frame.count == BATCH_BEGINS:
            if pos >= LIST_SIZE(obj):
                w.cur = at
                return WRITTEN
            item = LIST_ITEM(obj, pos)
            pos += 1
            frame.count = BATCH_OF_ONE
            if pos < LIST_SIZE(obj):
                w.cur = at
                op(w, MARK)
                at = w.cur
                frame.count = 1
            if not leaf(w, &at, item, 1):
                w.cur = at
                if frame.count == 1:
                    frame.following = LIST_ITEM(obj, pos)
                    INCREF(frame.following)
                    pos += 1
                frame.pos = pos
                w.item = item
                w.item_alone = 1 | TRIED
                return CHILD
            if frame.count == BATCH_OF_ONE:
                w.cur = at
                op(w, APPEND)
                return WRITTEN
        while frame.count < BATCH and pos < LIST_SIZE(obj):
            item = LIST_ITEM(obj, pos)
            pos += 1
            frame.count += 1
            if not leaf(w, &at, item, 1):
                w.cur = at
                frame.pos = pos
                w.item = item
                w.item_alone = 1 | TRIED
                return CHILD
        w.cur = at
        op(w, APPENDS)
        if frame.count < BATCH:
            return WRITTEN
        at = w.cur
        frame.count = BATCH_BEGINS


cdef int run_own_pairs(Writer *w, Frame *frame) except -1:
    """The items of a subclass of dict, as dict's own iterator gives them."""
    cdef PyObject *obj = frame.obj
    cdef PyObject *key
    cdef PyObject *value
    cdef PyObject *second_key
    cdef PyObject *second_value
    cdef Py_ssize_t after
    cdef int shared = 0 if brinery_dict_is_split(obj) else 1
    cdef char *at
    if frame.half:
        frame.half = False
        w.item = frame.current
        w.item_alone = 1
        return CHILD
    if frame.current != NULL:
        value = frame.current
        frame.current = NULL
        give_up(w, value)
    if frame.count == BATCH_OF_ONE:
        op(w, SETITEM)
        return WRITTEN
    if frame.following != NULL:
        # The second pair of the batch was taken before the first was written.
        key = frame.following
        value = frame.held
        frame.following = NULL
        frame.count = 2
        frame.current = value
        frame.half = True
        w.item = frame.held = key  # as `held`, until the pair is written
        w.item_alone = 0
        return CHILD
    if frame.held != NULL:
        key = frame.held
        frame.held = NULL
        give_up(w, key)
    at = w.cur
    while True:
        if frame.count == BATCH_BEGINS:
            if not next_pair(w, frame, &key, &value):
                w.cur = at
                return WRITTEN
            after = frame.pos
            frame.count = BATCH_OF_ONE
            if DICT_NEXT(obj, &after, &second_key, &second_value):
                w.cur = at
                op(w, MARK)
                at = w.cur
                frame.count = 1
        elif frame.count < BATCH and next_pair(w, frame, &key, &value):
            frame.count += 1
        else:
            w.cur = at
            op(w, SETITEMS)
            if frame.count < BATCH:
                return WRITTEN
            at = w.cur
            frame.count = BATCH_BEGINS
            continue
        if not leaf(w, &at, key, shared):
            w.cur = at
            INCREF(value)
            frame.current = value
            frame.half = True
            w.item = key
            w.item_alone = shared | TRIED
        elif not leaf(w, &at, value, 1):
            w.cur = at
            w.item = value
            w.item_alone = 1 | TRIED
        elif frame.count == BATCH_OF_ONE:
            w.cur = at
            op(w, SETITEM)
            return WRITTEN
        else:
            continue
        if frame.count == 1:
            next_pair(w, frame, &frame.following, &frame.held)
            INCREF(frame.following)
            INCREF(frame.held)
        return CHILD


cdef bint next_pair(Writer *w, Frame *frame, PyObject **key, PyObject **value) except -1:
    """As dict's iterator: a dict that has another size than when it began is refused, and one with other keys too."""
    cdef bint found
    if DICT_SIZE(frame.obj) != frame.size:
        secure(w)
        raise RuntimeError("dictionary changed size during iteration")
    found = DICT_NEXT(frame.obj, &frame.pos, key, value)
    if found:
        if frame.left == 0:
            secure(w)
            raise RuntimeError("dictionary keys changed during iteration")
        frame.left -= 1
    return found
