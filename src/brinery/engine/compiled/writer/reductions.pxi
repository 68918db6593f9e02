# What no plan covers: hooks, rules, tables and reducers are asked, in the order of the design, and what
# they give is written step by step.

cdef type FunctionType = type(copyreg.__newobj__)

cdef enum Style:
    BY_CALL
    BY_NEWOBJ
    BY_NEWOBJ_EX


cdef int open_asked(Writer *w, PyObject *obj, Plan *plan) except -1:
    """An object whose plan holds where reducer_override, or a table that runs code, passes it over. Runs Python code."""
    cdef PyTypeObject *type = TYPE(obj)
    cdef object cls = <object>type, reduce
    cdef bint by_name = plan.kind == BY_NAME
    cdef int result = NOT_IN_PLACE
    hold(w, obj)
    secure(w)
    if w.reducer_override != NULL:
        value = CALL(w.reducer_override, &obj, 1)
        if value is not NotImplemented:
            return open_reduced(w, obj, value)
        secure(w)
    if w.asks_table and not by_name:
        reduce = look_up_reducer(w, cls)
        if reduce is not UNSET:
            return open_reduced(w, obj, ask_rule(w, reduce, <object>obj))
        secure(w)
    if TYPE(obj) == type:
        plan = renew_plan(w, type)
        if TYPE(obj) == type:
            result = open_by_plan(w, obj, plan, False)
    if result == NOT_IN_PLACE:
        result = open_unhooked(w, obj, cls, None, w.asks_table)
    return result


cdef object look_up_reducer(Writer *w, object cls):
    """What the Pickler's dispatch table has for a class, or UNSET."""
    try:
        return (<object>w.dispatch_table)[cls]
    except KeyError:
        return UNSET


cdef int open_by_reducer(Writer *w, PyObject *obj) except -1:
    """Ask who has a say on `obj`, and begin to write what they give. Runs Python code."""
    cdef object value = NotImplemented, instance = <object>obj
    hold(w, obj)
    secure(w)
    stop_foreseeing(w)
    cdef object cls = <object>TYPE(obj)
    cdef object rule = rule_of(w, TYPE(obj)) if w.rules != NULL else None
    if rule is not None and rule.claim is not None:
        pid = rule.claim(instance, begin_stored(w) if w.stored == NULL else <object>w.stored)
        if pid is not None:
            return push_persistent_id(w, obj, pid, True)
    if w.reducer_override != NULL:
        value = (<object>w.reducer_override)(instance)
    w.ruled = NULL
    if value is NotImplemented and rule is not None:
        w.ruled = obj
        w.ruled_by = 0
        for override in rule.overrides:
            value = ask_rule(w, override, instance)
            if value is not NotImplemented:
                break
            w.ruled_by += 1
    if value is NotImplemented:
        return open_unhooked(w, obj, cls, rule, False)
    return open_reduced(w, obj, value)


cdef int open_unhooked(Writer *w, PyObject *obj, object cls, object rule, bint asked) except -1:
    """An object that all hooks pass over. `asked`: so does the dispatch table."""
    cdef object reduce = UNSET
    w.ruled = NULL
    if <PyTypeObject *>cls == &PyType_Type:
        return open_class(w, obj)
    if <PyTypeObject *>cls == &PyFunction_Type:
        return open_global(w, obj, None)
    if w.dispatch_table != NULL:
        if not asked:
            reduce = look_up_reducer(w, cls)
    elif rule is not None and rule.reduce is not None:
        reduce = rule.reduce
        w.ruled = obj
        w.ruled_by = REDUCER
    else:
        reduce = reducers.get(cls, UNSET)
    if reduce is not UNSET:
        return open_reduced(w, obj, ask_rule(w, reduce, <object>obj))
    if issubclass(cls, type_of_types):
        return open_global(w, obj, None)
    return open_reduced(w, obj, ask_object(w, <object>obj))


cdef object ask_rule(Writer *w, object function, object instance):
    """What a plugin's function, or a dispatch table's, gives for an object."""
    if type(function) is AtProtocol:
        return (<tuple>function)[0](instance, w.proto)
    if type(function) is PerDump:
        return function_of_dump(w, function)(instance)
    return function(instance)


cdef object function_of_dump(Writer *w, object made_by):
    """The function of this dump, which a PerDump gives once."""
    cdef dict known
    if w.per_dump == NULL:
        known = {}
        Py_INCREF(known)
        w.per_dump = <PyObject *>known
    known = <dict>w.per_dump
    function = known.get(made_by)
    if function is None:
        function = known[made_by] = made_by.begin(w.proto)
    return function


cdef object begin_stored(Writer *w):
    """The bound stores' part in this dump, which begins with the first object that one of them claims."""
    stores = (<object>w.plan).stores
    if stores is None:
        return None
    stored = stores.begin_dump(w.proto, None if w.write == NULL else <object>w.write)
    set_hook(w, &w.stored, stored)
    if w.write != NULL:
        write, before = stored.write, <object>w.write
        Py_INCREF(write)
        w.write = <PyObject *>write
        Py_DECREF(before)
    return stored


cdef object finish_stored(Writer *w):
    """The stores commit, and after that the last bytes go out, those with STOP."""
    stored = <object>w.stored
    secure(w)
    rest = <object>take(w)
    Py_DECREF(rest)
    return stored.finish(rest)


cdef object stored_of(Writer *w):
    return None if w.stored == NULL else <object>w.stored


cdef object ask_object(Writer *w, object instance):
    reduce = getattr(instance, "__reduce_ex__", UNSET)
    if reduce is not UNSET:
        return reduce(w.proto)
    reduce = getattr(instance, "__reduce__", UNSET)
    if reduce is not UNSET:
        return reduce()
    raise refusals.no_reduction(instance)


cdef int open_by_method(Writer *w, PyObject *obj, Plan *plan) except -1:
    """A class's own __reduce__ or __reduce_ex__, without the way through object's."""
    cdef PyObject *args[2]
    cdef object method = <object>plan.method, value, protocol = w.proto
    cdef bint ex = plan.kind == BY_REDUCE_EX
    if not harmless_attributes(plan, obj):
        return NOT_IN_PLACE
    hold(w, obj)
    secure(w)
    stop_foreseeing(w)
    args[0] = obj
    args[1] = <PyObject *>protocol
    value = CALL(<PyObject *>method, args, 1 + ex)
    return open_reduced(w, obj, value)


cdef int open_class(Writer *w, PyObject *obj) except -1:
    # Their names are not those of any global.
    if is_singleton_type(obj):
        singleton = {type(None): None, type(...): ..., type(NotImplemented): NotImplemented}[<object>obj]
        push_reduction(w, obj, (type, (singleton,)))
        return PUSHED
    return open_global(w, obj, None)


cdef int open_reduced(Writer *w, PyObject *obj, object value) except -1:
    if isinstance(value, str):
        return open_named(w, obj, value)
    if not well_formed(<PyObject *>value):
        value = check(value)  # raises, or gives the same as a tuple that is one
    push_reduction(w, obj, value)
    return PUSHED


cdef bint well_formed(PyObject *value) noexcept:
    """What check() makes sure of, seen without running code or making anything."""
    cdef Py_ssize_t size
    cdef PyObject *item
    if TYPE(value) != &PyTuple_Type:
        return False
    size = TUPLE_SIZE(value)
    if not 2 <= size <= 6 or not CALLABLE(TUPLE_ITEM(value, 0)) or not PyTuple_Check(TUPLE_ITEM(value, 1)):
        return False
    for i in range(3, size):
        item = TUPLE_ITEM(value, i)
        if item != Py_None and not (CALLABLE(item) if i == 5 else IS_ITERATOR(item)):
            return False
    return True


cdef int open_call(Writer *w) except -1:
    """The reduction on top: where it calls a class that is memoized, with arguments made for it, these follow at once.

    Instances that are made of leaves are so written 1.1 times as fast as by way of the run loop.
    """
    cdef Frame *frame = &w.stack[w.depth - 1]
    cdef PyObject *made = TUPLE_ITEM(frame.held, 0)
    cdef PyObject *args = TUPLE_ITEM(frame.held, 1)
    cdef int result
    if (
        w.proto < 2
        or TYPE(args) != &PyTuple_Type
        or REFCNT(args) != 1
        or REFCNT(frame.held) != 1
        or not brinery_plain_name(made)
        or w.careful
    ):
        return PUSHED
    begin(w)
    if w.flush_pending or not get(w, made):
        return PUSHED
    frame.size = BY_CALL
    frame.pos = 3
    begin(w)
    if open_tuple(w, args, BORROWING) == CHILD:
        return CHILD
    result = run_reduction(w, &w.stack[w.depth - 1])
    if result == WRITTEN:
        pop(w)
    return result


cdef Frame *push_reduction(Writer *w, PyObject *obj, object value) except NULL:
    cdef Frame *frame
    frame = push(w, IN_REDUCTION, obj)
    INCREF(<PyObject *>value)
    frame.held = <PyObject *>value
    return frame


cdef inline PyObject *part(Frame *frame, Py_ssize_t i) noexcept:
    """An item of the reduction, NULL where it was left out."""
    cdef PyObject *item
    if i >= TUPLE_SIZE(frame.held):
        return NULL
    item = TUPLE_ITEM(frame.held, i)
    return NULL if item == Py_None else item


cdef bint is_mere_call(Frame *frame) noexcept:
    """Whether the reduction is a callable and its arguments, and nothing else."""
    cdef Py_ssize_t i
    for i in range(2, TUPLE_SIZE(frame.held)):
        if TUPLE_ITEM(frame.held, i) != Py_None:
            return False
    return True


cdef inline int child(Writer *w, Frame *frame, PyObject *item, int step) except -1:
    frame.pos = step
    w.item = item
    w.item_alone = frame.alone
    return CHILD


cdef int run_reduction(Writer *w, Frame *frame) except -1:
    cdef PyObject *obj = frame.obj
    cdef PyObject *item
    cdef Py_ssize_t at = w.depth - 1
    if frame.pos == 0:
        frame.size = style_of(w, frame)
        frame = &w.stack[at]
        if frame.size == BY_CALL:
            return child(w, frame, TUPLE_ITEM(frame.held, 0), 1)
        return child(w, frame, TUPLE_ITEM(TUPLE_ITEM(frame.held, 1), 0), 1)
    if frame.pos == 1:
        item = TUPLE_ITEM(frame.held, 1)
        if REFCNT(frame.held) != 1 or REFCNT(item) != 1:
            # Who keeps either may give it once more, from within the arguments, for the same object.
            frame.alone = 0
        if frame.size == BY_NEWOBJ:
            if TUPLE_SIZE(item) > 1:  # the empty tuple is not made
                secure(w)
            frame.current = TUPLE_SLICE(item, 1, TUPLE_SIZE(item))
            return child(w, frame, frame.current, 3)
        if frame.size == BY_NEWOBJ_EX:
            return child(w, frame, TUPLE_ITEM(item, 1), 2)
        return child(w, frame, item, 3)
    if frame.pos == 2:
        return child(w, frame, TUPLE_ITEM(TUPLE_ITEM(frame.held, 1), 2), 3)
    if frame.pos == 3:
        if frame.size == BY_CALL:
            # The arguments go at once where the reducer made them for this call and nothing else.
            frame.half = (
                REFCNT(frame.held) == 1
                and is_mere_call(frame)
                and forget(w, TUPLE_ITEM(frame.held, 1))
            )
            op(w, REDUCE)
        else:
            op(w, NEWOBJ if frame.size == BY_NEWOBJ else NEWOBJ_EX)
        if frame.after == ONLY_MEMOIZE:
            put(w, obj, False)
            return WRITTEN
        if not w.fast and find(w, obj) != NULL:
            # It was reached again from within its own arguments, and written there.
            op(w, POP)
            get(w, obj)
            return WRITTEN
        put(w, obj, False)
        frame.pos = 4
    if frame.pos == 4:
        frame.pos = 5
        item = part(frame, 3)
        if item != NULL:
            return push_iterator(w, IN_ITEMS, obj, <object>item)
    if frame.pos == 5:
        frame.pos = 6
        item = part(frame, 4)
        if item != NULL:
            return push_iterator(w, IN_PAIRS, obj, <object>item)
    if frame.pos == 6:
        item = part(frame, 2)
        if item == NULL:
            return WRITTEN
        if part(frame, 5) == NULL:
            return child(w, frame, item, 7)
        return child(w, frame, part(frame, 5), 8)
    if frame.pos == 7:
        op(w, BUILD)
        return WRITTEN
    # A state setter: called with the object and its state, and what it returns is dropped.
    if frame.pos == 8:
        child(w, frame, obj, 9)
        w.item_alone = 0  # written already, however few references it has
        return CHILD
    if frame.pos == 9:
        return child(w, frame, part(frame, 2), 10)
    op(w, TUPLE2)
    op(w, REDUCE)
    op(w, POP)
    return WRITTEN


cdef int style_of(Writer *w, Frame *frame) except -1:
    """How the callable and its arguments are written: copyreg's two functions have opcodes of their own."""
    cdef PyObject *made_from
    if w.proto < 2:
        return BY_CALL
    if brinery_plain_name(TUPLE_ITEM(frame.held, 0)):
        return BY_CALL
    function = <object>TUPLE_ITEM(frame.held, 0)
    if type(function) is FunctionType:
        name = <object>brinery_function_name(<PyObject *>function)
    else:
        if type(function) is not type_of_types:
            secure(w)
        name = getattr(function, "__name__", None)
    if type(name) is not str or <str>name != "__newobj__" and <str>name != "__newobj_ex__":
        return BY_CALL
    args = <object>TUPLE_ITEM(frame.held, 1)
    secure(w)
    if <str>name == "__newobj__":
        check_newobj(args, <object>frame.obj)
        return BY_NEWOBJ
    if not are_newobj_ex(<PyObject *>args):
        check_newobj_ex(args)
    if w.proto >= 4:
        return BY_NEWOBJ_EX
    # Before protocol 4, a partial of __new__ carries the keywords.
    cls, positional, keywords = args
    made = functools.partial(cls.__new__, cls, *positional, **keywords)
    value = (made, (), *tuple(<object>frame.held)[2:])
    Py_INCREF(value)
    made_from = w.stack[w.depth - 1].held
    w.stack[w.depth - 1].held = <PyObject *>value
    give_up(w, made_from)
    return BY_CALL


cdef int check_newobj(object args, object obj) except -1:
    if not args:
        raise refusals.newobj_arguments()
    if not isinstance(args[0], type):
        raise refusals.newobj_class(args[0])
    own = getattr(obj, "__class__", type(obj))
    if args[0] is not own:
        raise refusals.newobj_other_class(own, args[0])
    return 0


cdef bint are_newobj_ex(PyObject *args) noexcept:
    """What check_newobj_ex() makes sure of, seen without running code."""
    return (
        TYPE(args) == &PyTuple_Type
        and TUPLE_SIZE(args) == 3
        and IS_TYPE(TUPLE_ITEM(args, 0))
        and PyTuple_Check(TUPLE_ITEM(args, 1))
        and PyDict_Check(TUPLE_ITEM(args, 2))
    )


cdef int check_newobj_ex(object args) except -1:
    if len(args) != 3:
        raise refusals.newobj_ex_arguments(args)
    for position, kind in enumerate((type, tuple, dict)):
        if not isinstance(args[position], kind):
            raise refusals.newobj_ex_argument(position, args[position])
    return 0


cdef int push_persistent_id(Writer *w, PyObject *obj, object pid, bint memoize) except -1:
    cdef Frame *frame
    if memoize and w.proto >= 2 and w.persistent_id == NULL and is_short(pid):
        write_short_id(w, <tuple>pid)
        op(w, BINPERSID)
        put(w, obj, False)
        secure(w)  # the memo has texts of the ID, which nobody else may hold
        return WRITTEN
    if w.binary:
        frame = push(w, IN_PERSISTENT_ID, obj)
        frame.count = memoize
        Py_INCREF(pid)
        frame.held = <PyObject *>pid
        return PUSHED
    write_text_opcode(w, PERSID, encode_persistent_id(pid))
    if memoize:
        put(w, obj, False)
    return WRITTEN


cdef int write_short_id(Writer *w, tuple pid) except -1:
    """A tuple of ints, texts and tuples, itself not memoized (see is_short)."""
    cdef object part
    for part in pid:
        if type(part) is tuple:
            write_short_id(w, <tuple>part)
        else:
            write_part(w, <PyObject *>part)
    op(w, TUPLE1 if len(pid) == 1 else TUPLE2 if len(pid) == 2 else TUPLE3)
    return 0


cdef int run_persistent_id(Writer *w, Frame *frame) except -1:
    if frame.pos == 0:
        frame.pos = 1
        if w.persistent_id != NULL and w.proto >= 2 and is_brief(frame.held) and find(w, frame.held) == NULL:
            if write_brief_id(w, frame) == PUSHED:
                return PUSHED
            frame = &w.stack[w.depth - 1]
            op(w, BINPERSID)
            if frame.count:
                put(w, frame.obj, False)
            return WRITTEN
        # An ID is not offered to persistent_id, though what it holds is.
        w.asked = True
        w.item = frame.held
        w.item_alone = 0
        return CHILD
    op(w, BINPERSID)
    if frame.count:
        put(w, frame.obj, False)
    return WRITTEN


cdef bint is_brief(PyObject *pid) noexcept:
    """Whether an ID is a tuple of one to three names, numbers and None, as most are."""
    cdef PyObject *part
    cdef int64_t value
    cdef Py_ssize_t i, size
    if TYPE(pid) != &PyTuple_Type or not 1 <= TUPLE_SIZE(pid) <= 3:
        return False
    for i in range(TUPLE_SIZE(pid)):
        part = TUPLE_ITEM(pid, i)
        if TYPE(part) == &PyUnicode_Type:
            if brinery_utf8(part, &size) == NULL or size > SHORT:
                return False
        elif part != Py_None and not (TYPE(part) == &PyLong_Type and brinery_small_int(part, &value)):
            return False
    return True


cdef int write_brief_id(Writer *w, Frame *frame) except -1:
    """The tuple of an ID for which persistent_id gave it, in one step: its parts are offered to that, and are leaves.

    Where one of them has an ID itself, the tuple goes on as any other (PUSHED).
    """
    cdef PyObject *pid = frame.held
    cdef PyObject *part = NULL
    cdef Py_ssize_t size = TUPLE_SIZE(pid), i = 0
    cdef bint pushed = False
    try:
        while i < size:
            part = TUPLE_ITEM(pid, i)
            i += 1
            if w.cur >= w.full:
                boundary(w)
            hold(w, part)
            secure(w)
            if w.flush_pending:
                flush(w)
            id_of_part = ask_persistent_id(w, part)
            if id_of_part is not None:
                pushed = True
                push_tuple(w, pid, i)
                push_persistent_id(w, part, id_of_part, False)
                break
            write_whole(w, part, 0)
    except:
        if not pushed:
            push_tuple(w, pid, i)  # where it failed is found on the stack
        raise
    drop(w)
    if pushed:
        return PUSHED
    room(w)
    w.cur[0] = <char>(TUPLE1 - 1 + size)
    w.cur += 1
    put(w, pid, False)
    return WRITTEN


cdef int push_tuple(Writer *w, PyObject *obj, Py_ssize_t pos) except -1:
    """A frame for a tuple, of which what comes before `pos` is written or on its way."""
    cdef Frame *frame = push(w, IN_TUPLE, obj)
    frame.alone = 0
    frame.pos = pos
    return 0
