# Where it failed. Nothing here is paid for by a dump that succeeds.

cdef int SHOWN = KEPT


cdef int explain(Writer *w, object error) except -1:
    """Say on `error` which object could not be written; it is on its way and must get through."""
    try:
        secure(w)
        chain = chain_of(w)
        if chain:
            if isinstance(error, BadReduction):
                chain.append(Reduction(type, ()))  # refused before there was one: it is at fault all the same
            path, name = place_of(chain)
            levels = notes(chain) if NOTES_FOR_LEVELS else ()
            ruled = UNSET, 0
            if w.subject != NULL and w.subject == w.ruled:
                ruled = <object>w.subject, w.ruled_by
            ruling = ruling_of(chain, path, ruled, w.reducer_override == NULL and w.dispatch_table == NULL)
            locate_writing(error, path, name, levels, (<object>w.plan).hints, ruling)
            on_writing(error, path, name)
    except Exception:  # as for notes: where it happened must never hide what happened
        pass
    return 0


cdef list chain_of(Writer *w):
    """The chain of brinery.engine.levels: the objects being written, what they are written as, and where."""
    cdef Py_ssize_t i
    cdef Frame *frame
    cdef PyObject *part
    cdef list chain = []
    for i in range(w.depth):
        frame = &w.stack[i]
        if SHOWN < i < w.depth - SHOWN:
            continue
        if i == SHOWN and w.depth > 2 * SHOWN:
            chain.append(SKIPPED)
            continue
        # An iterator of a reduction stands above it, for the same object.
        reduced = i > 0 and w.stack[i - 1].kind == IN_REDUCTION and w.stack[i - 1].obj == frame.obj
        if frame.kind == IN_STATE and frame.pos == 0:
            continue  # what stands above is of the same object, and comes first
        if frame.kind == IN_ARGUMENTS:
            add_arguments(chain, frame)
            continue
        if not (reduced and frame.kind in (IN_ITEMS, IN_PAIRS)):
            if frame.owner != NULL:
                add_state(chain, <object>frame.owner, <object>frame.obj, frame.after == THEN_SLOTS_BUILD)
            # A state's own frame stands above that of its instance.
            if not chain or chain[len(chain) - 1] is not <object>frame.obj:
                chain.append(<object>frame.obj)
        if frame.kind == IN_REDUCTION:
            chain.append(Reduction(*(<object>frame.held)))
        elif frame.kind == IN_STATE:
            chain.pop()
            add_state(chain, <object>frame.obj, <object>frame.held, False)
        elif frame.kind == IN_INSTANCE:
            state = None if frame.held == NULL else <object>frame.held
            chain.append(Reduction(copyreg.__newobj__, (<object>TYPE(frame.obj),), state))
        elif frame.kind == IN_PERSISTENT_ID:
            chain.append(PID)
        elif frame.kind == IN_DEFAULTS:
            factory = (<object>frame.current,) if frame.current != NULL else ()
            chain += [Reduction(defaultdict, factory), factory, Item(0)]
        elif frame.kind in (IN_OWN_ITEMS, IN_OWN_PAIRS) or (
            frame.kind in (IN_ITEMS, IN_PAIRS) and not reduced and w.proto != 0
        ):
            chain.append(Reduction(copyreg.__newobj__, (<object>TYPE(frame.obj),)))
        if i + 1 < w.depth or w.subject != NULL and w.subject != frame.obj:
            part = w.subject if i + 1 == w.depth else (frame + 1).owner if (frame + 1).owner != NULL else (frame + 1).obj
            add_place(chain, frame, part)
    if w.subject != NULL and not (w.depth and w.subject == w.stack[w.depth - 1].obj):
        if not chain or chain[len(chain) - 1] is not <object>w.subject:
            chain.append(<object>w.subject)
    return chain


cdef int add_state(list chain, object instance, object state, bint slots) except -1:
    """An instance whose state is written without the reduction that it is part of."""
    if slots:
        state = (None, state)
    chain.append(instance)
    chain.append(Reduction(copyreg.__newobj__, (type(instance),), state))
    chain.append(state)
    if slots:
        chain.append(Item(1))
    return 0


cdef int add_arguments(list chain, Frame *frame) except -1:
    """What C pickle makes for NEWOBJ: the arguments in a tuple, and a tuple's own items in one more."""
    cls = <object>TYPE(frame.owner)
    items = tuple.__getitem__(<object>frame.obj, slice(None))
    if not chain or chain[len(chain) - 1] is not <object>frame.owner:
        chain.append(<object>frame.owner)
    if frame.count:
        chain += [Reduction(copyreg.__newobj__, (cls, items)), (items,), Item(0), items]
    else:
        chain += [Reduction(copyreg.__newobj__, (cls, *items)), items]
    chain.append(Item(frame.pos - 1))
    return 0


cdef int add_place(list chain, Frame *frame, PyObject *part) except -1:
    """Where in the frame's object `part` is, which is being written."""
    cdef PyObject *key
    cdef PyObject *value
    cdef Py_ssize_t pos = 0
    if frame.kind == IN_OWN_ITEMS:
        chain.append(Item(frame.pos - 1 - (frame.following != NULL)))
        return 0
    if frame.kind == IN_OWN_PAIRS:
        while DICT_NEXT(frame.obj, &pos, &key, &value):
            if key == part or value == part:
                chain.append(KEY if key == part else Value(<object>key))
                break
        return 0
    if frame.kind in (IN_LIST, IN_TUPLE, IN_ITEMS):
        chain.append(Item(frame.pos - 1))
    elif frame.kind == IN_PAIRS and frame.current != NULL:
        chain.append(KEY if frame.half else Value(<object>TUPLE_ITEM(frame.current, 0)))
    return 0
