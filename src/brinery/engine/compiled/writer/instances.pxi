# Instances whose reduction is object's own: NEWOBJ and the state, without making copyreg's tuples, the
# dict of an instance that has none yet, or the dict of its slots.

cdef enum:
    HEAD = 32          # bytes, more than an instance is before its attributes
    LONGEST_NAME = 16 * 1024 - 1  # characters; a longer one may be a payload that does not go into a frame


cdef inline int write_class(Writer *w, PyObject *obj, Plan *plan) except -1:
    """Write the class of `obj`, an instance; 0, and nothing written, where Python code ran or has to."""
    begin(w)
    if plan.known_in != w.serial or plan.class_index == UNKNOWN:
        return write_unknown_class(w, obj, plan)
    return write_get(w, plan.class_index) + 1


cdef int write_unknown_class(Writer *w, PyObject *obj, Plan *known) except -1:
    cdef PyTypeObject *type = TYPE(obj)
    cdef Plan *plan
    cdef uint64_t before = w.epoch
    cdef Entry *entry = find(w, <PyObject *>type)
    if entry != NULL:
        know(w, known)
        known.class_index = entry.index
        return write_get(w, entry.index) + 1
    if w.asks:
        return 0  # about the class as well
    hold(w, obj)
    plan = find_plan(TYPE(<PyObject *>type))
    if plan == NULL or plan.epoch != w.epoch:
        plan = renew_plan(w, TYPE(<PyObject *>type))
    if plan.current != BY_NAME and plan.current != BY_METACLASS or w.epoch != before:
        return 0
    return write_global_in_place(w, <PyObject *>type) == WRITTEN


cdef inline int write_new(Writer *w, PyObject *obj, bint elide) except -1:
    """An object made from its class, which was just written, and no arguments."""
    begin(w)
    w.cur[0] = EMPTY_TUPLE
    w.cur[1] = <char>NEWOBJ
    w.cur += 2
    return put(w, obj, elide)


cdef int open_by_attributes(Writer *w, PyObject *obj, Plan *plan, bint elide) except -1:
    cdef PyObject *state
    cdef PyDictValues *values = values_of(obj, &state)
    cdef Frame *pushed
    if values != NULL and not w.fast:
        return open_by_values(w, obj, plan, elide, values, state)
    if values != NULL and state == NULL:
        return NOT_IN_PLACE  # in fast mode, cycles are found by their dicts
    if not (state == NULL or harmless_dict(plan, state)) or not write_class(w, obj, plan):
        return NOT_IN_PLACE
    write_new(w, obj, elide)
    if state == NULL or DICT_SIZE(state) == 0:  # also of a subclass of dict, whatever it says of itself
        return WRITTEN
    if TYPE(state) != &PyDict_Type:
        pushed = push(w, IN_STATE, obj)
        INCREF(state)
        pushed.held = state
        child(w, pushed, state, 1)
        w.item_alone = 0
        return CHILD
    begin(w)
    if REFCNT(state) > 1 and get(w, state):
        return op(w, BUILD)
    w.cur[0] = EMPTY_DICT
    w.cur += 1
    put(w, state, BORROWING and REFCNT(state) <= 1)
    return begin_pairs(w, state, obj, THEN_BUILD)


cdef int open_part_by_part(Writer *w, PyObject *obj, Plan *plan) except -1:
    """An instance of whose class, arguments and state each is to be an object of its own, as persistent_id is asked
    about them all. Only the reduction is spared. The object is held, and everything secured.
    """
    cdef PyObject *attributes
    cdef PyObject *value
    cdef PyDictValues *values
    cdef Py_ssize_t i
    cdef object names, offsets, slots, state = None
    if plan.current == BY_SLOTS:
        secure(w)
        names, offsets, slots = <object>plan.names, <object>plan.offsets, {}
        for i in range(plan.slots):
            value = brinery_slot(obj, (<Py_ssize_t *>BYTES_DATA(<PyObject *>offsets))[i])
            if value != NULL:
                slots[<object>TUPLE_ITEM(<PyObject *>names, i)] = <object>value
            elif plan.falls_back:
                return NOT_IN_PLACE
        if slots:
            state = (None, slots)
        return push_instance(w, obj, state)
    if not harmless_attributes(plan, obj):
        return NOT_IN_PLACE
    values = values_of(obj, &attributes)
    if brinery_values_size(values) if values != NULL else attributes != NULL and DICT_SIZE(attributes):
        secure(w)
        attributes = GENERIC_DICT(obj, NULL)
        state = <object>attributes
        DECREF(attributes)
    return push_instance(w, obj, state)


cdef int push_instance(Writer *w, PyObject *obj, object state) except -1:
    cdef Frame *frame = push(w, IN_INSTANCE, obj)
    if state is not None:
        Py_INCREF(state)
        frame.held = <PyObject *>state
    return child(w, frame, <PyObject *>TYPE(obj), 1)


cdef int run_instance(Writer *w, Frame *frame) except -1:
    cdef PyObject *obj = frame.obj
    if frame.pos == 1:
        return child(w, frame, <PyObject *>NO_ARGUMENTS, 2)
    if frame.pos == 2:
        op(w, NEWOBJ)
        if not w.fast and find(w, obj) != NULL:
            # It was reached again from within what its class was written as.
            op(w, POP)
            get(w, obj)
            return WRITTEN
        put(w, obj, False)
        return WRITTEN if frame.held == NULL else child(w, frame, frame.held, 3)
    op(w, BUILD)
    return WRITTEN


cdef tuple NO_ARGUMENTS = ()


cdef inline PyDictValues *values_of(PyObject *obj, PyObject **state) noexcept:
    """The attributes of `obj` where the names are its type's, or NULL; and its dict, NULL if it was never made."""
    cdef PyDictValues *values = NULL
    if brinery_attributes(obj, state, &values) == 1:
        return brinery_shared_values(state[0], TYPE(obj))
    return values


cdef int open_by_values(Writer *w, PyObject *obj, Plan *plan, bint elide, PyDictValues *values,
                        PyObject *state) except -1:
    """An instance whose attributes have the names that its type keeps for all, whether it has a dict or not."""
    cdef Frame frame
    cdef Py_ssize_t size = brinery_values_size(values)
    cdef char *at
    if not harmless_values(plan, TYPE(obj), values):
        return NOT_IN_PLACE
    if plan.known_in == w.serial and plan.class_index != UNKNOWN and w.limit - w.cur > HEAD:
        # No boundary comes before its attributes.
        at = put_get(w.cur, plan.class_index)
        at[0] = EMPTY_TUPLE
        at[1] = <char>NEWOBJ
        at += 2
        memoize(w, &at, obj, elide, NULL)
        w.cur = at
    else:
        if not write_class(w, obj, plan):
            return NOT_IN_PLACE
        write_new(w, obj, elide)
        begin(w)
    if size == 0:
        return WRITTEN
    if state != NULL and REFCNT(state) > 1 and get(w, state):
        return op(w, BUILD)
    w.cur[0] = EMPTY_DICT
    w.cur += 1
    if state == NULL:
        put_state(w, obj)
    else:
        put(w, state, BORROWING and REFCNT(state) <= 1)
    memset(&frame, 0, sizeof(Frame))
    frame.kind = IN_VALUES
    frame.obj = obj
    frame.size = size
    if size == 1:
        frame.count = -1
    else:
        w.cur[0] = MARK
        w.cur += 1
    if run_values(w, &frame) == CHILD:
        push_copy(w, &frame)
        return CHILD
    return WRITTEN


cdef int run_values(Writer *w, Frame *frame) except -1:
    cdef PyObject *obj = frame.obj
    cdef PyTypeObject *type = TYPE(obj)
    cdef PyObject *state
    cdef PyDictValues *values = values_of(obj, &state)
    # The plan is there: whatever could replace it secures first, and that makes this a dict's frame.
    cdef Plan *plan = find_plan(type)
    cdef int index
    cdef Py_ssize_t pos = frame.pos
    cdef char *at = w.cur
    know(w, plan)
    while pos < frame.size:
        index = brinery_values_index(values, pos)
        pos += 1
        if at >= w.limit:
            w.cur = at
            boundary(w)
            at = w.cur
        if index < NAMES_KEPT and plan.known_names >> index & 1:
            at = put_get(at, plan.name_index[index])
        else:
            # Names are shared by all instances, so their counts say nothing.
            text(w, &at, brinery_values_key(type, index), 0)
            know_name(w, plan, index, brinery_values_key(type, index))
        if not leaf(w, &at, brinery_values_item(values, index), 1):
            w.cur = at
            frame.pos = pos
            frame.count = <int>pos if frame.count >= 0 else -2
            w.item = brinery_values_item(values, index)
            w.item_alone = 1 | TRIED
            return CHILD
    w.cur = at
    room(w)
    w.cur[0] = SETITEM if frame.count < 0 else SETITEMS
    w.cur[1] = BUILD
    w.cur += 2
    return WRITTEN


cdef void know_name(Writer *w, Plan *plan, int index, PyObject *name) noexcept:
    cdef Entry *entry = find(w, name)
    if entry != NULL and index < NAMES_KEPT:
        plan.name_index[index] = entry.index
        plan.known_names |= <uint32_t>1 << index


cdef int open_by_slots(Writer *w, PyObject *obj, Plan *plan, bint elide) except -1:
    cdef Frame frame
    cdef Py_ssize_t i, size = 0
    cdef Py_ssize_t *offsets = <Py_ssize_t *>BYTES_DATA(plan.offsets)
    for i in range(plan.slots):
        size += brinery_slot(obj, offsets[i]) != NULL
    if size != plan.slots and plan.falls_back:
        return NOT_IN_PLACE  # the class's __getattr__ is asked for the others
    if not write_class(w, obj, plan):
        return NOT_IN_PLACE
    write_new(w, obj, elide)
    if size == 0:
        return WRITTEN
    # The state is (None, {slot: value}); neither the pair nor the dict exists.
    begin(w)
    begin(w)
    w.cur[0] = NONE
    w.cur += 1
    begin(w)
    w.cur[0] = EMPTY_DICT
    w.cur += 1
    put(w, NULL, True)
    memset(&frame, 0, sizeof(Frame))
    frame.kind = IN_SLOTS
    frame.obj = obj
    frame.size = size
    if size == 1:
        frame.count = -1
    else:
        w.cur[0] = MARK
        w.cur += 1
    if run_slots(w, &frame) == CHILD:
        push_copy(w, &frame)
        return CHILD
    return WRITTEN


cdef int run_slots(Writer *w, Frame *frame) except -1:
    cdef PyObject *obj = frame.obj
    cdef PyObject *value
    # The plan is there: whatever could replace it secures first, and that makes this a dict's frame.
    cdef Plan *plan = find_plan(TYPE(obj))
    cdef Py_ssize_t *offsets = <Py_ssize_t *>BYTES_DATA(plan.offsets)
    cdef Py_ssize_t pos = frame.pos, slots = plan.slots
    cdef char *at = w.cur
    while pos < slots:
        value = brinery_slot(obj, offsets[pos])
        pos += 1
        if value == NULL:
            continue
        frame.count = frame.count + 1 if frame.count >= 0 else -2
        if at >= w.limit:
            w.cur = at
            boundary(w)
            at = w.cur
        text(w, &at, TUPLE_ITEM(plan.names, pos - 1), 0)
        if not leaf(w, &at, value, 1):
            w.cur = at
            frame.pos = pos
            w.item = value
            w.item_alone = 1 | TRIED
            return CHILD
    w.cur = at
    room(w)
    w.cur[0] = SETITEM if frame.count < 0 else SETITEMS
    w.cur += 1
    return finish(w, THEN_SLOTS_BUILD)


cdef bint harmless_attributes(Plan *plan, PyObject *obj) noexcept:
    """Whether no attribute of an instance can stand in for one of the methods that reduce it."""
    cdef PyObject *attributes
    cdef PyDictValues *values = values_of(obj, &attributes)
    if values != NULL:
        return harmless_values(plan, TYPE(obj), values)
    return attributes == NULL or harmless_dict(plan, attributes)


cdef bint harmless_values(Plan *plan, PyTypeObject *type, PyDictValues *values) noexcept:
    cdef Py_ssize_t i
    cdef PyObject *key
    cdef void *keys = brinery_cached_keys(type)
    cdef Py_ssize_t names = brinery_keys_size(keys)
    # Names are only ever added to the keys that a type's instances share: looking once is enough.
    if keys == plan.checked_keys and names == plan.checked_size:
        return True
    for i in range(names):
        key = brinery_values_key(type, <int>i)
        if key != NULL and not harmless(plan, key):
            return False
    plan.checked_keys = keys
    plan.checked_size = names
    return True


cdef bint harmless_dict(Plan *plan, PyObject *attributes) noexcept:
    cdef PyObject *key
    cdef PyObject *value
    cdef Py_ssize_t pos = 0
    while DICT_NEXT(attributes, &pos, &key, &value):
        if not harmless(plan, key):
            return False
    return True


cdef inline bint harmless(Plan *plan, PyObject *name) noexcept:
    cdef Py_ssize_t length
    if TYPE(name) != &PyUnicode_Type:
        return False
    length = UNICODE_LENGTH(name)
    if length > LONGEST_NAME:
        return False
    if length < 10 or UNICODE_READ(UNICODE_KIND(name), UNICODE_DATA(name), 0) != 95:
        # A dict's subclass is asked for its items.
        return not (length == 5 and plan.kind == BY_PAIRS and <str>name == "items")
    return not is_reducing(name, length)


cdef bint is_reducing(PyObject *name, Py_ssize_t length) noexcept:
    """Whether an instance's attribute of that name would be asked how to write it."""
    if UNICODE_KIND(name) != 1:
        return False
    return (
        length == 10 and memcmp(UNICODE_DATA(name), b"__reduce__", 10) == 0
        or length == 12 and memcmp(UNICODE_DATA(name), b"__getstate__", 12) == 0
        or length == 13 and memcmp(UNICODE_DATA(name), b"__reduce_ex__", 13) == 0
    )


cdef int open_by_getstate(Writer *w, PyObject *obj, Plan *plan) except -1:
    cdef Frame *frame
    cdef PyObject *args[1]
    method = <object>plan.method
    if not harmless_attributes(plan, obj):
        return NOT_IN_PLACE
    cls = <object>TYPE(obj)
    hold(w, obj)
    secure(w)
    stop_foreseeing(w)
    args[0] = obj
    held = CALL(<PyObject *>method, args, 1)
    if <PyObject *>TYPE(obj) != <PyObject *>cls:
        # The reduction was to be of that class. What it is found to be now is refused where C pickle refuses it.
        push_reduction(w, obj, (NEWOBJ_FUNCTION, (cls,), held))
        return PUSHED
    if w.careful:
        return push_instance(w, obj, held)
    plan = find_plan(TYPE(obj))  # the call may have made dumps that put others in its place
    if plan == NULL or not write_class(w, obj, plan):
        push_reduction(w, obj, (NEWOBJ_FUNCTION, (cls,), held))
        return PUSHED
    write_new(w, obj, False)
    if held is None:
        return WRITTEN
    frame = push(w, IN_STATE, obj)
    frame.pos = 1
    Py_INCREF(held)
    frame.held = <PyObject *>held
    held = None
    begin(w)
    if TYPE(frame.held) == &PyDict_Type and REFCNT(frame.held) == 1 and not (w.careful or w.flush_pending):
        # The usual state, made just now, is written here while it holds leaves: without the way through the
        # run loop, such instances take 0.9 of the time.
        if open_dict(w, frame.held, BORROWING) == CHILD:
            return CHILD
        go_on_elsewhere(w, &w.stack[w.depth - 1])
        pop(w)
        return WRITTEN
    w.item = frame.held
    w.item_alone = 1
    return CHILD
