# Ordinary instances: NEWOBJ ... SETITEMS ... BUILD as one step.
#
# A pickler writes the state of an instance as a dict, which BUILD takes apart again at once. Where the
# class is an ordinary one, that dict is never made: NEWOBJ sees the state begin and leaves a pending mark,
# and SETITEMS with BUILD behind it sets the attributes from the stack. What makes this fast is that
# instances of one class repeat their names, as the same objects: a shape remembers them, checked and
# interned.
#
# A later GET may still ask for the dict, so where the stream memoized it, the values are kept in the memo beside
# the instance: anyone may change that.
#
# None of this runs user code, or is done where user code has changed what it rests on. Instances are
# ordinary ones only of classes that have names for attributes and nothing else in their dicts, so looking these up
# compares text. While an instance's state is read user code may run: then the instance is looked at again.

from types import SimpleNamespace


class HasDict:
    pass


class HasGetattr:
    def __getattr__(self, name):
        raise AttributeError(name)


cdef PyObject *FALLS_BACK = <PyObject *> HasGetattr

cdef enum:
    PLANS = 128  # classes, by their address; two of one place only take turns
    SHAPES = 4   # of one class; instances with still other names go the long way

cdef PyObject *SETSTATE = <PyObject *> "__setstate__"
cdef PyObject *DICT_NAME = <PyObject *> "__dict__"
cdef PyObject *INIT = <PyObject *> "__init__"
# What classes have for the dict of their instances. A SimpleNamespace shows it as a member, which comes to the same.
cdef PyObject *NAMESPACE_DICT = brinery_type_lookup(<PyTypeObject *> <PyObject *> SimpleNamespace, DICT_NAME)
cdef PyObject *COMMON_DICT = brinery_type_lookup(<PyTypeObject *> <PyObject *> HasDict, DICT_NAME)
# An exception's own __setstate__ sets each item of a dict as an attribute, whatever the class makes of that.
cdef PyObject *EXCEPTION_SETSTATE = brinery_type_lookup(<PyTypeObject *> <PyObject *> BaseException, SETSTATE)
cdef PyObject *EXTEND = <PyObject *> "extend"
cdef PyObject *LIST_EXTEND = brinery_type_lookup(&PyList_Type, EXTEND)


cdef Plan *any_plan_of(Reading r, PyObject *cls) except NULL:
    """What is known of `cls`, looked up once and whenever the class has changed."""
    cdef Plan *plan
    if r.plans == NULL:
        r.plans = <Plan *> PyMem_Calloc(PLANS, sizeof(Plan))
        if r.plans == NULL:
            raise MemoryError
    plan = &r.plans[(<size_t> cls >> 4 ^ <size_t> cls >> 11) % PLANS]
    if plan.cls != cls or plan.version == 0 or plan.version != brinery_type_version(<PyTypeObject *> cls):
        r.planned = True
        plan_make(r, plan, cls)
    return plan


cdef inline Plan *plan_of(Reading r, PyObject *cls) except? NULL:
    """How to make instances of `cls` and give them state; NULL where that takes the long way."""
    cdef Plan *plan = any_plan_of(r, cls)
    return plan if plan.plain else NULL


cdef int plan_make(Reading r, Plan *plan, PyObject *cls) except -1:
    cdef PyObject *descriptor
    plan_clear(plan)
    # Not owned, so that no class lives longer by it, and none goes here, which may be user code: another class at its
    # place never has its version.
    plan.cls = cls
    if is_shaped(r, cls):
        # Its version is looked at for a class that may become one.
        plan.version = brinery_type_version(<PyTypeObject *> cls)
        return 0
    if not brinery_is_looked_up_plainly(cls):
        return plan_other(plan, cls)
    descriptor = brinery_type_lookup(<PyTypeObject *> cls, SETSTATE)  # gives the type a version, if it can
    plan.version = brinery_type_version(<PyTypeObject *> cls)
    if plan.version == 0:
        return 0
    plan.ordinary = brinery_is_made_plainly(cls)
    plan.extends = brinery_type_lookup(<PyTypeObject *> cls, EXTEND) == LIST_EXTEND
    if descriptor != NULL:
        plan.has_setstate = Py_TYPE(descriptor) == &PyFunction_Type or Py_TYPE(descriptor) == &PyMethodDescr_Type
        plan.sets_each = descriptor == EXCEPTION_SETSTATE and brinery_is_of(descriptor, cls)
    else:
        descriptor = brinery_type_lookup(<PyTypeObject *> cls, DICT_NAME)
        plan.has_dict = shows_dict(cls, descriptor)
        plan.plain = descriptor == NULL or plan.has_dict
    if plan.ordinary and Py_TYPE(cls) == &PyType_Type:
        plan.init = brinery_python_method(cls, INIT)
    return 0


cdef int plan_other(Plan *plan, PyObject *cls) except -1:
    """A class that is asked for attributes. __getattr__ is only for those that are not there, as __dict__ is."""
    cdef PyObject *descriptor
    if brinery_falls_back(cls, FALLS_BACK):
        descriptor = brinery_type_lookup(<PyTypeObject *> cls, DICT_NAME)
        plan.has_dict = shows_dict(cls, descriptor)
        plan.ordinary = brinery_is_made_plainly(cls)
    plan.version = brinery_type_version(<PyTypeObject *> cls)
    if plan.version == 0:
        plan.has_dict = plan.ordinary = False
    return 0


cdef bint shows_dict(PyObject *cls, PyObject *descriptor) noexcept:
    """Whether an instance's __dict__, for which its class has `descriptor`, is the dict that object's methods use.

    Anything may be assigned to that name: another class's descriptor, which refuses these instances, or another attribute's.
    """
    if descriptor == NULL or not brinery_is_of(descriptor, cls):
        return False
    return descriptor == NAMESPACE_DICT or brinery_gets_dict(descriptor, COMMON_DICT)


cdef inline PyObject *plan_new(Plan *plan) except NULL:
    """A new instance, as object.__new__(cls) makes it."""
    cdef PyTypeObject *cls = <PyTypeObject *> plan.cls
    return cls.tp_new(cls, <PyObject *> NO_ARGUMENTS, NULL)


cdef int plan_clear(Plan *plan) noexcept:
    """Forget what is known."""
    cdef Plan old = plan[0]
    cdef Shape *shape
    cdef Py_ssize_t i, k
    memset(plan, 0, sizeof(Plan))
    for i in range(old.shape_count):
        shape = &old.shapes[i]
        for k in range(shape.count):
            Py_DECREF(shape.names[k])
        Py_DECREF(shape.keys)
        PyMem_Free(shape.names)
    return 0


cdef int plans_clear(Reading r) noexcept:
    cdef Py_ssize_t i
    if r.planned:
        r.planned = False
        for i in range(PLANS):
            if r.plans[i].cls != NULL:
                plan_clear(&r.plans[i])
    return 0


cdef Shape *shape_of(Plan *plan, PyObject **items, Py_ssize_t count, bint slots) except? NULL:
    """The shape that has these names; NULL where there is none and none can be made."""
    cdef Shape *shape
    cdef Py_ssize_t i, k
    for i in range(plan.shape_count):
        shape = &plan.shapes[i]
        if shape.count != count or shape.slots != slots:
            continue
        for k in range(count):
            if PyTuple_GET_ITEM(shape.keys, k) != items[2 * k]:
                break
        else:
            return shape
    if plan.shape_count == SHAPES or not shape_fits(plan, items, count, slots):
        return NULL
    return shape_make(plan, items, count, slots)


cdef bint shape_fits(Plan *plan, PyObject **items, Py_ssize_t count, bint slots) except -1:
    """Whether attributes of these names can be set on an instance without running anyone's code."""
    cdef PyObject *descriptor
    cdef Py_ssize_t k
    names = set()
    if not (brinery_is_set_plainly(<PyTypeObject *> plan.cls) if slots else plan.has_dict):
        return False
    for k in range(count):
        if not PyUnicode_CheckExact(items[2 * k]) or <object> items[2 * k] == "__setstate__":
            return False
        names.add(<object> items[2 * k])
        descriptor = brinery_type_lookup(<PyTypeObject *> plan.cls, items[2 * k])
        if descriptor == NULL:
            if not plan.has_dict:
                return False
        elif brinery_has_setter(descriptor):
            # A state that is a dict goes into __dict__, past any descriptor; one for slots through it.
            if not slots or brinery_slot_offset(<PyTypeObject *> plan.cls, descriptor) < 0:
                return False
        elif not plan.has_dict:
            return False
    return len(names) == count


cdef Shape *shape_make(Plan *plan, PyObject **items, Py_ssize_t count, bint slots) except NULL:
    cdef Shape *shape = &plan.shapes[plan.shape_count]
    cdef PyObject *descriptor
    cdef Py_ssize_t k
    cdef PyObject *name
    cdef PyObject *keys = PyTuple_New(count)
    shape.names = <PyObject **> PyMem_Malloc(<size_t> count * (sizeof(PyObject *) + sizeof(Py_ssize_t)))
    if shape.names == NULL:
        Py_DECREF(keys)
        raise MemoryError
    shape.places = <Py_ssize_t *> (shape.names + count)
    shape.keys = keys
    shape.count = count
    shape.slots = slots
    for k in range(count):
        name = items[2 * k]
        Py_INCREF(name)
        PyTuple_SET_ITEM(keys, k, name)
        Py_INCREF(name)
        PyUnicode_InternInPlace(&name)
        shape.names[k] = name
        descriptor = brinery_type_lookup(<PyTypeObject *> plan.cls, name)
        shape.places[k] = -1
        if slots and descriptor != NULL:
            shape.places[k] = brinery_slot_offset(<PyTypeObject *> plan.cls, descriptor)
    plan.shape_count += 1
    return shape


cdef const unsigned char *new_instance(
    Reading r, Plan *plan, const unsigned char *p, const unsigned char *end
) except NULL:
    """EMPTY_TUPLE and NEWOBJ for the class on top of the stack; with its state, if that begins at `p`.

    Returns where to read on.
    """
    cdef Stack *s = &r.stack
    cdef Memo *m = &r.memo
    cdef PyObject *made = plan_new(plan)
    cdef PyObject *cls = s.top[-1]
    cdef Mark *mark
    cdef bint slots
    cdef Py_ssize_t length
    cdef size_t calls = r.calls  # what the memo lets go of may run code that finds the instance
    s.top[-1] = made
    Py_DECREF(cls)
    if not plan.plain:
        return p
    length = memo_op(m, p, end, m.count)
    if length < 0:
        return p
    if length:
        memo_put(r, m.count, made)
        p += length
    if end - p < 3:
        return p
    slots = p[0] == NONE
    if p[slots] != EMPTY_DICT:
        return p
    length = memo_op(m, p + slots + 1, end, m.count)
    if length < 0 or p[slots + 1 + length] != MARK:
        return p
    if s.limit - s.top < 3:
        stack_grow(s)
    if s.mark_count == s.mark_room:
        marks_grow(s)  # now, as what has no mark must not lie there unmade
    if slots:
        Py_INCREF(Py_None)
        s.top[0] = Py_None
        s.top += 1
    s.top[0] = NULL
    s.top += 1
    mark_push(s)
    mark = &s.marks[s.mark_count - 1]
    mark.memo_index = -1
    if length:
        if m.count != m.used or m.used == m.room:
            make_pending(r, s.mark_count - 1)
            memo_put(r, m.count, s.top[-1])
            return p + slots + 2 + length
        m.array[m.count] = memo_numbered(s.mark_count - 1, PENDING)
        mark.memo_index = m.count
        m.count += 1
        m.used += 1
    mark.pending = True
    mark.slots = slots
    mark.calls = calls
    return p + slots + 2 + length


cdef inline PyObject *interned_name(Reading r, PyObject *found) noexcept:
    """A str as the interpreter has it for names; instances of a class repeat theirs, as the same objects."""
    cdef size_t at = (<size_t> found >> 4 ^ <size_t> found >> 10) % 64
    cdef Name *name = &r.names[at]
    cdef PyObject *interned
    if name.found != found:
        interned = found
        Py_INCREF(interned)
        PyUnicode_InternInPlace(&interned)
        Py_XDECREF(name.found)  # they are exact str: no code runs
        Py_XDECREF(name.interned)
        Py_INCREF(found)
        name.found = found
        name.interned = interned
        r.named |= <uint64_t> 1 << at
    Py_INCREF(name.interned)
    return name.interned


cdef int names_clear(Reading r) noexcept:
    cdef uint64_t named = r.named
    cdef Name *name = r.names
    r.named = 0
    while named:
        if named & 1:
            Py_DECREF(name.found)
            Py_DECREF(name.interned)
            name.found = name.interned = NULL
        named >>= 1
        name += 1
    return 0


cdef bint build_slots(Reading r, PyObject *instance, PyObject *attributes, PyObject *state) except -1:
    """BUILD with None or a dict, and a dict for slots, both made, for an instance whose empty slots take what is in it.

    Of None and one dict, a frame may end within what build_pending() takes in one step.
    """
    cdef PyObject *key
    cdef PyObject *value
    cdef PyObject *descriptor
    cdef PyObject **slot
    cdef Py_ssize_t at = 0, offset
    cdef PyTypeObject *cls = <PyTypeObject *> Py_TYPE(instance)
    cdef Plan *plan = plan_of(r, <PyObject *> cls)
    if plan == NULL or not brinery_is_set_plainly(cls) or not brinery_is_fresh(instance):
        return False
    while PyDict_Next(state, &at, &key, &value):
        if not PyUnicode_CheckExact(key) or <object> key == "__setstate__":
            return False
        descriptor = brinery_type_lookup(cls, key)
        offset = brinery_slot_offset(cls, descriptor) if descriptor != NULL else -1
        if offset < 0 or brinery_slot_at(instance, offset)[0] != NULL:
            return False
    if attributes != Py_None and not build_plain(r, instance, attributes):
        return False
    at = 0
    while PyDict_Next(state, &at, &key, &value):
        slot = brinery_slot_at(instance, brinery_slot_offset(cls, brinery_type_lookup(cls, key)))
        Py_INCREF(value)
        Py_XDECREF(slot[0])  # a slot may have two names; the state holds what the other one gave
        slot[0] = value
    return True


cdef bint build_plain(Reading r, PyObject *instance, PyObject *state) except -1:
    """BUILD with a dict that was made, for an instance that takes it without running user code."""
    cdef PyObject *key
    cdef PyObject *value
    cdef PyObject *descriptor
    cdef Py_ssize_t at = 0
    cdef Plan *plan = plan_of(r, <PyObject *> Py_TYPE(instance))
    if plan == NULL or not plan.has_dict or not brinery_is_fresh(instance):
        return False
    if brinery_keeps_a_dict(instance):
        return fill_attributes(r, instance, state)
    while PyDict_Next(state, &at, &key, &value):
        if not PyUnicode_CheckExact(key) or <object> key == "__setstate__":
            return False
        descriptor = brinery_type_lookup(<PyTypeObject *> plan.cls, key)
        if descriptor != NULL and brinery_has_setter(descriptor):
            return False
    at = 0
    while PyDict_Next(state, &at, &key, &value):
        key = interned_name(r, key)
        try:
            PyObject_GenericSetAttr(instance, key, value)
        finally:
            Py_DECREF(key)
    return True


cdef bint fill_attributes(Reading r, PyObject *instance, PyObject *state) except -1:
    """The same for one whose attributes are in a dict of its own: they go there, past any descriptor."""
    cdef PyObject *key
    cdef PyObject *value
    cdef Py_ssize_t at = 0
    while PyDict_Next(state, &at, &key, &value):
        if not PyUnicode_CheckExact(key):
            return False
    attributes = <object> PyObject_GenericGetDict(instance, NULL)
    Py_DECREF(<PyObject *> attributes)
    at = 0
    while PyDict_Next(state, &at, &key, &value):
        key = interned_name(r, key)
        try:
            PyDict_SetItem(<PyObject *> attributes, key, value)
        finally:
            Py_DECREF(key)
    return True


cdef int update_plain(Reading r, Plan *plan, PyObject *instance, PyObject *state) except -1:
    """BUILD with a dict for an instance with a __dict__ as others have it, in which something may be already.

    C pickle asks for that dict once and then sets each item in it, whatever is done to the instance meanwhile. As long as no
    user code can run, attributes may as well be set where they are without it.
    """
    cdef Py_ssize_t at = 0
    cdef bint enabled
    if brinery_has_no_dict_yet(instance) and keeps_leaves(instance):
        enabled = PyGC_Disable()  # up to Python 3.11, a dict that is made here could set it off
        try:
            at = set_leaves(r, plan, instance, state)
        finally:
            if enabled:
                PyGC_Enable()
        if at < 0:
            return 0
    attributes = <object> PyObject_GenericGetDict(instance, NULL)
    Py_DECREF(<PyObject *> attributes)
    return set_state_from(r, attributes, <object> state, at)


cdef bint keeps_leaves(PyObject *instance) noexcept:
    """Whether nothing but leaves goes when the values beside an instance are replaced: then no code runs."""
    cdef Py_ssize_t at = 0
    cdef PyObject *value = brinery_next_value(instance, &at)
    while value != NULL:
        if not is_leaf(value):
            return False
        value = brinery_next_value(instance, &at)
    return True


cdef Py_ssize_t set_leaves(Reading r, Plan *plan, PyObject *instance, PyObject *state) except -2:
    """Set attributes up to the first that only a dict can hold: where it is in `state`; -1: there was none."""
    cdef PyObject *key
    cdef PyObject *value
    cdef PyObject *descriptor
    cdef Py_ssize_t at = 0, before = 0
    while PyDict_Next(state, &at, &key, &value):
        if not PyUnicode_CheckExact(key):
            return before
        descriptor = brinery_type_lookup(<PyTypeObject *> plan.cls, key)
        if descriptor != NULL and brinery_has_setter(descriptor):
            return before
        key = interned_name(r, key)
        try:
            PyObject_GenericSetAttr(instance, key, value)
        finally:
            Py_DECREF(key)
        before = at
    return -1


cdef int make_pending(Reading r, Py_ssize_t number) except -1:
    """Make the state's dict after all, empty as it still is."""
    cdef Mark *mark = &r.stack.marks[number]
    cdef PyObject *made = PyDict_New()
    if r.stack.base[mark.position - 1] != NULL:  # the collector ran code that looked at the memo
        Py_DECREF(made)
        return 0
    mark.pending = False
    r.stack.base[mark.position - 1] = made
    if mark.memo_index >= 0 and mark_in_memo(r, number):
        Py_INCREF(made)
        r.memo.array[mark.memo_index] = made
    return 0


cdef void forget_pending(Reading r, Py_ssize_t number) noexcept:
    """Nobody will have the state's dict, for which there is no memory: the memo has nothing in its place."""
    cdef Mark *mark = &r.stack.marks[number]
    if mark.memo_index >= 0 and mark_in_memo(r, number):
        r.memo.array[mark.memo_index] = NULL
        r.memo.count -= 1
    mark.pending = False


cdef inline bint mark_in_memo(Reading r, Py_ssize_t number) noexcept:
    # The memo may have been cleared or replaced meanwhile.
    cdef Py_ssize_t index = r.stack.marks[number].memo_index
    return 0 <= index < r.memo.used and r.memo.array[index] == memo_numbered(number, PENDING)


cdef int make_entry(Reading r, size_t index) except -1:
    """Make what a memo entry stands for: arguments, a pending state, or one that an instance was given unmade."""
    cdef PyObject **entry = &r.memo.array[index]
    cdef int kind = memo_kind(entry[0])
    if kind == PENDING:
        return make_pending(r, memo_number(entry[0]))
    if kind == ARGUMENTS:
        entry[0] = kept_arguments(&r.memo, memo_number(entry[0]))
    elif kind == STATE:
        entry[0] = kept_state(&r.memo, memo_number(entry[0]))
    elif kind == SLOTS_STATE:
        state = <object> kept_state(&r.memo, memo_number(entry[0]))
        Py_DECREF(<PyObject *> state)
        entry[0] = own((None, state))
    else:
        make_date_entry(r, index)
    return 0


# What Memo.kept has of a state: its names, the dict once it was made, and the values.
cdef enum:
    KEPT_NAMES = 0
    KEPT_DICT = 1
    KEPT_VALUES = 2


cdef PyObject *kept_state(Memo *m, size_t number) except NULL:
    """The dict of a state that was kept at `number`: always the same one."""
    cdef PyObject **kept = m.kept + number
    cdef PyObject *names = kept[KEPT_NAMES]
    cdef Py_ssize_t i
    if kept[KEPT_DICT] == NULL:
        state = {}
        for i in range(PyTuple_GET_SIZE(names)):
            PyDict_SetItem(<PyObject *> state, PyTuple_GET_ITEM(names, i), kept[KEPT_VALUES + i])
        kept[KEPT_DICT] = own(state)
    Py_INCREF(kept[KEPT_DICT])
    return kept[KEPT_DICT]


cdef const unsigned char *build_pending(
    Reading r, const unsigned char *p, const unsigned char *end
) except? NULL:
    """SETITEMS for a pending state with BUILD behind it: where to read on. NULL: nothing was done."""
    cdef Stack *s = &r.stack
    cdef Memo *m = &r.memo
    cdef Py_ssize_t number = s.mark_count - 1, count = s.top - s.fence, i
    cdef Mark *mark = &s.marks[number]
    cdef PyObject **items = s.fence
    cdef PyObject *instance = items[-2 - mark.slots]
    cdef PyObject **kept = NULL
    cdef bint memoized, remembered
    cdef Py_ssize_t length = 0
    cdef Plan *plan
    cdef Shape *shape
    if count & 1 or p == end:
        return NULL
    if mark.slots:
        length = memo_op(m, p + 1, end, m.count)
        if p[0] != TUPLE2 or length < 0 or p[1 + length] != BUILD:
            return NULL
    elif p[0] != BUILD:
        return NULL
    memoized = length > 0
    plan = plan_of(r, <PyObject *> Py_TYPE(instance))
    if plan == NULL:
        return NULL
    count >>= 1
    shape = shape_of(plan, items, count, mark.slots)
    if shape == NULL or (mark.calls != r.calls and not is_untouched(instance, shape)):
        return NULL
    if memoized and (m.count != m.used or m.used == m.room):
        return NULL
    remembered = mark_in_memo(r, number)
    if remembered or memoized:
        kept = keep(m, KEPT_VALUES + count)
        Py_INCREF(shape.keys)
        kept[KEPT_NAMES] = shape.keys
        kept[KEPT_DICT] = NULL
        for i in range(count):
            Py_INCREF(items[2 * i + 1])
            kept[KEPT_VALUES + i] = items[2 * i + 1]
        if remembered:
            m.array[mark.memo_index] = memo_numbered(kept - m.kept, STATE)
        if memoized:
            m.array[m.count] = memo_numbered(kept - m.kept, SLOTS_STATE)
            m.count += 1
            m.used += 1
    for i in range(count):
        if shape.places[i] >= 0:
            Py_INCREF(items[2 * i + 1])
            Py_XDECREF(brinery_slot_at(instance, shape.places[i])[0])  # see build_slots
            brinery_slot_at(instance, shape.places[i])[0] = items[2 * i + 1]
        else:
            PyObject_GenericSetAttr(instance, shape.names[i], items[2 * i + 1])
    mark_forget(s)
    for i in range(count):
        Py_DECREF(items[2 * i])
        Py_DECREF(items[2 * i + 1])
    s.top = items - 1 - mark.slots
    if mark.slots:
        Py_DECREF(Py_None)
    return p + 1 + mark.slots + length


cdef bint is_untouched(PyObject *instance, Shape *shape) noexcept:
    """Whether an instance still has nothing of what `shape` is about to set."""
    cdef Py_ssize_t i
    for i in range(shape.count):
        if shape.places[i] >= 0 and brinery_slot_at(instance, shape.places[i])[0] != NULL:
            return False
    return brinery_is_fresh(instance)
