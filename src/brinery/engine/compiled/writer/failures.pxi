# Where it failed. Nothing here is paid for by a dump that succeeds.

cdef int SHOWN = KEPT


cdef int explain(Writer *w, object error) except -1:
    """Say on `error` which object could not be written; it is on its way and must get through."""
    try:
        secure(w)
        chain = chain_of(w)
        if chain:
            path, name = place_of(chain)
            locate_writing(error, path, name, (<object>w.plan).hints)
    except Exception:  # as for notes: where it happened must never hide what happened
        pass
    return 0


cdef list chain_of(Writer *w):
    """The objects being written, the root first, with what they are written as between them."""
    cdef Py_ssize_t i
    cdef Frame *frame
    cdef list chain = []
    for i in range(w.depth):
        frame = &w.stack[i]
        # The ends are enough for a path (see place_of), and a deep chain is long.
        if SHOWN < i < w.depth - SHOWN:
            continue
        if i == SHOWN and w.depth > 2 * SHOWN:
            chain.append(SKIPPED)
            continue
        between = None
        if frame.owner != NULL:
            chain.append(<object>frame.owner)
            if frame.after == THEN_SLOTS_BUILD:
                chain.append((None, <object>frame.obj))
        elif frame.kind == IN_REDUCTION:
            between = Reduction(*(<object>frame.held))
        elif frame.kind == IN_STATE:
            between = <object>frame.held
        elif frame.kind == IN_INSTANCE:
            between = <object>frame.held if frame.pos == 3 else None
        elif frame.kind == IN_VALUES:
            between = (<object>frame.obj).__dict__
        elif frame.kind == IN_SLOTS:
            between = (None, {})
        # An iterator of a reduction stands above it, for the same object.
        if not chain or chain[len(chain) - 1] is not <object>frame.obj:
            if not (frame.kind in (IN_ITEMS, IN_PAIRS) and i and w.stack[i - 1].obj == frame.obj):
                chain.append(<object>frame.obj)
        if between is not None and (i + 1 < w.depth or w.subject != NULL):
            chain.append(between)
    if w.subject != NULL and (not chain or chain[len(chain) - 1] is not <object>w.subject):
        chain.append(<object>w.subject)
    elif chain and type(chain[len(chain) - 1]) is Reduction:
        chain.pop()  # an iterator of the reduction failed, and not a part: it was the object
    return chain
