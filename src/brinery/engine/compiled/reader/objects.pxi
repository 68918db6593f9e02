# Globals, and what makes objects of them. Most of it is user code, so rare() calls all of it between secure() and
# resume(); what does without says so. Locals are let go of when a function ends, so inside, too.

import builtins as _builtins
import sys as _sys
from _weakref import ref as _weakref  # weakref itself takes half a millisecond to import

from brinery.cpython import PATHS_ARE_RESOLVED as _PATHS_ARE_RESOLVED
from brinery.engine import globals as _globals
from brinery.stream.old_bytes import bytes_function, bytes_of_call
from brinery.engine.explaining import no_persistent_load
from brinery.plan import NOT_READY, NameMap

cdef object NO_ARGUMENTS = ()
cdef object OWN_IMPORT = _globals.OWN_IMPORT
cdef dict OWN_MODULES = _globals.OWN_MODULES
cdef bint PATHS_ARE_RESOLVED = _PATHS_ARE_RESOLVED
cdef object Module = type(_sys)
cdef dict loaded_modules = {}  # name: weak reference to a module that was seen to be completely imported


cdef object find_global(Reading r, str module, str qualname):
    """What the base class's find_class does, with a short way for modules that are loaded already."""
    cdef PyObject *held
    cdef bint dotted = "." in qualname
    if (
        (not dotted or r.protocol >= 4)
        and not (r.protocol < 3 and r.fix_imports and is_renamed(r.plan.era_names, module, qualname))
        and not is_renamed(r.plan.names, module, qualname)
        and not is_shaped_name(r, module)
        and _builtins.__import__ is OWN_IMPORT
    ):
        found = OWN_MODULES.get(module)
        if found is not None and is_loaded(module, found):
            PySys_Audit("pickle.find_class", "OO", <PyObject *> module, <PyObject *> qualname)
            if dotted:
                return walked(r, found, module, qualname)
            if type(found) is Module and qualname and qualname[0] != "_":
                # What modules have from their type all begins with an underscore. To find out that the type has no such
                # name is an eighth of what it takes to load a date.
                held = PyDict_GetItemWithError(PyModule_GetDict(<PyObject *> found), <PyObject *> qualname)
                if held != NULL:
                    return <object> held
            try:
                return getattr(found, qualname)
            except AttributeError:
                return find_otherwise(r, found, module, qualname)
    return find_shaped(r, module, qualname)


cdef object walked(Reading r, object found, str module, str qualname):
    """What a name with dots leads to, walking through classes."""
    cdef object obj = found
    for part in qualname.split("."):
        if part == "<locals>":
            return _globals.look_up(found, module, qualname, r.protocol)  # raises what says why
        try:
            obj = getattr(obj, part)
        except AttributeError:
            return find_otherwise(r, found, module, qualname)
    return obj


cdef bint is_renamed(object names, str module, str qualname) except -1:
    """Whether a NameMap says that the global is elsewhere, or may say so."""
    if names is None:
        return False
    if type(names) is not NameMap:
        return True
    return (
        module in (<tuple> names)[1]
        or (module, qualname) in (<tuple> names)[0]
        or bool((<tuple> names)[2])
        or (bool((<tuple> names)[4]) and module.partition(".")[0] in (<tuple> names)[4])
    )


cdef bint is_loaded(str name, object found) except -1:
    """Whether an import of `name` would only look it up, and not wait until somebody else has imported it."""
    known = loaded_modules.get(name)
    if known is not None and known() is found:
        return True
    if type(found) is not Module:
        return False
    # As the interpreter asks: what says nothing of it, as built-in modules and __main__ do not, is imported.
    if getattr(getattr(found, "__spec__", None), "_initializing", False):
        return False
    if len(loaded_modules) > 1000:
        loaded_modules.clear()
    loaded_modules[name] = _weakref(found)
    return True


cdef PyObject *load_global(Reading r, object module, object qualname) except NULL:
    cdef PyObject *arguments[3]
    if r.walking:
        return own(r.hole)
    if r.owner == NULL or is_inherited(<Unpickler> r.owner, FIND_CLASS, OWN_FIND_CLASS):
        return own(find_global(r, module, qualname))
    # Looked up for each global, as by C pickle: one that is replaced in the middle of a load counts from there on.
    arguments[0] = r.owner
    arguments[1] = <PyObject *> module
    arguments[2] = <PyObject *> qualname
    return PyObject_VectorcallMethod(FIND_CLASS, arguments, 3, NULL)


cdef PyObject *global_of_lines(Reading r, str encoding) except NULL:
    """GLOBAL and INST: the names stand in two lines."""
    module = name_line(r, encoding)
    qualname = name_line(r, encoding)
    if r.walking:
        return own(bytes_function(module, qualname) or r.hole)
    stand(r)
    return load_global(r, module, qualname)


cdef PyObject *extension(Reading r, long long code) except NULL:
    """EXT1, EXT2 and EXT4 (PEP 307)."""
    if r.walking:
        return own(r.hole)
    module, qualname = _globals.extension_name(code)
    return load_global(r, module, qualname)


cdef PyObject *stack_global(Reading r) except NULL:
    """STACK_GLOBAL: module and qualified name lie on the stack."""
    cdef Stack *s = &r.stack
    cdef object module, qualname
    if s.top - s.fence < 2:
        stack_underflow(s)
    if r.walking:
        return skip(s, 2, r.hole)
    module = <object> s.top[-2]
    qualname = <object> s.top[-1]
    stack_drop(s, s.top - 2)
    if type(module) is not str or type(qualname) is not str:
        raise ReadError("STACK_GLOBAL requires str")
    return load_global(r, module, qualname)


cdef bint take_ready(Reading r) except -1:
    """BINPERSID where the stores have given the object already: no code of anybody's runs for it.

    IDs are told by their places in the stream, in the order in which the walk has met them: to hash or compare
    them could be user code, and 1 would be True.
    """
    cdef Stack *s = &r.stack
    cdef Py_ssize_t at = r.ready_at
    cdef PyObject *pid
    if (
        at >= len(r.ready)  # anybody may find that list and change it
        or at >= places_count(r.ready_places)
        or s.top == s.fence
        or places_at(r.ready_places, at) != opcode_offset(&r.source) - r.began
    ):
        return False
    r.ready_at = at + 1
    obj = r.ready[at]
    if obj is NOT_READY:
        return False
    meet_foreign(r)
    pid = s.top[-1]
    s.top[-1] = own(obj)
    let_go(r, pid)
    return True


cdef int expect(Reading r, object stored, bytearray places) except -1:
    """What `stored` has ready for the IDs at `places` is taken from there. The source stands at the pickle."""
    ready = getattr(stored, "ready", None)
    if type(ready) is list and len(<list> ready) == places_count(places):
        r.ready, r.ready_places, r.ready_at = ready, places, 0
        r.began = source_offset(&r.source)
    return 0


cdef PyObject *persistent(Reading r, object pid) except NULL:
    """PERSID and BINPERSID: what the ID stands for."""
    cdef PyObject *arguments[2]
    cdef object load = r.persistent_load
    cdef PyObject *function = <PyObject *> load
    if load is None:
        raise no_persistent_load(pid)
    if isinstance(load, list):
        load.append(pid)
        return own(pid)
    stand(r)
    arguments[1] = <PyObject *> pid
    if Py_TYPE(function) == &PyMethod_Type:
        arguments[0] = PyMethod_GET_SELF(function)
        return brinery_call(PyMethod_GET_FUNCTION(function), arguments, 2)
    return brinery_call(function, arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET)


cdef object persistent_line(Reading r):
    try:
        return line(r).decode("ascii")
    except UnicodeDecodeError:
        raise ReadError("persistent IDs in protocol 0 must be ASCII strings") from None


cdef object take(Stack *s):
    """The topmost object, off the stack."""
    cdef PyObject *top
    if s.top == s.fence:
        stack_underflow(s)
    s.top -= 1
    top = s.top[0]
    taken = <object> top
    Py_DECREF(top)
    return taken


cdef PyObject *reduce_call(Reading r) except NULL:
    """REDUCE: call what lies below the arguments."""
    cdef Stack *s = &r.stack
    cdef object args, function
    cdef PyObject *made
    if s.top - s.fence < 2:
        stack_underflow(s)
    if r.walking:
        called = bytes_of_call(<object> s.top[-2], <object> s.top[-1])
        return skip(s, 2, r.hole if called is None else called)
    args = take(s)
    function = take(s)
    if type(args) is not tuple and not isinstance(args, tuple):
        raise refusals.no_tuple(args)
    if is_shaped(r, <PyObject *> function):
        done, args = r.shaping.make(function, args)
        if done:
            return own(args)
    if function is set or function is frozenset:
        made = set_of_leaves(function is frozenset, args)
        if made != NULL:
            return made
        _hashing.check_call(function, args)
    elif function is dict:
        _hashing.check_call(function, args)
    return call_tuple(r, <PyObject *> function, <PyObject *> args)


cdef PyObject *skip(Stack *s, int count, object hole) except NULL:
    """noload: what `count` objects would have made is a hole."""
    stack_drop(s, s.top - count)
    return own(hole)


cdef PyObject *instantiate(Reading r, object cls, tuple args) except NULL:
    """INST and OBJ: call a class as Python 2 did for its old-style classes."""
    if r.walking:
        return own(r.hole)
    if is_shaped(r, <PyObject *> cls):
        done, made = r.shaping.make(cls, args)
        if done:
            return own(made)
        args = made
    _hashing.check_call(cls, args)
    if not args and isinstance(cls, type) and not hasattr(cls, "__getinitargs__"):
        return own(cls.__new__(cls))
    return own(cls(*args))


cdef tuple take_tuple(Stack *s, PyObject **items):
    """Everything from `items` up, as a tuple, off the stack."""
    cdef PyObject *made = brinery_tuple_take(items, s.top - items)
    s.top = items
    args = <tuple> <object> made
    Py_DECREF(made)
    return args


cdef PyObject *inst(Reading r) except NULL:
    cdef Stack *s = &r.stack
    cdef PyObject **items = mark_pop(r)
    cdef Py_ssize_t position = items - s.base
    cdef PyObject *made
    made = global_of_lines(r, "ascii")
    found = <object> made
    Py_DECREF(made)
    if s.base + position < s.fence:
        stack_underflow(s)
    return instantiate(r, found, take_tuple(s, s.base + position))


cdef PyObject *obj(Reading r) except NULL:
    cdef Stack *s = &r.stack
    cdef PyObject **items = mark_pop(r)
    if s.top == items:
        stack_underflow(s)
    args = take_tuple(s, items + 1)
    return instantiate(r, take(s), args)


cdef PyObject *new_object(Reading r, bint keywords) except NULL:
    """NEWOBJ and NEWOBJ_EX: cls.__new__(cls, *args, **kwargs), without a look at __init__."""
    cdef Stack *s = &r.stack
    cdef PyTypeObject *type_
    cdef object kwargs = None, args, cls
    cdef str opcode = "NEWOBJ_EX" if keywords else "NEWOBJ"
    if s.top - s.fence < 2 + keywords:
        stack_underflow(s)
    if r.walking:
        return skip(s, 2 + keywords, r.hole)
    if keywords:
        kwargs = take(s)
    args = take(s)
    cls = take(s)
    if is_shaped(r, <PyObject *> cls) and isinstance(args, tuple) and (not keywords or isinstance(kwargs, dict)):
        done, args = r.shaping.make(cls, args, kwargs)
        if done:
            return own(args)
    if not isinstance_type(cls):
        raise refusals.new_argument(opcode, "class", "type", cls)
    type_ = <PyTypeObject *> cls
    if type_.tp_new == NULL:
        raise refusals.no_new(opcode, cls)
    if not isinstance(args, tuple):
        raise refusals.new_argument(opcode, "args", "tuple", args)
    if keywords and not isinstance(kwargs, dict):
        raise refusals.new_argument(opcode, "kwargs", "dict", kwargs)
    return type_.tp_new(type_, <PyObject *> args, <PyObject *> kwargs if keywords else NULL)


cdef inline bint isinstance_type(object cls) noexcept:
    return PyType_Check(<PyObject *> cls)


cdef int new_ordinary(Reading r) except -1:
    """NEWOBJ where it is not user code: for an ordinary class, or with a __new__ that is built in. 1: it was done."""
    cdef Stack *s = &r.stack
    cdef PyObject **items = s.top - 2
    cdef PyObject *cls
    cdef PyObject *args
    cdef PyObject *made
    if not BRINERY_FUSE_BUILD or r.walking or items < s.fence:
        return 0
    cls = items[0]
    args = items[1]
    if not PyTuple_CheckExact(args) or not PyType_Check(cls) or is_shaped(r, cls):
        return 0
    if not brinery_is_built_in_new(cls, args) and (PyTuple_GET_SIZE(args) or not any_plan_of(r, cls).ordinary):
        return 0
    made = (<PyTypeObject *> cls).tp_new(<PyTypeObject *> cls, args, NULL)
    items[0] = made
    s.top -= 1
    Py_DECREF(cls)  # the instance has it
    let_go(r, args)
    return 1


cdef int build_ordinary(Reading r) except -1:
    """BUILD for a new instance of an ordinary class, which is not user code: 1 if it was done, else 0."""
    cdef Stack *s = &r.stack
    cdef PyObject *state
    cdef PyObject *attributes
    cdef PyObject *slots
    cdef bint done = False
    if not BRINERY_FUSE_BUILD or r.walking or s.top - s.fence < 2:
        return 0
    state = s.top[-1]
    if is_shaped(r, <PyObject *> Py_TYPE(s.top[-2])):
        return 0
    if PyDict_CheckExact(state):
        done = build_plain(r, s.top[-2], state)
    elif PyTuple_CheckExact(state) and PyTuple_GET_SIZE(state) == 2:
        attributes = PyTuple_GET_ITEM(state, 0)
        slots = PyTuple_GET_ITEM(state, 1)
        if PyDict_CheckExact(slots) and (attributes == Py_None or PyDict_CheckExact(attributes)):
            done = build_slots(r, s.top[-2], attributes, slots)
    if done:
        s.top -= 1
        let_go(r, state)
    return done


cdef int build(Reading r) except -1:
    """BUILD: give the object its state, by __setstate__ or as attributes (PEP 307)."""
    cdef Stack *s = &r.stack
    cdef object instance, state, slots = r
    cdef Plan *plan
    if s.top - s.fence < 2:
        stack_underflow(s)
    state = take(s)
    if r.walking:
        return 0
    instance = <object> s.top[-1]
    if is_shaped(r, <PyObject *> Py_TYPE(<PyObject *> instance)):
        given = r.shaping.build(instance, state)
        if given is None:
            return 0
        (state,) = given
    if r.slotted is not None and type(state) is tuple and len(<tuple> state) == 2:
        if (<tuple> state)[0] is None and type((<tuple> state)[1]) is dict and hasattr(instance, "__setstate__"):
            state = r.slotted(instance, state)
    if BRINERY_FUSE_BUILD:
        plan = any_plan_of(r, <PyObject *> Py_TYPE(<PyObject *> instance))
        if plan.sets_each and type(state) is dict and brinery_own_dict(<PyObject *> instance) == NULL:
            return set_slots(instance, state)
        if plan.has_setstate:
            return call_setstate(<PyObject *> instance, <PyObject *> state)
    setstate = getattr(instance, "__setstate__", r)  # unlike hasattr(), without an exception
    if setstate is not r:
        setstate(state)
        return 0
    if BRINERY_FUSE_BUILD and type(state) is dict:
        plan = any_plan_of(r, <PyObject *> Py_TYPE(<PyObject *> instance))  # again: that may have been user code
        if plan.has_dict and brinery_has_plain_dict(<PyObject *> instance):
            return update_plain(r, plan, <PyObject *> instance, <PyObject *> state)
    if isinstance(state, tuple) and len(<tuple> state) == 2:
        state, slots = <tuple> state
    if state is not None:
        if not isinstance(state, dict):
            raise ReadError("state is not a dictionary")
        set_state_from(r, instance.__dict__, state, 0)
    if slots is not r:
        if not isinstance(slots, dict):
            raise ReadError("slot state is not a dictionary")
        set_slots(instance, slots)
    return 0


cdef int call_setstate(PyObject *instance, PyObject *state) except -1:
    """instance.__setstate__(state), where there is one, without a bound method in between."""
    cdef PyObject *arguments[2]
    cdef PyObject *result
    arguments[0] = instance
    arguments[1] = state
    result = PyObject_VectorcallMethod(SETSTATE, arguments, 2, NULL)
    Py_DECREF(result)
    return 0


cdef int set_state_from(Reading r, object attributes, object state, Py_ssize_t at) except -1:
    """Set what `state` has behind `at`. Names of attributes are interned, as the compiler does it: looking them up is
    faster then."""
    cdef PyObject *key
    cdef PyObject *value
    cdef bint plain = type(attributes) is dict
    while PyDict_Next(<PyObject *> state, &at, &key, &value):
        held = <object> value
        if PyUnicode_CheckExact(key):
            key = interned_name(r, key)
        else:
            Py_INCREF(key)
        name = <object> key
        Py_DECREF(key)
        check_key(r, <PyObject *> name)
        if plain:
            PyDict_SetItem(<PyObject *> attributes, <PyObject *> name, <PyObject *> held)
        else:
            attributes[name] = held
    return 0


cdef int set_slots(object instance, object slots) except -1:
    cdef PyObject *key
    cdef PyObject *value
    cdef Py_ssize_t at = 0
    while PyDict_Next(<PyObject *> slots, &at, &key, &value):
        name = <object> key
        held = <object> value
        PyObject_SetAttr(<PyObject *> instance, <PyObject *> name, <PyObject *> held)
    return 0
