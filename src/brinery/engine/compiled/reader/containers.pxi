# Lists, dicts and sets. A container is filled in one step at APPENDS, SETITEMS or ADDITEMS, when the
# number of its items is known.

from brinery.engine import hashing as _hashing

cdef Py_ssize_t FEW_KEYS = 4  # keys and values; below, a look for a model costs more than it saves


cdef int check_key(Reading r, PyObject *key) except -1:
    """Refuse a tuple that is too deep to be hashed: the interpreter's own hash recurses."""
    cdef Py_ssize_t i
    if PyTuple_Check(key):
        for i in range(PyTuple_GET_SIZE(key)):
            if PyTuple_Check(PyTuple_GET_ITEM(key, i)):
                secure(r)
                _hashing.check_key(<object> key)
                resume(r)
                break
    return 0


cdef int append_items(Reading r, PyObject **items) except -1:
    """Add everything from `items` up to the list-like object below it."""
    cdef Stack *s = &r.stack
    cdef PyObject *target
    cdef Py_ssize_t count = s.top - items, position
    if items <= s.fence:
        stack_underflow(s)
    target = items[-1]
    if count == 0 and not (EMPTY_BATCHES_ARE_GIVEN and not PyList_CheckExact(target)):
        return 0
    if PyList_CheckExact(target):
        brinery_list_take(target, items, count)
        s.top = items
        return 0
    if r.walking and target == <PyObject *> r.hole:
        return stack_drop(s, items)
    if BRINERY_FUSE_BUILD and PyList_Check(target) and brinery_is_fresh(target):
        if any_plan_of(r, <PyObject *> Py_TYPE(target)).extends:
            brinery_list_take(target, items, count)
            s.top = items
            return 0
    position = items - s.base
    secure(r)
    extend_other(s, <object> target, position)
    resume(r)
    return 0


cdef object MISSING = object()


cdef int extend_other(Stack *s, object target, Py_ssize_t position) except -1:
    """APPENDS to anything but a list: everything from `position` up goes to its extend() or append()."""
    cdef Py_ssize_t i, count = s.top - s.base - position
    cdef bint has_method = has_extend(<PyObject *> target)
    cdef PyObject *arguments[2]
    cdef PyObject *result
    extend = None if has_method else getattr(target, "extend", MISSING)
    if extend is MISSING:
        append = target.append
        for i in range(count):
            append(<object> s.base[position + i])
        return stack_drop(s, s.base + position)
    values = <object> PyList_New(0)
    Py_DECREF(<PyObject *> values)
    brinery_list_take(<PyObject *> values, s.base + position, count)
    s.top = s.base + position
    if has_method:
        arguments[0] = <PyObject *> target
        arguments[1] = <PyObject *> values
        result = PyObject_VectorcallMethod(EXTEND, arguments, 2, NULL)
        Py_DECREF(result)
    else:
        extend(values)
    return 0


cdef bint has_extend(PyObject *target) noexcept:
    """Whether there is an extend() for sure, which takes neither code to find nor a bound method to call."""
    cdef PyObject *found
    if not brinery_is_looked_up_plainly(<PyObject *> Py_TYPE(target)):
        return False
    found = brinery_type_lookup(Py_TYPE(target), EXTEND)
    return found != NULL and Py_TYPE(found) == &PyMethodDescr_Type


cdef int set_items(Reading r, PyObject **items) except -1:
    """Set the keys and values from `items` up in the dict-like object below them."""
    cdef Stack *s = &r.stack
    cdef PyObject *target
    cdef Py_ssize_t count = s.top - items, position, i, size
    cdef bint plainly
    if items <= s.fence:
        stack_underflow(s)
    if count == 0:
        return 0
    if count & 1:
        raise ReadError("odd number of items for SETITEMS")
    target = items[-1]
    if brinery_is_dict_like(target):
        size = PyDict_GET_SIZE(target)
        if BRINERY_COPY_KEYS and size == 0 and count >= FEW_KEYS and PyDict_CheckExact(target):
            if fill_like_earlier(r, target, items, count):
                s.top = items
                return 0
        plainly = size == 0 and only_text(items, count)
        fill_dict(r, target, items, count, plainly)
        # What the dict holds as well is not let go of by this.
        if plainly and PyDict_GET_SIZE(target) == count >> 1:
            return stack_drop(s, items)
        return stack_let_go(r, items)
    if r.walking and target == <PyObject *> r.hole:
        return stack_drop(s, items)
    position = items - s.base
    secure(r)
    for i in range(position, position + count, 2):
        check_key(r, s.base[i])
        PyObject_SetItem(target, s.base[i], s.base[i + 1])
    stack_drop(s, s.base + position)
    resume(r)
    return 0


cdef int fill_dict(Reading r, PyObject *target, PyObject **items, Py_ssize_t count, bint plainly) except -1:
    """Set `count` alternating keys and values, which stay the caller's: what is replaced does not go here.

    `plainly`: the dict is empty, and all keys are text. That is compared without user code, as long as there is
    nothing else to compare it with.
    """
    cdef Py_ssize_t i
    cdef bint foreign = r.foreign
    cdef bint exact = PyDict_CheckExact(target)
    if plainly:
        for i in range(0, count, 2):
            # Of the two this is the faster one, by a tenth of a load of small dicts.
            if PyDict_SetDefault(target, items[i], items[i + 1]) != items[i + 1]:
                PyDict_SetItem(target, items[i], items[i + 1])
        return 0
    if foreign:
        secure(r)
    for i in range(0, count, 2):
        if PyTuple_Check(items[i]):
            check_key(r, items[i])
        if exact:
            PyDict_SetItem(target, items[i], items[i + 1])
        else:  # user code may give it another way to set items meanwhile
            PyObject_SetItem(target, items[i], items[i + 1])
    if foreign:
        resume(r)
    return 0


cdef inline bint only_text(PyObject **items, Py_ssize_t count) noexcept:
    """Whether all keys are str."""
    cdef Py_ssize_t i
    for i in range(0, count, 2):
        if not PyUnicode_CheckExact(items[i]):
            return False
    return True


cdef bint fill_like_earlier(Reading r, PyObject *target, PyObject **items, Py_ssize_t count) except -1:
    """Fill a dict that has the very keys of an earlier one; if it has not, let it be a model for later ones."""
    cdef size_t at = (<size_t> items[0] >> 5 ^ <size_t> items[count - 2] >> 5 ^ <size_t> count) % 64
    cdef PyObject *old = r.models[at]
    if old != NULL and brinery_dict_take_as(target, old, items, count >> 1, r.foreign):
        return True
    if r.foreign:
        make_model(r, at, items, count)
        return False
    Py_INCREF(target)
    r.models[at] = target
    r.modelled |= <uint64_t> 1 << at
    if old != NULL:
        Py_DECREF(old)
    return False


cdef int make_model(Reading r, size_t at, PyObject **items, Py_ssize_t count) except -1:
    """The same once user code has run: then a dict may hold what somebody waits for the end of, and must not be kept.

    So the model is a dict of our own, without the values. It is made when the same keys are met again: to make one of each
    dict would cost more than it saves where no two are alike.
    """
    cdef size_t keys = <size_t> items[0] ^ <size_t> items[count - 2] << 1 ^ <size_t> count
    cdef PyObject *made
    cdef Py_ssize_t i
    if r.met[at] != keys or not only_text(items, count):
        r.met[at] = keys
        return 0
    made = PyDict_New()
    try:
        for i in range(0, count, 2):
            PyDict_SetItem(made, items[i], Py_None)
    except:
        Py_DECREF(made)
        raise
    PyObject_GC_UnTrack(made)
    Py_XDECREF(r.models[at])
    r.models[at] = made
    r.modelled |= <uint64_t> 1 << at
    return 0


cdef int models_clear(Reading r) noexcept:
    cdef uint64_t modelled = r.modelled
    cdef PyObject *old
    cdef int at = 0
    r.modelled = 0
    while modelled:
        if modelled & 1:
            old = r.models[at]
            r.models[at] = NULL
            Py_DECREF(old)
        modelled >>= 1
        at += 1
    return 0


cdef int walk_items(Reading r, int code) except -1:
    """noload: SETITEM, SETITEMS, DICT, ADDITEMS and FROZENSET where a key may be there only as a hole.

    What cannot be hashed is dropped with what comes after it: nobody will look for it.
    """
    cdef Stack *s = &r.stack
    cdef PyObject **items
    cdef PyObject *made = NULL
    cdef Py_ssize_t position
    cdef int outside = r.outside
    if code == SETITEM:
        if s.top - s.fence < 3:
            stack_underflow(s)
        items = s.top - 2
    else:
        items = mark_pop(r)
    position = items - s.base
    try:
        if code == DICT:
            made = make_dict(r, items)
        elif code == FROZENSET:
            made = make_frozenset(r, items)
        elif code == ADDITEMS:
            add_items(r, items)
        else:
            set_items(r, items)
    except TypeError:
        if r.outside > outside:  # what was open within is over
            r.outside = outside + 1
            resume(r)
        stack_drop(s, s.base + position)
        if code == DICT or code == FROZENSET:
            made = own(r.hole)
    if made != NULL:
        stack_push(s, made)
    return 0


cdef int stack_let_go(Reading r, PyObject **items) except -1:
    """stack_drop() where that may be the end of objects of the user's."""
    if not r.foreign:
        return stack_drop(&r.stack, items)
    secure(r)
    stack_drop(&r.stack, items)
    resume(r)
    return 0


cdef PyObject *make_dict(Reading r, PyObject **items) except NULL:
    """DICT: a new dict of everything from `items` up."""
    cdef Py_ssize_t count = r.stack.top - items
    cdef PyObject *made
    if count & 1:
        raise ReadError("odd number of items for DICT")
    made = PyDict_New()
    try:
        fill_dict(r, made, items, count, only_text(items, count))
    except:
        Py_DECREF(made)
        raise
    stack_let_go(r, items)
    return made


cdef int add_items(Reading r, PyObject **items) except -1:
    """ADDITEMS: add everything from `items` up to the set below it."""
    cdef Stack *s = &r.stack
    cdef PyObject *target
    cdef Py_ssize_t count = s.top - items, i
    cdef bint foreign
    if items <= s.fence:
        stack_underflow(s)
    target = items[-1]
    if count == 0 and not EMPTY_BATCHES_ARE_GIVEN:
        return 0
    if r.walking and target == <PyObject *> r.hole:
        return stack_drop(s, items)
    foreign = r.foreign or not PySet_Check(target)
    if foreign:
        secure(r)
    if PySet_Check(target):
        for i in range(count):
            check_key(r, items[i])
            PySet_Add(target, items[i])
        stack_drop(s, items)
    else:
        add_to_other(r, <object> target, items - s.base)
    if foreign:
        resume(r)
    return 0


cdef int add_to_other(Reading r, object target, Py_ssize_t position) except -1:
    """ADDITEMS to anything but a set: everything from `position` up goes to its add()."""
    cdef Stack *s = &r.stack
    cdef Py_ssize_t i, count = s.top - s.base
    add = target.add
    for i in range(position, count):
        check_key(r, s.base[i])
        add(<object> s.base[i])
    return stack_drop(s, s.base + position)


cdef PyObject *make_frozenset(Reading r, PyObject **items) except NULL:
    """FROZENSET: a new frozenset of everything from `items` up."""
    cdef PyObject *made
    cdef PyObject *values
    cdef Py_ssize_t i, count = r.stack.top - items
    cdef bint foreign = r.foreign
    if foreign:
        secure(r)
    for i in range(count):
        check_key(r, items[i])
    values = brinery_tuple_take(items, count)
    r.stack.top = items
    try:
        made = PyFrozenSet_New(values)
    finally:
        Py_DECREF(values)
    if foreign:
        resume(r)
    return made


cdef PyObject *set_of_leaves(bint frozen, object args) except? NULL:
    """The set that protocols 0 to 3 write as a call, where hashing its members runs no user code.

    NULL without an exception where it might, or where the arguments are others than a pickler writes.
    """
    cdef PyObject *listed
    cdef Py_ssize_t i
    if type(args) is not tuple or len(<tuple> args) != 1 or type((<tuple> args)[0]) is not list:
        return NULL
    listed = PyTuple_GET_ITEM(<PyObject *> args, 0)
    for i in range(PyList_GET_SIZE(listed)):
        if not is_leaf(PyList_GET_ITEM(listed, i)):
            return NULL
    return PyFrozenSet_New(listed) if frozen else PySet_New(listed)


cdef inline bint is_leaf(PyObject *obj) noexcept:
    """Whether an object is exactly of a type that hashes and compares itself, and holds no other."""
    cdef PyTypeObject *kind = Py_TYPE(obj)
    return (
        kind == &PyUnicode_Type or kind == &PyLong_Type or kind == &PyBytes_Type or kind == &PyFloat_Type
        or obj == Py_None or kind == &PyBool_Type
    )
