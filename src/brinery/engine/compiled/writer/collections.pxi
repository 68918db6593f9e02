# OrderedDict, deque and defaultdict themselves, whose reductions are made in C: a call of the class, and the items
# as an iterator gives them, which is made when they are reduced. Their subclasses are reduced by what they inherit.

cdef dict COLLECTIONS = {OrderedDict: BY_ORDERED, deque: BY_DEQUE, defaultdict: BY_DEFAULTS}
cdef object NAME_MAXLEN = sys.intern("maxlen")
cdef object NAME_DEFAULT_FACTORY = sys.intern("default_factory")


cdef int open_collection(Writer *w, PyObject *obj, Plan *plan, bint elide) except -1:
    if w.fast:
        return NOT_IN_PLACE
    if plan.current == BY_DEFAULTS:
        return open_defaults(w, obj, plan, elide)
    if plan.current == BY_ORDERED:
        return open_ordered(w, obj, plan, elide)
    return open_deque(w, obj, plan, elide)


cdef int open_deque(Writer *w, PyObject *obj, Plan *plan, bint elide) except -1:
    cdef PyObject *most
    if not write_class(w, obj, plan):
        return NOT_IN_PLACE
    most = GETATTR(obj, <PyObject *>NAME_MAXLEN)  # of a C type, as it is exactly: no code runs
    keep_loose(w, most)
    begin(w)
    w.cur[0] = EMPTY_TUPLE
    w.cur += 1
    if most != Py_None:
        begin(w)
        begin(w)
        write_whole(w, most, 1)
        room(w)
        w.cur[0] = <char>TUPLE2
        w.cur += 1
        put(w, NULL, True)
    drop_loose(w)
    write_made(w, obj, elide)
    if SIZE(obj) == 0:
        return WRITTEN
    push(w, IN_ITEMS, obj).count = BATCH_BEGINS
    return run_own_iterator(w, 0, False)


cdef int write_made(Writer *w, PyObject *obj, bint elide) except -1:
    """REDUCE, behind the class and its arguments."""
    w.cur[0] = REDUCE
    w.cur += 1
    return put(w, obj, elide and w.subject == NULL)


cdef int run_own_iterator(Writer *w, Py_ssize_t passed, bint at_value) except -1:
    """Go on with the topmost frame by the object's own iterator, of which the first `passed` are written already.

    If that is not zero, the last of these is under way: at its key, or at its value.
    """
    cdef Frame *frame = &w.stack[w.depth - 1]
    cdef PyObject *item
    cdef Py_ssize_t i
    secure(w)
    iterator = iter((<object>frame.obj).items() if frame.kind == IN_PAIRS else <object>frame.obj)
    Py_INCREF(iterator)
    frame.held = <PyObject *>iterator
    if passed:
        for i in range(passed - 1):
            item = ITER_NEXT(frame.held)
            XDECREF(item)
        item = ITER_NEXT(frame.held)
        if item == NULL or frame.kind != IN_PAIRS:
            raise RuntimeError("OrderedDict mutated during iteration")
        frame.current = item
        frame.pos = passed
        if frame.count == 1:
            frame.following = ITER_NEXT(frame.held)
        frame.half = not at_value
        return hand_out(w, TUPLE_ITEM(item, at_value))
    if run_iterator(w, frame) == CHILD:
        return CHILD
    pop(w)
    return WRITTEN


cdef int open_ordered(Writer *w, PyObject *obj, Plan *plan, bint elide) except -1:
    cdef PyObject *attributes
    cdef PyDictValues *values
    cdef Frame *frame
    cdef void *node = NULL
    cdef PyObject *key
    cdef PyObject *value
    cdef Py_ssize_t size = DICT_SIZE(obj), passed = 0
    cdef int count = BATCH_BEGINS, written = 0
    cdef char *at
    brinery_attributes(obj, &attributes, &values)
    if attributes != NULL and DICT_SIZE(attributes):
        return NOT_IN_PLACE
    if not write_class(w, obj, plan):
        return NOT_IN_PLACE
    begin(w)
    w.cur[0] = EMPTY_TUPLE
    w.cur += 1
    write_made(w, obj, elide)
    if not (ORDER_IS_KNOWN and brinery_dict_has_plain_keys(obj) and brinery_ordered_length(obj) == size):
        # Where dict's own methods were used on it, order and content differ, and what comes of that is its iterator's.
        push(w, IN_PAIRS, obj).count = BATCH_BEGINS
        return run_own_iterator(w, 0, False)
    # While all are leaves, no code runs that could change it, and no pairs need to be made.
    at = w.cur
    while brinery_ordered_next(obj, &node, &key, &value):
        passed += 1
        if value == NULL:
            w.cur = at
            push(w, IN_PAIRS, obj).count = count
            return run_own_iterator(w, passed, False)
        if count == BATCH_BEGINS:
            count = BATCH_OF_ONE
            if passed < size:
                w.cur = at
                op(w, MARK)
                at = w.cur
                count = 1
        else:
            count += 1
        written = leaf(w, &at, key, 0)
        if not written or not leaf(w, &at, value, 0):
            w.cur = at
            frame = push(w, IN_PAIRS, obj)
            frame.count = count
            return run_own_iterator(w, passed, written)
        if count == BATCH:
            w.cur = at
            op(w, SETITEMS)
            at = w.cur
            count = BATCH_BEGINS
    w.cur = at
    if count == BATCH_OF_ONE:
        op(w, SETITEM)
    elif count != BATCH_BEGINS:
        op(w, SETITEMS)
    return WRITTEN


cdef bint order_is_known():
    """Whether OrderedDict keeps its order in the way that layout.h says: it is no part of CPython's interface."""
    cdef void *node = NULL
    cdef PyObject *key
    cdef PyObject *value
    if not brinery_ordered_is_known(<PyTypeObject *>OrderedDict):
        return False
    for size in range(3):  # before any pointer is followed
        probe = OrderedDict.fromkeys("abc"[:size])
        if brinery_ordered_nodes(<PyObject *>probe) != size:
            return False
    probe = OrderedDict([("a", 1), ("b", 2), ("c", 3), ("d", 4)])
    probe.move_to_end("a")
    probe.move_to_end("c", last=False)
    del probe["d"]
    found = []
    while brinery_ordered_next(<PyObject *>probe, &node, &key, &value):
        if value == NULL:
            return False
        found.append((<object>key, <object>value))
    return found == [("c", 3), ("b", 2), ("a", 1)]


cdef bint ORDER_IS_KNOWN = order_is_known()


cdef int open_defaults(Writer *w, PyObject *obj, Plan *plan, bint elide) except -1:
    cdef Frame *frame
    cdef PyObject *factory
    cdef char *at
    if not write_class(w, obj, plan):
        return NOT_IN_PLACE
    frame = push(w, IN_DEFAULTS, obj)
    frame.count = BATCH_BEGINS
    frame.size = frame.left = DICT_SIZE(obj)
    frame.elide = elide and w.subject == NULL
    begin(w)
    factory = GETATTR(obj, <PyObject *>NAME_DEFAULT_FACTORY)  # of a C type, as it is exactly: no code runs
    if factory == Py_None:
        DECREF(factory)
        w.cur[0] = EMPTY_TUPLE
        w.cur += 1
    else:
        frame.current = factory
        at = w.cur
        if not leaf(w, &at, factory, 0):
            w.cur = at
            return hand_out(w, factory)
        w.cur = at
    if run_defaults(w, frame) == CHILD:
        return CHILD
    pop(w)
    return WRITTEN


cdef int run_defaults(Writer *w, Frame *frame) except -1:
    """The call, when the default's factory is written; and on with the items."""
    cdef PyObject *factory = frame.current
    room(w)
    if factory != NULL:
        w.cur[0] = <char>TUPLE1
        w.cur += 1
        put(w, NULL, True)
    w.cur[0] = REDUCE
    w.cur += 1
    if (not frame.elide or frame.owned) and find(w, frame.obj) != NULL:
        # It was reached again from within its own arguments, and written there.
        op(w, POP)
        get(w, frame.obj)
        return WRITTEN
    put(w, frame.obj, frame.elide and not frame.owned)
    frame.kind = IN_OWN_PAIRS
    return run_own_pairs(w, frame)  # which lets go of the factory
