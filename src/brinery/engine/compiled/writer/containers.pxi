# list, dict, set, frozenset and tuple.
#
# Each is begun in place, with its frame on the C stack. Most hold leaves only and end there; one that
# meets another kind of child moves its frame to the stack of the dump, to be gone on with by the run
# loop. The run_* functions serve both: they write what is left (WRITTEN), or hand back the first child that is
# no leaf in `w.item` (CHILD).

cdef enum:
    BATCH_BEGINS = -1   # of Frame.count: no item of the batch is written yet
    BATCH_OF_ONE = -2   # the item that was handed out is the only one

# What is a few items ahead in a list comes to be in the cache before its turn. That shows where something else
# was there meanwhile: after a dump by C pickle, lists of tuples are written 1.3 times as fast, of strings 1.1.
cdef enum:
    STRINGS_AHEAD = 24     # items
    PARENTS_AHEAD = 4      # items that have parts
    BEFORE_INSTANCE = 32   # bytes that an instance may have before itself, where its attributes are
    CACHE_LINE = 64        # bytes


cdef int open_list(Writer *w, PyObject *obj, bint elide) except -1:
    cdef Frame frame
    cdef Py_ssize_t size
    if w.proto == 0:
        return open_text_list(w, obj)
    w.cur[0] = EMPTY_LIST
    w.cur += 1
    put(w, obj, elide)
    size = LIST_SIZE(obj)
    if size == 0:
        return WRITTEN
    memset(&frame, 0, sizeof(Frame))
    frame.kind = IN_LIST
    frame.obj = obj
    frame.size = size
    if size == 1:
        frame.count = -1
    else:
        w.cur[0] = MARK
        w.cur += 1
    if run_list(w, &frame) == CHILD:
        push_copy(w, &frame)
        return CHILD
    return WRITTEN


cdef int run_list(Writer *w, Frame *frame) except -1:
    cdef PyObject *obj = frame.obj
    cdef PyObject *item
    cdef PyObject **items
    cdef Py_ssize_t pos = frame.pos, end, stop
    cdef char *at = w.cur
    if frame.count < 0:
        if frame.count == -1:
            frame.count = -2
            frame.pos = pos + 1
            item = LIST_ITEM(obj, pos)
            if not leaf(w, &at, item, 1):
                w.cur = at
                w.item = item
                w.item_alone = 1 | TRIED
                return CHILD
            w.cur = at
        op(w, APPEND)
        return WRITTEN
    end = pos + BATCH - frame.count
    while True:
        # Asked for here, for a child's reducer may have changed the list before this was gone on with.
        items = LIST_ITEMS(obj)
        stop = min(end, LIST_SIZE(obj))
        while pos < stop:
            item = items[pos]
            pos += 1
            if not leaf(w, &at, item, 1):
                w.cur = at
                if stop - pos > PARENTS_AHEAD:
                    brinery_prefetch(<char *>items[pos + PARENTS_AHEAD] - BEFORE_INSTANCE)
                    brinery_prefetch(items[pos + PARENTS_AHEAD])
                frame.pos = pos
                frame.count = <int>(BATCH - (end - pos))
                w.item = item
                w.item_alone = 1 | TRIED
                return CHILD
            if TYPE(item) == &PyUnicode_Type:
                if (at - 2)[0] == BINGET:  # what was written just now, but for the index
                    pos += references(w, &at, items + pos, stop - pos)
                elif stop - pos > STRINGS_AHEAD:
                    brinery_prefetch(items[pos + STRINGS_AHEAD])
                    brinery_prefetch(<char *>items[pos + STRINGS_AHEAD] + CACHE_LINE)
        w.cur = at
        op(w, APPENDS)
        if LISTS_KEEP_THEIR_SIZE and LIST_SIZE(obj) != frame.size:
            secure(w)
            raise RuntimeError("list changed size during iteration")
        if pos >= LIST_SIZE(obj):
            return WRITTEN
        if RESTS_STAND_ALONE and pos + 1 == LIST_SIZE(obj):
            frame.count = -1
            frame.pos = pos
            return run_list(w, frame)
        op(w, MARK)
        at = w.cur
        end = pos + BATCH


cdef Py_ssize_t references(Writer *w, char **at, PyObject **items, Py_ssize_t count) noexcept:
    """What repeats once often repeats many times: BINGET for as many of the items as have it coming.

    Nothing is looked at but the memo. Lists of strings that repeat are written 1.2 times as fast.
    """
    cdef Entry *table = w.table
    cdef Entry *entry
    cdef size_t mask = w.mask
    cdef uint32_t generation = w.generation
    cdef char *out = at[0]
    cdef Py_ssize_t i = 0
    count = min(count, (w.limit - out) // 2)
    while i < count:
        entry = &table[place(items[i]) & mask]
        if entry.key != items[i] or entry.generation != generation:
            entry = find(w, items[i])  # it may be further on
        if entry == NULL or entry.index > 0xFF:
            break
        out[0] = BINGET
        out[1] = <char>entry.index
        out += 2
        i += 1
    at[0] = out
    return i


cdef int open_dict(Writer *w, PyObject *obj, bint elide) except -1:
    if w.proto == 0:
        return open_text_dict(w, obj)
    w.cur[0] = EMPTY_DICT
    w.cur += 1
    put(w, obj, elide)
    return begin_pairs(w, obj, NULL, NOTHING)


cdef int begin_pairs(Writer *w, PyObject *obj, PyObject *owner, After after) except -1:
    """The pairs of a dict that is memoized already, and what comes after them."""
    cdef Frame frame
    cdef Py_ssize_t size = DICT_SIZE(obj)
    if size == 0:
        return finish(w, after)
    memset(&frame, 0, sizeof(Frame))
    frame.kind = IN_DICT
    frame.obj = obj
    frame.owner = owner
    frame.after = after
    frame.size = size
    frame.alone = 0 if brinery_dict_is_split(obj) else 1
    if size == 1:
        frame.count = -1
    else:
        w.cur[0] = MARK
        w.cur += 1
    if run_dict(w, &frame) == CHILD:
        push_copy(w, &frame)
        return CHILD
    return WRITTEN


cdef int run_dict(Writer *w, Frame *frame) except -1:
    cdef PyObject *obj = frame.obj
    cdef PyObject *key
    cdef PyObject *value
    cdef int count = frame.count
    cdef Py_ssize_t pos = frame.pos
    cdef char *at
    if frame.current != NULL:
        if frame.half:
            frame.half = False
            value = frame.current
            w.item = value
            w.item_alone = 1
            return CHILD
        value = frame.current
        frame.current = NULL
        give_up(w, value)
        count = frame.count
    at = w.cur
    while True:
        while count < BATCH and count != -2 and DICT_NEXT(obj, &pos, &key, &value):
            count = count + 1 if count >= 0 else -2
            if not leaf(w, &at, key, frame.alone):
                w.cur = at
                # A value is kept over the writing of its key: that may run code which replaces it.
                INCREF(value)
                frame.current = value
                frame.half = True
                frame.pos = pos
                frame.count = count
                w.item = key
                w.item_alone = frame.alone | TRIED
                return CHILD
            if not leaf(w, &at, value, 1):
                w.cur = at
                frame.pos = pos
                frame.count = count
                w.item = value
                w.item_alone = 1 | TRIED
                return CHILD
        w.cur = at
        if count < 0:
            if count == -2:  # else nothing is there any more
                op(w, SETITEM)
            break
        op(w, SETITEMS)
        if DICT_SIZE(obj) != frame.size:
            secure(w)
            raise RuntimeError("dictionary changed size during iteration")
        if count < BATCH:
            break
        if RESTS_STAND_ALONE:
            count = pairs_left(obj, pos)
            if count == 0:
                break
            if count == 1:
                at = w.cur
                count = -1
                continue
        # Before Python 3.15, a full batch is followed by another, be it empty (unlike for lists).
        op(w, MARK)
        at = w.cur
        count = 0
    if frame.after != NOTHING:
        finish(w, <After>frame.after)
    return WRITTEN


cdef int pairs_left(PyObject *obj, Py_ssize_t pos) noexcept:
    """How many pairs there are behind `pos`: none, one, or more."""
    cdef PyObject *key
    cdef PyObject *value
    cdef int left = 0
    while left < 2 and DICT_NEXT(obj, &pos, &key, &value):
        left += 1
    return left


cdef int finish(Writer *w, After after) except -1:
    """What stands behind the dict of an instance's state."""
    if after == THEN_SLOTS_BUILD:
        op(w, TUPLE2)
        put(w, NULL, True)
    if after != NOTHING:
        op(w, BUILD)
    return WRITTEN


cdef int open_set(Writer *w, PyObject *obj, bint elide) except -1:
    cdef Frame frame
    w.cur[0] = <char>EMPTY_SET
    w.cur += 1
    put(w, obj, elide)
    if SET_SIZE(obj) == 0:
        return WRITTEN
    memset(&frame, 0, sizeof(Frame))
    frame.kind = IN_SET
    frame.obj = obj
    frame.size = SET_SIZE(obj)
    w.cur[0] = MARK
    w.cur += 1
    if PUBLIC:
        return push_members(w, &frame)
    if run_set(w, &frame) == CHILD:
        push_copy(w, &frame)
        return CHILD
    return WRITTEN


cdef int push_members(Writer *w, Frame *begun) except -1:
    """A set that shows its members to iterators only: the frame holds a list of them."""
    cdef PyObject *members
    push_copy(w, begun)
    secure(w)
    members = brinery_set_held(begun.obj)
    w.stack[w.depth - 1].held = members
    return PUSHED


cdef int run_set(Writer *w, Frame *frame) except -1:
    cdef PyObject *obj = frame.obj
    cdef PyObject *item
    cdef Py_ssize_t pos
    cdef char *at = w.cur
    while True:
        while frame.count < BATCH:
            item = brinery_set_next(obj, frame.held, &frame.pos)
            if item == NULL:
                break
            frame.count += 1
            if not leaf(w, &at, item, 1):
                w.cur = at
                w.item = item
                w.item_alone = 1 | TRIED
                return CHILD
        w.cur = at
        op(w, ADDITEMS)
        if SET_SIZE(obj) != frame.size:
            secure(w)
            raise RuntimeError("set changed size during iteration")
        if frame.count < BATCH:
            return WRITTEN
        pos = frame.pos
        if RESTS_STAND_ALONE and brinery_set_next(obj, frame.held, &pos) == NULL:
            return WRITTEN
        op(w, MARK)
        at = w.cur
        frame.count = 0


cdef int open_frozenset(Writer *w, PyObject *obj, int alone, bint elide) except -1:
    cdef Frame frame
    memset(&frame, 0, sizeof(Frame))
    frame.kind = IN_FROZENSET
    frame.obj = obj
    frame.elide = elide
    frame.alone = 1 if elide else 0
    w.cur[0] = MARK
    w.cur += 1
    if PUBLIC:
        return push_members(w, &frame)
    if run_frozenset(w, &frame) == CHILD:
        push_copy(w, &frame)
        return CHILD
    return WRITTEN


cdef int run_frozenset(Writer *w, Frame *frame) except -1:
    cdef PyObject *obj = frame.obj
    cdef PyObject *item
    cdef char *at = w.cur
    while True:
        item = brinery_set_next(obj, frame.held, &frame.pos)
        if item == NULL:
            break
        if not leaf(w, &at, item, frame.alone):
            w.cur = at
            w.item = item
            w.item_alone = frame.alone | TRIED
            return CHILD
    w.cur = at
    room(w)
    if (not frame.elide or frame.owned) and not w.fast and find(w, obj) != NULL:
        # It was reached again from within, and written there.
        op(w, POP_MARK)
        get(w, obj)
        return WRITTEN
    op(w, FROZENSET)
    put(w, obj, frame.elide and not frame.owned)
    return WRITTEN


cdef int open_tuple(Writer *w, PyObject *obj, bint elide) except -1:
    cdef Frame frame
    cdef Py_ssize_t size = TUPLE_SIZE(obj)
    if size == 0:
        if w.proto == 0:
            op(w, MARK)
            op(w, TUPLE)
        else:
            w.cur[0] = EMPTY_TUPLE
            w.cur += 1
        return WRITTEN
    memset(&frame, 0, sizeof(Frame))
    frame.kind = IN_TUPLE
    frame.obj = obj
    frame.elide = elide
    # Memoized after its children: a cycle through a shared tuple meets them a second time.
    frame.alone = 1 if elide else 0
    if size > 3 or w.proto < 2:
        w.cur[0] = MARK
        w.cur += 1
    if run_tuple(w, &frame) == CHILD:
        push_copy(w, &frame)
        return CHILD
    return WRITTEN


cdef int run_tuple(Writer *w, Frame *frame) except -1:
    cdef PyObject *obj = frame.obj
    cdef PyObject *item
    cdef Py_ssize_t pos = frame.pos, size = TUPLE_SIZE(obj)
    cdef char *at = w.cur
    while pos < size:
        item = TUPLE_ITEM(obj, pos)
        pos += 1
        if not leaf(w, &at, item, frame.alone):
            w.cur = at
            frame.pos = pos
            w.item = item
            w.item_alone = frame.alone | TRIED
            return CHILD
    w.cur = at
    room(w)
    if (not frame.elide or frame.owned) and not w.fast and find(w, obj) != NULL:
        return pop_tuple(w, obj, size)
    if size > 3 or w.proto < 2:
        w.cur[0] = TUPLE
    else:
        w.cur[0] = <char>(TUPLE1 - 1 + size)
    w.cur += 1
    put(w, obj, frame.elide and not frame.owned)
    return WRITTEN


cdef int pop_tuple(Writer *w, PyObject *obj, Py_ssize_t size) except -1:
    """The tuple was reached again from within, and written there: drop its items, fetch that one."""
    cdef Py_ssize_t i
    if w.proto >= 2 and size <= 3:
        for i in range(size):
            op(w, POP)
    elif w.binary:
        op(w, POP_MARK)
    else:
        for i in range(size + 1):
            op(w, POP)
    get(w, obj)
    return WRITTEN


# Protocol 0 has neither APPENDS nor SETITEMS, and C pickle iterates there as over any iterable.

cdef int open_text_list(Writer *w, PyObject *obj) except -1:
    op(w, MARK)
    op(w, LIST)
    put(w, obj, False)
    if LIST_SIZE(obj) == 0:
        return WRITTEN
    secure(w)
    return push_iterator(w, IN_ITEMS, obj, iter(<object>obj))


cdef int open_text_dict(Writer *w, PyObject *obj) except -1:
    op(w, MARK)
    op(w, DICT)
    put(w, obj, False)
    if DICT_SIZE(obj) == 0:
        return WRITTEN
    secure(w)
    return push_iterator(w, IN_PAIRS, obj, iter((<object>obj).items()))


cdef int push_iterator(Writer *w, FrameKind kind, PyObject *obj, object iterator) except -1:
    cdef Frame *frame = push(w, kind, obj)
    frame.alone = 0
    frame.count = BATCH_BEGINS
    Py_INCREF(iterator)
    frame.held = <PyObject *>iterator
    return PUSHED


cdef int run_iterator(Writer *w, Frame *frame) except -1:
    """The items or pairs of an iterator, in batches; a batch of one needs no mark."""
    cdef bint pairs = frame.kind == IN_PAIRS
    cdef PyObject *item = frame.current
    cdef char *at
    if frame.half:
        frame.half = False
        hand_out(w, TUPLE_ITEM(item, 1))
        w.item_alone = 0  # whether it is a leaf was not asked yet
        return CHILD
    while True:
        if item != NULL:
            if frame.count == BATCH_OF_ONE:
                # No other item is asked for, before which what was written is secured. Without the iterator's reference
                # this one may look as if nothing else could lead to it, and the state does.
                secure(w)
            frame.current = NULL
            give_up(w, item)
            if w.proto == 0 or frame.count == BATCH_OF_ONE:
                op(w, SETITEM if pairs else APPEND)
                if frame.count == BATCH_OF_ONE:
                    return WRITTEN
        item = take_item(w, frame)
        if item == NULL:
            return WRITTEN
        frame.current = item
        frame.pos += 1
        at = w.cur
        if not pairs:
            if not leaf(w, &at, item, 0):
                w.cur = at
                return hand_out(w, item)
        else:
            check_pair(item)
            if not leaf(w, &at, TUPLE_ITEM(item, 0), 0):
                w.cur = at
                frame.half = True
                return hand_out(w, TUPLE_ITEM(item, 0))
            if not leaf(w, &at, TUPLE_ITEM(item, 1), 0):
                w.cur = at
                return hand_out(w, TUPLE_ITEM(item, 1))
        w.cur = at


cdef PyObject *take_item(Writer *w, Frame *frame) except? NULL:
    """The next item, an owned reference, and what stands before it; NULL where the last is written, and its batch ended."""
    cdef bint pairs = frame.kind == IN_PAIRS
    cdef PyObject *item = frame.following
    if item != NULL:
        frame.following = NULL
        frame.count += 1
        return item
    if w.proto != 0 and frame.count == BATCH:
        op(w, SETITEMS if pairs else APPENDS)
        frame.count = BATCH_BEGINS
    secure(w)
    item = ITER_NEXT(frame.held)
    if w.proto == 0:
        return item
    if frame.count >= 0:
        if item == NULL:
            op(w, SETITEMS if pairs else APPENDS)
        else:
            frame.count += 1
        return item
    if item == NULL:
        return NULL
    # Whether there is a second one decides how the first is written.
    frame.current = item
    if pairs:
        check_pair(item)
    frame.following = ITER_NEXT(frame.held)
    if frame.following == NULL:
        frame.count = BATCH_OF_ONE
    else:
        op(w, MARK)
        frame.count = 1
    return item


cdef inline int hand_out(Writer *w, PyObject *item) except -1:
    """Have a part of the topmost frame's current item written next."""
    w.item = item
    w.item_alone = TRIED
    return CHILD


cdef int check_pair(PyObject *item) except -1:
    if not PyTuple_Check(item) or TUPLE_SIZE(item) != 2:
        raise TypeError("dict items iterator must return 2-tuples")
    return 0
