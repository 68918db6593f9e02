# One object after another. write_graph() opens the root; what is opened is either written at once or
# leaves a frame on the stack, and the topmost frame goes on until it is done. Each of these steps says what it
# did (Step).

cdef int write_graph(Writer *w, PyObject *root) except -1:
    cdef int result
    w.item = root
    w.item_alone = 0  # from Python 3.14 on, an argument is lent by a variable: its one reference is not ours
    result = CHILD
    while True:
        if result == CHILD:
            result = open_object(w, w.item, w.item_alone)
        if w.depth >= w.depth_to_check:  # whatever was opened: a reduction's callable may lead on without an end
            look_for_runaways(w, result)
        if result == WRITTEN and w.depth == 0:
            return 0
        if result != CHILD:
            result = go_on(w)


cdef int look_for_runaways(Writer *w, int result) except -1:
    """Where depth has no limit, a reduction that leads to itself has to be seen."""
    cdef Py_ssize_t i
    # The item, if there is one, is held by the topmost frame, which other threads may change meanwhile.
    item = <object>w.item if result == CHILD else None
    w.depth_to_check = 2 * w.depth
    secure(w)
    owners = [<object>(w.stack[i].obj if w.stack[i].owner == NULL else w.stack[i].owner) for i in range(w.depth)]
    w.objects_there = check_depth(owners, w.objects_there)
    if result == CHILD:
        hold(w, w.item)
    return 0


cdef int go_on(Writer *w) except -1:
    """Go on with the topmost frame; what it is in the middle of is written in turn while that is leaves."""
    cdef Frame *frame = &w.stack[w.depth - 1]
    cdef Py_ssize_t at = w.depth - 1
    cdef int result, kind = frame.kind
    while True:
        if kind == IN_LIST:
            result = run_list(w, frame)
        elif kind == IN_DICT:
            result = run_dict(w, frame)
        elif kind == IN_TUPLE:
            result = run_tuple(w, frame)
        elif kind == IN_VALUES:
            result = run_values(w, frame)
        elif kind == IN_SLOTS:
            result = run_slots(w, frame)
        else:
            result = go_on_elsewhere(w, frame)
        if result == WRITTEN:
            pop(w)
            return WRITTEN
        if result == PUSHED:
            return PUSHED
        result = open_object(w, w.item, w.item_alone)
        if result != WRITTEN:
            return result
        # Opening may have run code: the stack may have moved, and the frame become another kind.
        frame = &w.stack[at]
        kind = frame.kind


cdef int go_on_elsewhere(Writer *w, Frame *frame) except -1:
    if frame.kind == IN_SET:
        return run_set(w, frame)
    if frame.kind == IN_FROZENSET:
        return run_frozenset(w, frame)
    if frame.kind == IN_REDUCTION:
        if frame.current != NULL:
            keep_loose(w, frame.current)
            frame.current = NULL
            secure(w)
            drop_loose(w)
            frame = &w.stack[w.depth - 1]
        return run_reduction(w, frame)
    if frame.kind == IN_STATE:
        if frame.pos == 0:
            return child(w, frame, frame.held, 1)
        if frame.pos == 1:
            frame.half = forget(w, frame.held)
            op(w, BUILD)
        return WRITTEN
    if frame.kind == IN_ARGUMENTS:
        return run_arguments(w, frame)
    if frame.kind == IN_OWN_ITEMS:
        return run_own_items(w, frame)
    if frame.kind == IN_OWN_PAIRS:
        return run_own_pairs(w, frame)
    if frame.kind == IN_DEFAULTS:
        return run_defaults(w, frame)
    if frame.kind == IN_INSTANCE:
        return run_instance(w, frame)
    if frame.kind == IN_GLOBAL:
        return run_global(w, frame)
    if frame.kind == IN_DOTTED:
        return run_dotted(w, frame)
    if frame.kind == IN_PERSISTENT_ID:
        return run_persistent_id(w, frame)
    return run_iterator(w, frame)


cdef int open_object(Writer *w, PyObject *obj, int alone) except -1:
    cdef int result
    if w.cur >= w.limit:
        if w.cur >= w.full:
            boundary(w)
        if w.careful or w.flush_pending:
            return open_carefully(w, obj)
    if not alone & TRIED and write_whole(w, obj, alone):
        return WRITTEN
    return open_parts(w, obj, alone & ~TRIED)


cdef int open_carefully(Writer *w, PyObject *obj) except -1:
    """open_object() where Python code runs first: the file's write, persistent_id."""
    cdef int result
    hold(w, obj)
    secure(w)
    if w.flush_pending:
        flush(w)
    if w.persistent_id != NULL and not w.asked:
        pid = ask_persistent_id(w, obj)
        if pid is not None:
            result = push_persistent_id(w, obj, pid, False)
            drop(w)
            return result
    w.asked = False
    w.opening = True
    result = WRITTEN if write_whole(w, obj, 0) else open_parts(w, obj, 0)
    w.opening = False
    drop(w)
    return result


cdef inline object ask_persistent_id(Writer *w, PyObject *obj):
    cdef PyObject *args[2]
    # The function of a method is called without the method: this is done once for every object.
    args[0] = w.persistent_self
    args[1] = obj
    if w.persistent_self != NULL:
        return CALL(w.persistent_id, args, 2)
    return CALL(w.persistent_id, args + 1, 1)


cdef int open_parts(Writer *w, PyObject *obj, int alone) except -1:
    """Begin to write what is no leaf."""
    cdef PyTypeObject *type = TYPE(obj)
    cdef bint elide = BORROWING and REFCNT(obj) <= alone
    if type == &PyDict_Type:
        return open_dict(w, obj, elide)
    if type == &PyList_Type:
        return open_list(w, obj, elide)
    if type == &PyTuple_Type:
        return open_tuple(w, obj, elide)
    if type == &PySet_Type and w.proto >= 4:
        return open_set(w, obj, elide)
    if type == &PyFrozenSet_Type and w.proto >= 4:
        return open_frozenset(w, obj, alone, elide)
    if type == &PyUnicode_Type or type == &PyLong_Type or type == &PyBytes_Type and w.proto >= 3:
        return open_carefully_once(w, obj)
    if (
        type == &PySet_Type
        or type == &PyFrozenSet_Type
        or type == &PyBytes_Type
        or type == &PyByteArray_Type
        or type == &PyPickleBuffer_Type
    ):
        return open_builtin(w, obj, elide)
    return open_instance(w, obj, elide)


cdef int open_carefully_once(Writer *w, PyObject *obj) except -1:
    """A leaf that has to wait: a large payload, which goes to the file at once; the text of a large int."""
    hold(w, obj)
    w.opening = True
    write_whole(w, obj, 0)
    w.opening = False
    return drop(w)


cdef int open_instance(Writer *w, PyObject *obj, bint elide) except -1:
    cdef PyTypeObject *type = TYPE(obj)
    cdef Plan *plan
    cdef int result = NOT_IN_PLACE
    cdef uint64_t before
    if not PLANS:
        return open_unplanned(w, obj)
    plan = find_plan(type)
    if plan == NULL or plan.epoch != w.epoch:
        hold(w, obj)
        before = w.epoch
        plan = renew_plan(w, type)
        if w.epoch == before and not w.opening:
            drop(w)
        # Otherwise code may have run, and taken a reference: while the object is held, it is not elided.
    if w.subject != NULL:
        elide = False
    if TYPE(obj) == type and plan.current != BY_REDUCER and w.asks:
        result = open_asked(w, obj, plan)
    elif TYPE(obj) == type:  # else code has run and given it another class: what is known is not known of that one
        result = open_by_plan(w, obj, plan, elide)
    if result == NOT_IN_PLACE and w.foresees and TYPE(obj) == type:
        result = foresee(w, obj)
    if result == NOT_IN_PLACE:
        result = open_by_reducer(w, obj)
    if result == PUSHED and w.stack[w.depth - 1].kind == IN_REDUCTION:
        result = open_call(w)
    if w.subject != NULL and not w.opening:
        drop(w)
    return result


cdef inline int foresee(Writer *w, PyObject *obj) except -1:
    cdef Plan *plan = find_plan(TYPE(obj))
    if plan == NULL or plan.rule == NULL or plan.epoch != w.epoch or plan.rules_serial != w.rules_serial:
        return NOT_IN_PLACE
    return open_foreseen(w, obj, plan.rule)


cdef inline int open_by_plan(Writer *w, PyObject *obj, Plan *plan, bint elide) except -1:
    """What the plan of the object's type says of this epoch; NOT_IN_PLACE where it does not hold for this one."""
    cdef int result = NOT_IN_PLACE
    if w.careful and (plan.current == BY_ATTRIBUTES or plan.current == BY_SLOTS):
        result = open_part_by_part(w, obj, plan)
    elif plan.current == BY_ATTRIBUTES:
        result = open_by_attributes(w, obj, plan, elide)
    elif plan.current == BY_SLOTS:
        result = open_by_slots(w, obj, plan, elide)
    elif plan.current == BY_NAME or plan.current == BY_METACLASS:
        result = write_global_in_place(w, obj)
    elif plan.current >= BY_DATE:
        result = open_known(w, obj, plan, elide)
    elif plan.current >= BY_ORDERED:
        result = open_collection(w, obj, plan, elide)
    elif plan.current == BY_ITEMS or plan.current == BY_PAIRS:
        result = open_by_contents(w, obj, plan, elide)
    elif plan.current == BY_TUPLE or plan.current == BY_NAMED_TUPLE:
        result = open_by_items(w, obj, plan, elide)
    elif plan.current == BY_VALUE:
        result = open_by_value(w, obj, plan, elide)
    elif plan.current == BY_ARGUMENTS:
        result = open_by_arguments(w, obj, plan)
    elif plan.current == BY_GETSTATE:
        result = open_by_getstate(w, obj, plan)
    elif plan.current != BY_REDUCER:
        result = open_by_method(w, obj, plan)
    return result


cdef int open_unplanned(Writer *w, PyObject *obj) except -1:
    """open_instance() where nothing that is known of a type can be kept: a plan would be made for every object."""
    cdef int result = open_by_reducer(w, obj)
    if result == PUSHED and w.stack[w.depth - 1].kind == IN_REDUCTION:
        result = open_call(w)
    if w.subject != NULL and not w.opening:
        drop(w)
    return result


cdef int open_builtin(Writer *w, PyObject *obj, bint elide) except -1:
    """Builtins that the protocol has no opcode for, and those that lend out their memory."""
    cdef PyTypeObject *type = TYPE(obj)
    if type == &PyPickleBuffer_Type:
        return open_buffer(w, obj)
    if (
        type == &PyBytes_Type
        and not w.careful
        and 2 <= BYTES_SIZE(obj) <= LONGEST_IN_PLACE
        and write_octets_as_call(w, BYTES_DATA(obj), BYTES_SIZE(obj))
    ):
        put(w, obj, elide)
        return WRITTEN
    if type == &PyByteArray_Type and w.proto >= 5:
        hold(w, obj)
        result = open_bytearray(w, obj)
        drop(w)
        return result
    hold(w, obj)
    secure(w)
    value = <object>obj
    if type == &PyBytes_Type:
        # Protocols 0 to 2 have Python 2's str only, so bytes are text that encodes to them.
        value = (codecs_encode, (value.decode("latin-1"), LATIN1)) if value else (bytes, ())
    elif type == &PyByteArray_Type:
        value = (bytearray, (bytes(value),)) if value else (bytearray, ())
    else:
        value = (set if type == &PySet_Type else frozenset, (list(value),))
    push_reduction(w, obj, value)
    drop(w)
    return PUSHED


from _codecs import encode as codecs_encode

cdef object LATIN1 = sys.intern("latin1")

cdef enum:
    LONGEST_IN_PLACE = 4096  # bytes; long ones get a buffer and a write of their own


cdef bint write_octets_as_call(Writer *w, const char *data, Py_ssize_t size) except -1:
    """Bytes at protocol 2, as the call that makes them of text; 0, and nothing written, where it is not known yet.

    The function and the encoding must be in the memo. The text and the tuple of arguments exist in the stream only:
    nobody can meet them again (a text of one character could be met, so no bytes of less than two).
    """
    cdef Entry *function
    cdef Entry *encoding
    cdef Py_ssize_t i
    cdef char *text
    if w.proto != 2 or w.fast:
        return False
    function = find(w, <PyObject *>codecs_encode)
    encoding = find(w, <PyObject *>LATIN1)
    if function == NULL or encoding == NULL:
        return False
    reserve(w, 2 * size + 5)
    write_get(w, function.index)
    text = w.cur
    w.cur += 5
    for i in range(size):
        if <unsigned char>data[i] < 0x80:
            w.cur[0] = data[i]
            w.cur += 1
        else:
            w.cur[0] = <char>(0xC0 | <unsigned char>data[i] >> 6)
            w.cur[1] = <char>(0x80 | <unsigned char>data[i] & 0x3F)
            w.cur += 2
    text[0] = BINUNICODE
    brinery_put_u32(text + 1, <uint32_t>(w.cur - text - 5))
    put(w, NULL, True)
    write_get(w, encoding.index)
    w.cur[0] = <char>TUPLE2
    w.cur += 1
    put(w, NULL, True)
    w.cur[0] = REDUCE
    w.cur += 1
    return True


cdef int open_bytearray(Writer *w, PyObject *obj) except -1:
    cdef Py_buffer view
    # An export, so that what runs while a file writes it cannot resize it.
    PyObject_GetBuffer(<object>obj, &view, PyBUF_FULL_RO)
    w.opening = True
    try:
        write_bytearray(w, obj, <const char *>view.buf, view.len, False)
    finally:
        PyBuffer_Release(&view)
        w.opening = False
    return WRITTEN


cdef int open_buffer(Writer *w, PyObject *obj) except -1:
    """PickleBuffer (PEP 574): in-band, or out of band where buffer_callback takes it."""
    cdef Py_buffer view
    cdef bint in_band = True
    hold(w, obj)
    secure(w)
    if w.proto < 5:
        raise refusals.pickle_buffer()
    PyObject_GetBuffer(<object>obj, &view, PyBUF_FULL_RO)
    w.opening = True
    try:
        if view.suboffsets != NULL or not PyBuffer_IsContiguous(&view, b"A"):
            raise WriteError("PickleBuffer can not be pickled when pointing to a non-contiguous buffer")
        if w.buffer_callback != NULL:
            in_band = bool((<object>w.buffer_callback)(<object>obj))
        if not in_band:
            op(w, NEXT_BUFFER)
            if view.readonly:
                op(w, READONLY_BUFFER)
        elif view.readonly:
            reserve(w, SLACK)
            write_octets(w, obj, <const char *>view.buf, view.len, False)
        else:
            reserve(w, SLACK)
            write_bytearray(w, obj, <const char *>view.buf, view.len, False)
    finally:
        PyBuffer_Release(&view)
        w.opening = False
    return drop(w)
