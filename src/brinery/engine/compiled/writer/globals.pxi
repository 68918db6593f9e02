# Classes and functions by name. Finding and checking a name is brinery.engine.globals' work. What is
# here is the case of nearly all: what is, by plain look-ups, where it says it is.

cdef object GETATTR_FUNCTION = builtins.getattr
cdef dict loaded_modules = OWN_MODULES
cdef dict extension_registry = copyreg._extension_registry


cdef inline bint is_singleton_type(PyObject *obj) noexcept:
    return (
        obj == <PyObject *>TYPE(Py_None)
        or obj == <PyObject *>TYPE(Py_Ellipsis)
        or obj == <PyObject *>TYPE(Py_NotImplemented)
    )


cdef int write_global_in_place(Writer *w, PyObject *obj) except -1:
    """Write a class or function, whose plan says that it goes by its name, without running Python code."""
    cdef PyObject *module
    cdef PyObject *name
    cdef int result
    if is_singleton_type(obj) or not names_are_plain(w) or IS_TYPE(obj) and not has_plain_names(obj):
        return NOT_IN_PLACE
    if IS_TYPE(obj) and TYPE(obj) != &PyType_Type:
        # The metaclass's own __module__ hides the descriptor that classes have for theirs.
        module = brinery_type_lookup(<PyTypeObject *>obj, <PyObject *>NAME_MODULE)
        if module == NULL or not UNICODE_EXACT(module):
            return NOT_IN_PLACE
        INCREF(module)
    else:
        module = GETATTR(obj, <PyObject *>NAME_MODULE)
    keep_loose(w, module)
    name = GETATTR(obj, <PyObject *>NAME_QUALNAME)
    keep_loose(w, name)
    result = write_named(w, obj, module, name)
    drop_loose(w)
    drop_loose(w)
    return result


cdef bint names_are_plain(Writer *w):
    """Whether nothing but the modules and the plan's tables has a say on names."""
    return (
        not (w.careful and w.proto >= 4)  # there, each name is an object of its own
        and len(extension_registry) == 0
        and sys.modules is loaded_modules
        and builtins.__import__ is OWN_IMPORT
    )


cdef inline bint finds_plainly(PyObject *names) noexcept:
    """Whether looking up a name in a module's or a class's dict runs no code: other keys may compare by code of theirs.

    In public mode nobody can say so, and everything is secured before.
    """
    return PUBLIC or brinery_dict_has_plain_keys(names)


cdef bint has_plain_names(PyObject *cls) noexcept:
    cdef PyObject *bases = (<PyTypeObjectFields *>cls).tp_mro
    cdef PyObject *base
    cdef Py_ssize_t i
    for i in range(TUPLE_SIZE(bases)):
        base = TUPLE_ITEM(bases, i)
        # Nobody can put anything into the others.
        if brinery_is_heap_type(<PyTypeObject *>base) and not finds_plainly((<PyTypeObjectFields *>base).tp_dict):
            return False
    return True


cdef int write_named(Writer *w, PyObject *obj, PyObject *module, PyObject *name) except -1:
    """Write `obj` as the global of that name, if it is that one by plain look-ups."""
    if not (UNICODE_EXACT(module) and UNICODE_EXACT(name) and is_global(w, obj, module, name)):
        return NOT_IN_PLACE
    if w.names != NULL and is_renamed(w.names, module, name):
        return NOT_IN_PLACE
    if w.proto < 4:
        return write_named_lines(w, obj, module, name)
    begin(w)
    write_whole(w, module, 0)
    begin(w)
    write_whole(w, name, 0)
    room(w)
    w.cur[0] = <char>STACK_GLOBAL
    w.cur += 1
    put(w, obj, False)
    return WRITTEN


cdef int write_named_lines(Writer *w, PyObject *obj, PyObject *module, PyObject *name) except -1:
    """As GLOBAL's two lines, below protocol 4."""
    cdef PyObject *tables = plan_part(<object>w.plan, PLAN_ERA_NAMES) if w.proto < 3 and w.fix_imports else NULL
    cdef PyObject *pair
    if tables != NULL:
        if not is_name_map(tables):
            return NOT_IN_PLACE
        pair = look_up_pair(TUPLE_ITEM(tables, 0), module, name)
        if pair != NULL:
            if TYPE(pair) != &PyTuple_Type or TUPLE_SIZE(pair) != 2:
                return NOT_IN_PLACE
            module = TUPLE_ITEM(pair, 0)
            name = TUPLE_ITEM(pair, 1)
        else:
            pair = DICT_GET(TUPLE_ITEM(tables, 1), module)
            if pair != NULL:
                module = pair
    if not is_line(module) or not is_line(name):
        return NOT_IN_PLACE
    begin(w)
    reserve(w, UNICODE_LENGTH(module) + UNICODE_LENGTH(name) + 3)
    w.cur[0] = GLOBAL
    w.cur = put_line(w.cur + 1, module)
    w.cur = put_line(w.cur, name)
    room(w)
    put(w, obj, False)
    return WRITTEN


cdef bint is_line(PyObject *text) noexcept:
    """Whether the text is a line as it stands: ASCII, without a newline."""
    return (
        UNICODE_EXACT(text)
        and UNICODE_IS_ASCII(text)
        and memchr(UNICODE_DATA(text), 10, UNICODE_LENGTH(text)) == NULL
    )


cdef char *put_line(char *at, PyObject *text) noexcept:
    cdef Py_ssize_t size = UNICODE_LENGTH(text)
    memcpy(at, UNICODE_DATA(text), size)
    at[size] = 10
    return at + size + 1


cdef bint is_global(Writer *w, PyObject *obj, PyObject *module_name, PyObject *name) except -1:
    cdef PyObject *module
    cdef PyObject *found
    if not finds_plainly(<PyObject *>loaded_modules):
        return False
    module = DICT_GET(<PyObject *>loaded_modules, module_name)
    if module == NULL or not MODULE_EXACT(module) or not finds_plainly(MODULE_DICT(module)):
        return False
    found = DICT_GET(MODULE_DICT(module), name)
    if found != NULL:
        return found == obj and FIND_CHAR(name, 46, 0, UNICODE_LENGTH(name), 1) < 0
    return w.proto >= 4 and is_in_class(obj, module, name)


cdef bint is_in_class(PyObject *obj, PyObject *module, PyObject *name) except -1:
    """Whether a name with dots leads to `obj` through classes that hand out what they hold as it is."""
    cdef Py_ssize_t length = UNICODE_LENGTH(name), begin = 0, end
    cdef PyObject *found = NULL
    cdef PyObject *part
    while begin <= length:
        end = FIND_CHAR(name, 46, begin, length, 1)
        if end < 0:
            if begin == 0:
                return False
            end = length
        if end - begin > 1 and UNICODE_READ(UNICODE_KIND(name), UNICODE_DATA(name), begin) == 95:
            return False  # a private part may stand under the name that its class gave it (see cpython)
        part = SUBSTRING(name, begin, end)
        try:
            found = DICT_GET(MODULE_DICT(module), part) if found == NULL else held_by_class(found, part)
        finally:
            DECREF(part)
        if found == NULL:
            return False
        begin = end + 1
    return found == obj


cdef PyObject *held_by_class(PyObject *cls, PyObject *name) noexcept:
    """The attribute of a class, a class or function itself; NULL for anything else."""
    cdef PyObject *found
    if not IS_TYPE(cls) or (<PyTypeObjectFields *>TYPE(cls)).tp_getattro != (
        (<PyTypeObjectFields *>&PyType_Type).tp_getattro
    ):
        return NULL
    if not has_plain_names(cls) or not has_plain_names(<PyObject *>TYPE(cls)):
        return NULL
    if brinery_type_lookup(TYPE(cls), name) != NULL:
        return NULL  # the metaclass may come before it
    found = brinery_type_lookup(<PyTypeObject *>cls, name)
    if found == NULL or not (
        TYPE(found) == &PyFunction_Type or (<PyTypeObjectFields *>TYPE(found)).tp_descr_get == NULL
    ):
        return NULL
    return found


cdef bint is_name_map(PyObject *names) noexcept:
    return (
        <object>TYPE(names) is NameMap
        and TYPE(TUPLE_ITEM(names, 0)) == &PyDict_Type
        and TYPE(TUPLE_ITEM(names, 1)) == &PyDict_Type
        and TYPE(TUPLE_ITEM(names, 2)) == &PyDict_Type
        and DICT_SIZE(TUPLE_ITEM(names, 2)) == 0  # what is disputed is an error
        and not <object>TUPLE_ITEM(names, 4)  # nor are packages' names looked up here
    )


cdef bint is_renamed(PyObject *names, PyObject *module, PyObject *name) except -1:
    """Whether a NameMap has another name for a global, or may have."""
    return (
        not is_name_map(names)
        or DICT_GET(TUPLE_ITEM(names, 1), module) != NULL
        or look_up_pair(TUPLE_ITEM(names, 0), module, name) != NULL
    )


cdef PyObject *look_up_pair(PyObject *table, PyObject *module, PyObject *name) except? NULL:
    cdef PyObject *key = <PyObject *>key_of_names
    if DICT_SIZE(table) == 0:
        return NULL
    if BRINERY_TUPLES_KEEP_HASH:
        pair = (<object>module, <object>name)
        return DICT_GET(table, <PyObject *>pair)
    # One tuple for all look-ups, since making one could set off the garbage collector, up to Python 3.11.
    INCREF(module)
    INCREF(name)
    DECREF(TUPLE_ITEM(key, 0))
    DECREF(TUPLE_ITEM(key, 1))
    TUPLE_SET(key, 0, module)
    TUPLE_SET(key, 1, name)
    brinery_forget_hash(key)
    return DICT_GET(table, key)


cdef tuple key_of_names = tuple(["module", "name"])  # a new one: a constant would be shared


cdef int open_named(Writer *w, PyObject *obj, object name) except -1:
    """A global under the name that a reducer gave. Runs Python code."""
    cdef PyObject *module
    cdef int result = NOT_IN_PLACE
    secure(w)
    if type(name) is str and names_are_plain(w):
        found = getattr(<object>obj, "__module__", None)
        secure(w)
        module = <PyObject *>found if found is not None else module_that_has(obj, <PyObject *>name)
        if module != NULL:
            result = write_named(w, obj, module, <PyObject *>name)
            secure(w)  # the name may be the reducer's alone, and go now
    return open_global(w, obj, name) if result == NOT_IN_PLACE else result


cdef PyObject *module_that_has(PyObject *obj, PyObject *name) except? NULL:
    """The name of the first module that holds `obj`, which does not say where it lives; NULL where code is to be asked."""
    cdef PyObject *key
    cdef PyObject *module
    cdef PyObject *found
    cdef Py_ssize_t pos = 0
    while DICT_NEXT(<PyObject *>loaded_modules, &pos, &key, &module):
        if not UNICODE_EXACT(key) or not MODULE_EXACT(module):
            if module == Py_None:
                continue
            return NULL
        if <str>key == "__main__" or <str>key == "__mp_main__":
            continue
        if not brinery_dict_has_plain_keys(MODULE_DICT(module)):
            return NULL  # looking up may run code, which may take the module away, and its name
        found = DICT_GET(MODULE_DICT(module), name)
        if found == obj:
            return key
        if found == NULL and DICT_GET(MODULE_DICT(module), <PyObject *>NAME_GETATTR) != NULL:
            return NULL
    return NULL


cdef int open_global(Writer *w, PyObject *obj, object name) except -1:
    """Write `obj` as a global, under `name` if a reducer gave one. Runs Python code."""
    cdef Frame *frame
    cdef object code
    secure(w)
    plan = <object>w.plan
    found = locate_global(<object>obj, name)
    if w.proto >= 2:
        code = extension_code(<object>obj, found.module, found.qualname)
        if code is not None:
            return write_extension(w, code)
    if w.proto < 4 and "." in found.qualname:
        # Before protocol 4 a global has no dots: fetch it from the class that holds it.
        if GETATTR_IN_A_ROW:
            names = (found.module, *found.qualname.split("."))
            frame = push(w, IN_DOTTED, obj)
            Py_INCREF(names)
            frame.held = <PyObject *>names
            return PUSHED
        frame = push_reduction(w, obj, Reduction(getattr, (found.parent, found.last)))
        frame.after = ONLY_MEMOIZE
        return PUSHED
    if w.proto >= 4:
        names = stream_name(found.module, found.qualname, w.proto, w.fix_imports, plan)
        frame = push(w, IN_GLOBAL, obj)
        Py_INCREF(names)
        frame.held = <PyObject *>names
        return PUSHED
    write_global_lines(w, found.module, found.qualname)
    put(w, obj, False)
    return WRITTEN


cdef int run_global(Writer *w, Frame *frame) except -1:
    if frame.pos < 2:
        w.item = TUPLE_ITEM(frame.held, frame.pos)
        w.item_alone = 0
        frame.pos += 1
        return CHILD
    op(w, STACK_GLOBAL)
    put(w, frame.obj, False)
    return WRITTEN


cdef int write_extension(Writer *w, long code) except -1:
    room(w)
    if code <= 0xFF:
        w.cur[0] = <char>EXT1
        w.cur[1] = <char>code
        w.cur += 2
    elif code <= 0xFFFF:
        w.cur[0] = <char>EXT2
        brinery_put_u16(w.cur + 1, <uint32_t>code)
        w.cur += 3
    else:
        w.cur[0] = <char>EXT4
        brinery_put_u32(w.cur + 1, <uint32_t>code)
        w.cur += 5
    return WRITTEN


cdef int write_global_lines(Writer *w, object module, object qualname) except -1:
    secure(w)
    module, qualname = stream_name(module, qualname, w.proto, w.fix_imports, <object>w.plan)
    return write_text_opcode(w, GLOBAL, encode_global(module, qualname, w.proto))


cdef int run_dotted(Writer *w, Frame *frame) except -1:
    """From Python 3.13 on: as many calls of getattr as the name has dots, none of them memoized."""
    cdef Py_ssize_t dots = TUPLE_SIZE(frame.held) - 2
    cdef PyObject *item
    if 0 < frame.pos <= dots and w.proto < 2:
        op(w, MARK)
    elif frame.pos > dots:
        op(w, TUPLE if w.proto < 2 else TUPLE2)
        op(w, REDUCE)
    if frame.pos == dots:
        write_global_lines(w, <object>TUPLE_ITEM(frame.held, 0), <object>TUPLE_ITEM(frame.held, 1))
    if frame.pos == 2 * dots:
        put(w, frame.obj, False)
        return WRITTEN
    if frame.pos < dots:
        w.item = <PyObject *>GETATTR_FUNCTION
    else:
        w.item = TUPLE_ITEM(frame.held, 2 + frame.pos - dots)
    w.item_alone = 0
    frame.pos += 1
    return CHILD
