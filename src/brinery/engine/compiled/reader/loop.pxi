# The loop over opcodes. What is hot stands in the loop itself, on a cursor and a stack pointer that live in
# registers; everything else goes through rare(), with both written back.


cdef int run(Reading r) except -1:
    """Read opcodes up to and including STOP. The result is the topmost object then."""
    cdef Source *source = &r.source
    cdef Stack *s = &r.stack
    cdef Memo *m = &r.memo
    cdef const unsigned char *p = source.next
    cdef const unsigned char *end = source.end
    cdef const unsigned char *data
    cdef PyObject **top = s.top
    cdef PyObject **items
    cdef PyObject *made
    cdef unsigned long long size
    cdef int code, fixed
    cdef Py_ssize_t called
    cdef Plan *plan
    while True:
        if p == end:
            source.next = p
            s.top = top
            turn(r)
            p = source.next
            end = source.end
        source.opcode = p
        code = p[0]
        p += 1
        if top == s.limit:  # no opcode pushes more than one object
            s.top = top
            stack_grow(s)
            top = s.top
        fixed = FIXED[code]
        if end - p < fixed:
            source.next = p
            s.top = top
            want(r, fixed)
            p = source.next
            end = source.end

        if code == BINGET or code == LONG_BINGET:
            size = p[0] if code == BINGET else brinery_little(p, 4)
            p += fixed
            made = m.array[size] if size < <unsigned long long> m.used else NULL
            if made == NULL or <size_t> made & 3:
                s.top = top
                made = memo_get(r, size)
            Py_INCREF(made)
            top[0] = made
            top += 1
            # What repeats once often repeats many times.
            while end - p >= 2 and p[0] == BINGET and top < s.limit and p[1] < m.used:
                made = m.array[p[1]]
                if made == NULL or <size_t> made & 3:
                    break
                Py_INCREF(made)
                top[0] = made
                top += 1
                p += 2

        elif code == MEMOIZE:
            if top == s.fence:
                s.top = top
                stack_underflow(s)
            if m.count == m.used and m.used < m.room:
                Py_INCREF(top[-1])
                m.array[m.count] = top[-1]
                m.count += 1
                m.used += 1
            else:
                s.top = top
                memo_put(r, m.count, top[-1])

        elif code == SHORT_BINUNICODE or code == BINUNICODE:
            size = p[0] if code == SHORT_BINUNICODE else brinery_little(p, 4)
            p += fixed
            if size <= <unsigned long long> (end - p):
                data = p
                p += size
            else:
                source.next = p
                s.top = top
                data = payload(r, size)
                p = source.next
                end = source.end
            s.top = top
            made = NULL
            if 1 <= size <= 32 and source.steady:
                made = brinery_short_ascii(MODEL, data, size)
            if made == NULL:
                made = decode_text(data, size, source.steady)
            top[0] = made
            top += 1
            # Picklers memoize every text at once: two opcodes for one round of the loop.
            if p < end and p[0] == MEMOIZE and m.count == m.used and m.used < m.room:
                p += 1
                Py_INCREF(top[-1])
                m.array[m.count] = top[-1]
                m.count += 1
                m.used += 1

        elif code == BININT1:
            top[0] = brinery_int_of_byte(p[0])
            p += 1
            top += 1
            # Numbers of one size come in rows.
            while end - p >= 2 and p[0] == BININT1 and top < s.limit:
                top[0] = brinery_int_of_byte(p[1])
                p += 2
                top += 1

        elif code == BININT2:
            s.top = top
            top[0] = brinery_int(p[0] | p[1] << 8)
            p += 2
            top += 1
            while end - p >= 3 and p[0] == BININT2 and top < s.limit:
                s.top = top
                top[0] = brinery_int(p[1] | p[2] << 8)
                p += 3
                top += 1

        elif code == BININT:
            s.top = top
            top[0] = brinery_int(<int32_t> brinery_little(p, 4))
            p += 4
            top += 1
            while end - p >= 5 and p[0] == BININT and top < s.limit:
                s.top = top
                top[0] = brinery_int(<int32_t> brinery_little(p + 1, 4))
                p += 5
                top += 1

        elif code == BINFLOAT:
            s.top = top
            top[0] = brinery_float(brinery_double(p))
            p += 8
            top += 1
            while end - p >= 9 and p[0] == BINFLOAT and top < s.limit:
                s.top = top
                top[0] = brinery_float(brinery_double(p + 1))
                p += 9
                top += 1

        elif code == NONE or code == NEWTRUE or code == NEWFALSE:
            made = Py_None if code == NONE else Py_True if code == NEWTRUE else Py_False
            Py_INCREF(made)
            top[0] = made
            top += 1

        elif code == MARK:
            s.top = top
            mark_push(s)

        elif code == EMPTY_LIST:
            s.top = top
            top[0] = own(r.hole) if r.blind else PyList_New(0)
            top += 1

        elif code == EMPTY_DICT:
            s.top = top
            top[0] = own(r.hole) if r.blind else PyDict_New()
            top += 1

        elif code == EMPTY_TUPLE:
            s.top = top
            if BRINERY_FUSE_BUILD and p < end and p[0] == NEWOBJ and top > s.fence and not r.walking:
                plan = any_plan_of(r, top[-1]) if PyType_Check(top[-1]) else NULL
                if plan != NULL and plan.ordinary:
                    p = new_instance(r, plan, p + 1, end)
                    top = s.top
                    continue
            if BRINERY_FUSE_CALLS and p < end and p[0] == REDUCE:
                called = is_call(r, top, p, end)
                if called:
                    p = call(r, <int> called, top, p)
                    end = source.end
                    top = s.top
                    continue
            top[0] = PyTuple_New(0)
            top += 1

        elif code == TUPLE1 or code == TUPLE2 or code == TUPLE3:
            fixed = code - TUPLE1 + 1
            s.top = top
            if top - s.fence < fixed:
                stack_underflow(s)
            if BRINERY_FUSE_CALLS and p < end and is_before_reduce(p[0]):
                called = is_call(r, top - fixed, p, end)
                if called:
                    p = call(r, <int> called, top - fixed, p)
                    end = source.end
                    top = s.top
                    continue
            made = brinery_tuple_take(top - fixed, fixed)
            top -= fixed
            top[0] = made
            top += 1

        elif code == TUPLE:
            s.top = top
            items = mark_pop(r)
            if BRINERY_FUSE_CALLS and p < end and is_before_reduce(p[0]):
                called = is_call(r, items, p, end)
                if called:
                    p = call(r, <int> called, items, p)
                    end = source.end
                    top = s.top
                    continue
            made = brinery_tuple_take(items, top - items)
            top = items
            top[0] = made
            top += 1

        elif code == APPENDS or code == APPEND:
            s.top = top
            if code == APPENDS:
                items = mark_pop(r)
            else:
                if top - s.fence < 2:
                    stack_underflow(s)
                items = top - 1
            append_items(r, items)
            top = s.top

        elif code == SETITEMS or code == SETITEM:
            s.top = top
            if r.walking:
                walk_items(r, code)
            else:
                if code == SETITEMS:
                    if s.mark_count and s.marks[s.mark_count - 1].pending:
                        data = build_pending(r, p, end)
                        if data != NULL:
                            p = data
                            top = s.top
                            continue
                    items = mark_pop(r)
                else:
                    if top - s.fence < 3:
                        stack_underflow(s)
                    items = top - 2
                    if not r.foreign and PyDict_CheckExact(items[-1]) and PyUnicode_CheckExact(items[0]):
                        PyDict_SetItem(items[-1], items[0], items[1])
                        Py_DECREF(items[0])
                        Py_DECREF(items[1])
                        top = items
                        continue
                set_items(r, items)
            top = s.top

        elif code == BINPUT or code == LONG_BINPUT:
            size = p[0] if code == BINPUT else brinery_little(p, 4)
            p += fixed
            s.top = top
            if top == s.fence:
                stack_underflow(s)
            if size == <unsigned long long> m.used and m.count == m.used and m.used < m.room:
                Py_INCREF(top[-1])
                m.array[m.used] = top[-1]
                m.count += 1
                m.used += 1
            else:
                memo_put(r, size, top[-1])

        elif code == SHORT_BINBYTES:
            size = p[0]
            p += 1
            source.next = p
            s.top = top
            if BRINERY_FUSE_DATES and size <= 10 and end - p >= <Py_ssize_t> size + 2:
                called = date_call(r, p, size, end)
                if called:
                    make_date(r, p, size, called > 2)
                    p += size + called
                    continue
            top[0] = payload_bytes(r, size)
            top += 1
            p = source.next
            end = source.end

        elif code == LONG1:
            size = p[0]
            p += 1
            s.top = top
            if 0 < size <= 8 and end - p >= 8:  # loaded at once; what is not its own is shifted out
                top[0] = brinery_int(<int64_t> (brinery_little(p, 8) << (64 - 8 * size)) >> (64 - 8 * size))
                top += 1
                p += size
                continue
            source.next = p
            top[0] = long_integer(r, size)
            top += 1
            p = source.next
            end = source.end

        elif code == STOP:
            source.next = p
            s.top = top
            return 0

        elif code == PROTO:
            s.top = top
            if p[0] > HIGHEST_PROTOCOL:
                raise ValueError(f"unsupported pickle protocol: {p[0]}")
            r.protocol = p[0]
            p += 1

        elif code == FRAME:
            source.next = p + 8
            s.top = top
            enter_frame(r, brinery_little(p, 8))
            if top > s.base:
                brinery_keep_arena(top[-1])
            p = source.next
            end = source.end

        else:
            source.next = p
            s.top = top
            rare(r, code)
            p = source.next
            end = source.end
            top = s.top


cdef inline bint is_before_reduce(unsigned char code) noexcept:
    """Whether an opcode may be, or stand before, the REDUCE that takes a tuple."""
    return code == REDUCE or code == MEMOIZE or code == BINPUT or code == LONG_BINPUT


cdef int rare(Reading r, int code) except -1:
    """One opcode of those that are not hot. The cursor stands at its argument."""
    cdef Source *source = &r.source
    cdef Stack *s = &r.stack
    cdef const unsigned char *argument = source.next
    cdef unsigned long long size = 0
    cdef PyObject **items
    cdef PyObject *made = NULL
    source.next += FIXED[code]
    if code == BINPERSID:
        if r.undecided is not None:
            secure(r)
            resume(r)
        if r.ready is None or not take_ready(r):
            secure(r)
            made = persistent(r, take(s))
            resume(r)
            look_again(r)
            s.top[0] = made
            s.top += 1
        return 0
    if code == NEWOBJ or code == BUILD or code == REDUCE or code == STACK_GLOBAL:
        if (code == NEWOBJ and new_ordinary(r)) or (code == BUILD and build_ordinary(r)):
            return 0
        if code == STACK_GLOBAL and s.top - s.fence >= 2:
            secure_to_look_up(r, s.top[-2])
            stand(r)
            made = outside(r, code, argument)
            if r.undecided is not None and ends_by_code(made):
                decide(r)
        else:
            secure(r)
            stand(r)
            made = outside(r, code, argument)
        resume(r)
        look_again(r)

    elif code == BINBYTES or code == BINBYTES8:
        made = payload_bytes(r, brinery_little(argument, FIXED[code]))
    elif code == BINUNICODE8:
        size = brinery_little(argument, 8)
        made = decode_text(payload(r, size), size, source.steady)
    elif code == LONG4:
        made = long_integer(r, <int32_t> brinery_little(argument, 4))
    elif code == BYTEARRAY8:
        made = own(payload_bytearray(r, brinery_little(argument, 8)))
    elif code == SHORT_BINSTRING:
        made = old_string(r, argument[0])
    elif code == BINSTRING:
        if <int32_t> brinery_little(argument, 4) < 0:
            raise refusals.negative_size("BINSTRING")
        made = old_string(r, brinery_little(argument, 4))

    elif code == LIST:
        items = mark_pop(r)
        made = PyList_New(0)
        brinery_list_take(made, items, s.top - items)
        s.top = items
    elif r.walking and (code == DICT or code == ADDITEMS or code == FROZENSET):
        walk_items(r, code)
    elif code == DICT:
        made = make_dict(r, mark_pop(r))
    elif code == EMPTY_SET:
        made = PySet_New(NULL)
    elif code == ADDITEMS:
        add_items(r, mark_pop(r))
    elif code == FROZENSET:
        made = make_frozenset(r, mark_pop(r))

    elif code == GET:
        if not plain_index(r, &size):
            size = get_index(r, argument_line(r))
        made = memo_get(r, size)
        Py_INCREF(made)
    elif code == PUT:
        if plain_index(r, &size):
            if s.top == s.fence:
                stack_underflow(s)
        else:
            text = argument_line(r)
            if s.top == s.fence:
                stack_underflow(s)
            size = put_index(r, text)
        memo_put(r, size, s.top[-1])
    elif code == POP:
        if s.mark_count and s.top == s.fence:
            mark_pop(r)
        elif s.top == s.fence:
            stack_underflow(s)
        else:
            stack_let_go(r, s.top - 1)
    elif code == POP_MARK:
        stack_let_go(r, mark_pop(r))
    elif code == DUP:
        if s.top == s.fence:
            stack_underflow(s)
        made = s.top[-1]
        Py_INCREF(made)

    else:
        if code == INT or code == LONG or code == FLOAT or code == STRING or code == UNICODE:
            made = plain_leaf(r, code)
        if made == NULL:
            secure(r)
            stand(r)
            made = outside(r, code, argument)
            resume(r)
            look_again(r)

    if made != NULL:
        s.top[0] = made
        s.top += 1
    return 0


cdef inline bint ends_by_code(PyObject *cls) noexcept:
    """Whether `cls` is a class whose instances are seen when they go, even those of a load that fails."""
    return PyType_Check(cls) and (
        (<PyTypeObject *> cls).tp_finalize != NULL or (<PyTypeObject *> cls).tp_del != NULL
    )


cdef PyObject *outside(Reading r, int code, const unsigned char *argument) except? NULL:
    """One opcode of those that run user code, or Python code of ours: what it pushes, or NULL for nothing."""
    if code == REDUCE:
        return reduce_call(r)
    if code == NEWOBJ or code == NEWOBJ_EX:
        return new_object(r, code == NEWOBJ_EX)
    if code == BUILD:
        build(r)
        return NULL
    if code == STACK_GLOBAL:
        return stack_global(r)
    if code == GLOBAL:
        return global_of_lines(r, "utf-8")
    if code == EXT1 or code == EXT2:
        return extension(r, brinery_little(argument, FIXED[code]))
    if code == EXT4:
        return extension(r, <int32_t> brinery_little(argument, 4))
    if code == INST:
        return inst(r)
    if code == OBJ:
        return obj(r)
    if code == PERSID:
        return persistent(r, persistent_line(r))
    if code == NEXT_BUFFER:
        return next_buffer(r)
    if code == READONLY_BUFFER:
        readonly_buffer(r)
        return NULL
    if code == INT or code == LONG or code == FLOAT or code == STRING or code == UNICODE:
        return text_leaf(r, code)
    raise refusals.load_key(code)


cdef unsigned long long get_index(Reading r, bytes text) except? 0xFFFFFFFFFFFFFFFF:
    """GET's argument."""
    index = parse_index(r, text)
    if index < 0:
        raise ReadError(f"Memo value not found at index {index}")
    return index


cdef unsigned long long put_index(Reading r, bytes text) except? 0xFFFFFFFFFFFFFFFF:
    """PUT's argument."""
    index = parse_index(r, text)
    if index < 0:
        raise ValueError("negative PUT argument")
    return index


cdef object parse_index(Reading r, bytes text):
    secure(r)
    index = _text.parse_index(text)
    resume(r)
    return index
