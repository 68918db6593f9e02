# Classes and functions by name. Finding and checking a name is brinery.engine.globals' work. What is
# here is the case of nearly all: a class or function that is, by plain look-ups, where it says it is.

cdef str ATTR_MODULE = "__module__"
cdef str ATTR_QUALNAME = "__qualname__"
cdef object GETATTR_FUNCTION = builtins.getattr
cdef dict loaded_modules = sys.modules
cdef dict extension_registry = copyreg._extension_registry


cdef int write_global_in_place(Writer *w, PyObject *obj) except -1:
    """Write the class or function `obj`, whose type is exactly that, without running Python code.

    0, with nothing written, where it takes more than that.
    """
    cdef PyObject *module
    cdef PyObject *name
    cdef bint written = False
    if w.proto < 4 or w.careful or sys.modules is not loaded_modules:
        return 0
    if len(extension_registry):
        return 0
    if <object>obj in SINGLETON_TYPES:
        return 0
    module = GETATTR(obj, <PyObject *>ATTR_MODULE)
    name = GETATTR(obj, <PyObject *>ATTR_QUALNAME)
    if (
        UNICODE_EXACT(module)
        and UNICODE_EXACT(name)
        and is_global(obj, module, name)
        and (w.names == NULL or not is_renamed(w.names, module, name))
    ):
        begin(w)
        write_whole(w, module, 0)
        begin(w)
        write_whole(w, name, 0)
        room(w)
        w.cur[0] = <char>STACK_GLOBAL
        w.cur += 1
        put(w, obj, False)
        written = True
    release(w, module)
    release(w, name)
    return written


cdef bint is_global(PyObject *obj, PyObject *module_name, PyObject *name) except -1:
    cdef PyObject *module = DICT_GET(<PyObject *>loaded_modules, module_name)
    return (
        module != NULL
        and MODULE_EXACT(module)
        and DICT_GET(MODULE_DICT(module), name) == obj
    )


cdef bint is_renamed(PyObject *names, PyObject *module, PyObject *name) except -1:
    """Whether a NameMap has another name for a global, or may have."""
    cdef PyObject *by_name
    cdef PyObject *by_module
    cdef PyObject *disputed
    cdef PyObject *key = <PyObject *>key_of_names
    if <object>TYPE(names) is not NameMap:
        return True
    by_name = TUPLE_ITEM(names, 0)
    by_module = TUPLE_ITEM(names, 1)
    disputed = TUPLE_ITEM(names, 2)
    if TYPE(by_name) != &PyDict_Type or TYPE(by_module) != &PyDict_Type or TYPE(disputed) != &PyDict_Type:
        return True
    if DICT_SIZE(disputed):
        return True
    if DICT_GET(by_module, module) != NULL:
        return True
    if DICT_SIZE(by_name) == 0:
        return False
    # One tuple for all look-ups, since making one could set off the garbage collector.
    INCREF(module)
    INCREF(name)
    DECREF(TUPLE_ITEM(key, 0))
    DECREF(TUPLE_ITEM(key, 1))
    TUPLE_SET(key, 0, module)
    TUPLE_SET(key, 1, name)
    return DICT_GET(by_name, key) != NULL


cdef tuple key_of_names = tuple(["module", "name"])  # a new one: a constant would be shared


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
        if sys.version_info >= (3, 13):
            names = (found.module, *found.qualname.split("."))
            frame = push(w, IN_DOTTED, obj)
            Py_INCREF(names)
            frame.held = <PyObject *>names
            return 2
        frame = push_reduction(w, obj, Reduction(getattr, (found.parent, found.last)))
        frame.after = ONLY_MEMOIZE
        return 2
    if w.proto >= 4:
        names = stream_name(found.module, found.qualname, w.proto, w.fix_imports, plan)
        frame = push(w, IN_GLOBAL, obj)
        Py_INCREF(names)
        frame.held = <PyObject *>names
        return 2
    write_global_lines(w, found.module, found.qualname)
    put(w, obj, False)
    return 0


cdef int run_global(Writer *w, Frame *frame) except -1:
    if frame.pos < 2:
        w.item = TUPLE_ITEM(frame.held, frame.pos)
        w.item_alone = 0
        frame.pos += 1
        return 1
    op(w, STACK_GLOBAL)
    put(w, frame.obj, False)
    return 0


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
    return 0


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
        return 0
    if frame.pos < dots:
        w.item = <PyObject *>GETATTR_FUNCTION
    else:
        w.item = TUPLE_ITEM(frame.held, 2 + frame.pos - dots)
    w.item_alone = 0
    frame.pos += 1
    return 1
