# What is known of a type: how its instances are written when nothing unusual is about.
#
# A plan holds for one state of its type (the version that CPython changes with every change to the type
# or its bases) and is asked about once per epoch whether tables or rules have a say in it: an epoch
# ends whenever Python code may have run. Types are known by address and version, and not held:
# versions are never given twice.

cdef enum PlanKind:
    BY_REDUCER         # ask hooks, tables, __reduce_ex__
    BY_NAME            # a class or function
    BY_METACLASS       # a class of another metaclass: by name as well, but for what tables say
    BY_ATTRIBUTES      # NEWOBJ, and the instance's dict as state
    BY_SLOTS           # NEWOBJ, and (None, {slot: value}) as state
    BY_GETSTATE        # NEWOBJ, and what the class's own __getstate__ gives
    BY_REDUCE          # the class's own __reduce__
    BY_REDUCE_EX       # the class's own __reduce_ex__
    # From here on, parts are written in place that are no objects here: there is nothing to ask persistent_id about.
    BY_ARGUMENTS       # NEWOBJ with what the class's own __getnewargs__ gives
    BY_VALUE           # NEWOBJ with the value, of a subclass of int, float, complex, str or bytes
    BY_TUPLE           # NEWOBJ with a tuple of the items
    BY_NAMED_TUPLE     # NEWOBJ with the items
    BY_ITEMS           # NEWOBJ, and the items of a list
    BY_PAIRS           # NEWOBJ, and the items of a dict
    BY_ORDERED
    BY_DEQUE
    BY_DEFAULTS
    BY_DATE
    BY_DATETIME
    BY_TIME
    BY_TIMEDELTA

cdef enum:
    ALL_IN_PLACE = BY_ARGUMENTS
    NAMES_KEPT = 32          # attributes, the bits of a uint32_t
    UNKNOWN = 0xFFFFFFFF     # no memo index

cdef struct Plan:
    PyTypeObject *type
    unsigned int version
    signed char kind         # as far as the type alone decides
    signed char current      # in this epoch
    bint falls_back          # attributes that are not there are asked of the class's __getattr__
    uint64_t epoch
    PyObject *table          # the dispatch table that last had no reducer for it, and the table's version then
    uint64_t table_version
    uint64_t rules_serial    # whose rule table `rule` is from
    PyObject *rule           # owned: the TypeRule, or NULL for none
    PyObject *method         # the type's while it has this version: __getstate__, __getnewargs__, __reduce__ and so on
    PyTypeObject *base       # whose value it has
    PyObject *slotnames      # owned: the class's own list of them, or NULL
    PyObject *names          # owned: the slots' names, a tuple
    PyObject *offsets        # owned: their places, Py_ssize_t in a bytes object
    Py_ssize_t slots
    void *checked_keys       # inline attribute names that were found to be harmless
    Py_ssize_t checked_size
    # Indices in the memo, and the dump that they hold in: found once, not for every instance.
    uint64_t known_in
    uint32_t class_index     # of the type
    uint32_t known_names     # a bit for each inline attribute
    uint32_t[NAMES_KEPT] name_index

cdef enum:
    PLANS_KEPT = 1024        # a power of two
    PLANS_NEAR = 4           # places a type may take

cdef Plan *plans = <Plan *>calloc(PLANS_KEPT + PLANS_NEAR, sizeof(Plan))
if plans == NULL:
    raise MemoryError

cdef object last_rules = None
cdef object last_rules_epoch = None
cdef object last_registrations = None  # what abc counts up
cdef uint64_t last_modules = 0         # the version of sys.modules then, or 0
cdef uint64_t last_rules_serial = 0

cdef dict reducers = copyreg.dispatch_table
cdef dict copyreg_names = vars(copyreg)
cdef object NEWOBJ_FUNCTION = copyreg.__newobj__
cdef object NAME_NEWOBJ = sys.intern("__newobj__")
cdef uint64_t copyreg_version = 0  # of its dict, when NEWOBJ_FUNCTION was last seen there

cdef object NAME_REDUCE_EX = sys.intern("__reduce_ex__")
cdef object NAME_REDUCE = sys.intern("__reduce__")
cdef object NAME_GETSTATE = sys.intern("__getstate__")
cdef object NAME_GETNEWARGS = sys.intern("__getnewargs__")
cdef object NAME_GETNEWARGS_EX = sys.intern("__getnewargs_ex__")
cdef object NAME_CLASS = sys.intern("__class__")
cdef object NAME_GETATTR = sys.intern("__getattr__")
cdef object NAME_GETATTRIBUTE = sys.intern("__getattribute__")
cdef object NAME_MODULE = sys.intern("__module__")
cdef object NAME_QUALNAME = sys.intern("__qualname__")
cdef object OBJECT = object


class HasGetattr:
    def __getattr__(self, name):
        raise AttributeError(name)


# What looks attributes up where a class defines __getattr__ or __getattribute__.
cdef void *LOOKS_UP_BY_METHOD = (<PyTypeObjectFields *>HasGetattr).tp_getattro


cdef inline Plan *find_plan(PyTypeObject *type) noexcept:
    cdef Plan *plan = &plans[(<uintptr_t>type >> 4) & (PLANS_KEPT - 1)]
    cdef int i
    for i in range(PLANS_NEAR):
        if plan[i].type == type:
            return &plan[i]
    return NULL


cdef inline void know(Writer *w, Plan *plan) noexcept:
    """What `plan` knows of a memo is of this dump's from here on."""
    if plan.known_in != w.serial:
        plan.known_in = w.serial
        plan.class_index = UNKNOWN
        plan.known_names = 0


cdef Plan *renew_plan(Writer *w, PyTypeObject *type) except NULL:
    """The plan of `type` for this epoch. May run Python code; the caller holds an object of the type.

    Should code have given that object another class, the type may be gone, and what is returned worthless.
    """
    cdef Plan *plan
    held = <object>type
    if w.rules != NULL and w.rules_serial == 0:
        look_at_rules(w)
    plan = find_plan(type)
    if plan == NULL or plan.version == 0 or plan.version != brinery_type_version(type):
        plan = make_plan(w, type)
    if w.rules != NULL and plan.rules_serial != w.rules_serial:
        secure(w)
        rule = (<object>w.rules).rule_for(held)
        plan = find_plan(type)  # other dumps may have taken its place
        if plan == NULL:
            plan = make_plan(w, type)
        let_go(&plan.rule)
        if rule is not None:
            Py_INCREF(rule)
            plan.rule = <PyObject *>rule
        plan.rules_serial = w.rules_serial
    plan.epoch = w.epoch
    plan.current = plan.kind
    if plan.kind != BY_REDUCER and not stands(w, plan):
        plan.current = BY_REDUCER
    return plan


cdef bint newobj_is_copyregs() noexcept:
    """Whether copyreg.__newobj__, of which object's reductions are made, is the function that NEWOBJ stands for."""
    global copyreg_version
    cdef uint64_t version = brinery_dict_version(<PyObject *>copyreg_names)
    if version != 0 and version == copyreg_version:
        return True
    if DICT_GET(<PyObject *>copyreg_names, <PyObject *>NAME_NEWOBJ) != <PyObject *>NEWOBJ_FUNCTION:
        return False
    copyreg_version = version
    return True


cdef bint stands(Writer *w, Plan *plan) except -1:
    """Whether the plan holds as the type is now, in this dump. May run Python code."""
    if not PLANS or (w.rules != NULL and plan.rule != NULL):
        return False
    if plan.kind == BY_NAME:
        return True
    if plan.kind != BY_METACLASS and (w.proto < 2 or (w.careful and plan.kind >= ALL_IN_PLACE)):
        return False
    if may_have_reducer(w, plan):
        return False
    # Last, as asking the table may run code, which may change the type: then its methods may be gone.
    if plan.version != brinery_type_version(plan.type) or not newobj_is_copyregs():
        return False
    return plan.slotnames == NULL or slots_are_as_planned(plan)


cdef bint slots_are_as_planned(Plan *plan) noexcept:
    """Whether the list of names that the class keeps is what it was: it can be changed without a new version."""
    cdef Py_ssize_t i
    if LIST_SIZE(plan.slotnames) != plan.slots:
        return False
    for i in range(plan.slots):
        if LIST_ITEM(plan.slotnames, i) != TUPLE_ITEM(plan.names, i):
            return False
    return True


cdef int look_at_rules(Writer *w) except -1:
    """What was kept of an earlier dump holds while the table and its epoch do (see plan.RuleTable).

    Asked once in a dump: at its beginning where the table is another than the last, for that one is to be let go
    of; else when the first object comes that a rule could be for, since a small dump of plain data would take a
    tenth longer. And the epoch, which is Python code, is not asked for while what it depends on has not changed.
    May run Python code.
    """
    global last_rules, last_rules_epoch, last_rules_serial, last_modules, last_registrations
    cdef uint64_t modules = brinery_dict_version(MODULES())
    registrations = get_cache_token()
    rules = <object>w.rules
    if (
        rules is not last_rules
        or last_rules_epoch is None
        or modules != last_modules
        or modules == 0  # it is not known what was imported
        or (registrations is not last_registrations and registrations != last_registrations)
    ):
        secure(w)
        rules_epoch = rules.epoch()
        # All at once: letting go of an earlier table may run code that dumps with another one.
        before, before_epoch = last_rules, last_rules_epoch
        if rules is not before or rules_epoch is None or rules_epoch != before_epoch:
            last_rules, last_rules_epoch = rules, rules_epoch
            last_rules_serial += 1
            forget_rules()
        last_modules, last_registrations = modules, registrations
    w.rules_serial = last_rules_serial
    if superseded:
        secure(w)
        drop_superseded()
    return 0


cdef object rule_of(Writer *w, PyTypeObject *type):
    """The rule of this dump's table for `type`, or None. May run Python code."""
    cdef Plan *plan
    if w.rules_serial == 0:
        look_at_rules(w)
    plan = find_plan(type)
    if plan != NULL and plan.rules_serial == w.rules_serial:
        return None if plan.rule == NULL else <object>plan.rule
    return (<object>w.rules).rule_for(<object>type)


cdef bint may_have_reducer(Writer *w, Plan *plan) except -1:
    """Whether the dispatch table in use may know the plan's type. May run Python code."""
    cdef PyTypeObject *type = plan.type
    cdef PyObject *table = w.dispatch_table if w.dispatch_table != NULL else <PyObject *>reducers
    cdef uint64_t version
    if w.asks_table:
        return False  # it is asked about each object (see open_asked)
    if not brinery_type_hashes_plainly(type):
        return True
    if TYPE(table) != &PyDict_Type:
        return chain_may_have(w, table, plan)
    # After each call of a reducer or __getstate__ this is asked anew, and looking it up took a twentieth of the time.
    version = brinery_dict_version(table)
    if table == plan.table and version == plan.table_version and version != 0:
        return False
    # A key with the very hash of the type may compare itself by user code, and that may take the plan's place.
    secure(w)
    if DICT_GET(table, <PyObject *>type) != NULL or plan.type != type:
        return True
    plan.table = table
    plan.table_version = version
    return False


cdef bint is_plain_chain(PyObject *table) except -1:
    """Whether a ChainMap finds what it finds by nothing but its maps, which are plain dicts."""
    global chain_version
    cdef PyTypeObject *cls = TYPE(table)
    cdef unsigned int version = brinery_type_version(cls)
    cdef Py_ssize_t i
    if cls != <PyTypeObject *>ChainMap:
        return False
    if version != 0 and version == chain_version:
        pass
    elif (
        brinery_type_lookup(cls, <PyObject *>NAME_GETITEM) != CHAIN_GETITEM
        or brinery_type_lookup(cls, <PyObject *>NAME_MISSING) != CHAIN_MISSING
        or brinery_type_lookup(cls, <PyObject *>NAME_MAPS) != NULL
        or (<PyTypeObjectFields *>cls).tp_getattro != PyObject_GenericGetAttr
    ):
        return False
    else:
        chain_version = brinery_type_version(cls)
    maps = getattr(<object>table, NAME_MAPS, None)
    if type(maps) is not list:
        return False
    for i in range(LIST_SIZE(<PyObject *>maps)):
        if TYPE(LIST_ITEM(<PyObject *>maps, i)) != &PyDict_Type:
            return False
    return True


cdef bint chain_may_have(Writer *w, PyObject *table, Plan *plan) except -1:
    """may_have_reducer() for the ChainMap that multiprocessing, cloudpickle and others set: asked without its code.

    Two look-ups in Python, each with an exception behind it, would cost more than all of a small instance.
    """
    cdef PyTypeObject *type = plan.type
    cdef Py_ssize_t i
    if not is_plain_chain(table):
        return True
    secure(w)
    for mapping in tuple((<object>table).maps):
        if DICT_GET(<PyObject *>mapping, <PyObject *>type) != NULL or plan.type != type:
            return True
    return False


from collections import ChainMap, OrderedDict, defaultdict, deque, namedtuple

cdef unsigned int chain_version = 0  # of ChainMap, when it was seen to look up so
cdef object NAME_GETITEM = sys.intern("__getitem__")
cdef object NAME_MISSING = sys.intern("__missing__")
cdef object NAME_MAPS = sys.intern("maps")
cdef PyObject *CHAIN_GETITEM = brinery_type_lookup(<PyTypeObject *>ChainMap, <PyObject *>NAME_GETITEM)
cdef PyObject *CHAIN_MISSING = brinery_type_lookup(<PyTypeObject *>ChainMap, <PyObject *>NAME_MISSING)


cdef Plan *make_plan(Writer *w, PyTypeObject *type) except NULL:
    """A new plan of `type`, in its place. Runs Python code, but none after it is in its place."""
    cdef Plan *plan
    cdef Plan made
    cdef int i
    secure(w)
    drop_superseded()
    memset(&made, 0, sizeof(Plan))
    made.type = type
    made.kind = BY_REDUCER
    describe_type(&made, type)
    plan = find_plan(type)
    if plan == NULL:
        plan = &plans[(<uintptr_t>type >> 4) & (PLANS_KEPT - 1)]
        for i in range(PLANS_NEAR):
            if plan[i].type == NULL:
                plan = &plan[i]
                break
        else:
            plan = &plan[last_epoch & (PLANS_NEAR - 1)]
    plan.type = NULL
    let_go(&plan.rule)
    let_go(&plan.slotnames)
    let_go(&plan.names)
    let_go(&plan.offsets)
    plan[0] = made
    return plan


cdef int forget_rules() except -1:
    """Let go of what another rule table gave: it may hold stores that nobody uses any more.

    A dump with that table may still run, around this one: it asks the table again.
    """
    cdef int i
    for i in range(PLANS_KEPT + PLANS_NEAR):
        plans[i].rules_serial = 0
        let_go(&plans[i].rule)
    return 0


cdef list superseded = []  # what plans held, to be dropped where code may run


cdef int drop_superseded() except -1:
    global superseded
    if superseded:
        superseded = []
    return 0


cdef int let_go(PyObject **place) except -1:
    cdef PyObject *obj = place[0]
    if obj != NULL:
        superseded.append(<object>obj)
        place[0] = NULL
        DECREF(obj)
    return 0


cdef int describe_type(Plan *plan, PyTypeObject *type) except -1:
    cls = <object>type
    cdef PyTypeObjectFields *fields = <PyTypeObjectFields *>type
    # The look-up also gives the type a version, if it has none yet.
    cdef PyObject *reduce_ex = brinery_type_lookup(type, <PyObject *>NAME_REDUCE_EX)
    plan.version = brinery_type_version(type)
    if type == &PyType_Type or type == &PyFunction_Type:
        plan.kind = BY_NAME
        return 0
    if plan.version == 0:
        return 0
    if issubclass(cls, type_of_types):
        return describe_metaclass(plan, type)
    if not finds_attributes_plainly(plan, type):
        return 0
    if brinery_type_lookup(type, <PyObject *>NAME_CLASS) != object_attribute(NAME_CLASS):
        return 0
    if describe_known_type(plan, cls) or describe_collection(plan, cls):
        return 0
    if fields.tp_new == NULL:
        return 0
    if reduce_ex != object_attribute(NAME_REDUCE_EX):
        return describe_method(plan, BY_REDUCE_EX, reduce_ex)
    cdef PyObject *reduce = brinery_type_lookup(type, <PyObject *>NAME_REDUCE)
    if reduce != object_attribute(NAME_REDUCE):
        describe_method(plan, BY_REDUCE, reduce)
        # What binds in a way of its own, as Cython's functions, is left to object's method, which looks it up.
        return 0 if plan.kind == BY_REDUCE else describe_method(plan, BY_REDUCE_EX, reduce_ex)
    if brinery_type_lookup(type, <PyObject *>NAME_GETNEWARGS_EX) != NULL or not brinery_is_heap_type(type):
        return describe_method(plan, BY_REDUCE_EX, reduce_ex)  # object's own, called without being looked up
    cdef PyObject *arguments = brinery_type_lookup(type, <PyObject *>NAME_GETNEWARGS)
    if arguments != NULL or issubclass(cls, (list, dict)):
        return describe_contents(plan, cls, arguments)
    cdef PyObject *getstate = brinery_type_lookup(type, <PyObject *>NAME_GETSTATE)
    if getstate != object_attribute(NAME_GETSTATE):
        return describe_method(plan, BY_GETSTATE, getstate)
    return describe_state(plan, cls)


cdef type type_of_types = type


cdef PyObject *object_attribute(object name) noexcept:
    return brinery_type_lookup(&PyBaseObject_Type, <PyObject *>name)


cdef bint describe_collection(Plan *plan, object cls) except -1:
    """The types in C themselves, which nobody can change."""
    kind = COLLECTIONS.get(cls)
    if kind is None or not brinery_is_immutable_type(<PyTypeObject *>cls):
        return False
    plan.kind = kind
    return True


cdef bint finds_attributes_plainly(Plan *plan, PyTypeObject *type) noexcept:
    """Whether attributes that are there are found without running code of the class.

    __getattr__ is asked for the others only; __getattribute__ would be asked for all.
    """
    cdef void *look_up = (<PyTypeObjectFields *>type).tp_getattro
    if look_up == PyObject_GenericGetAttr:
        return True
    plan.falls_back = look_up == LOOKS_UP_BY_METHOD
    # The builtin types each have one of their own, of the same function.
    return plan.falls_back and (
        brinery_wraps(brinery_type_lookup(type, <PyObject *>NAME_GETATTRIBUTE), PyObject_GenericGetAttr)
    )


cdef int describe_metaclass(Plan *plan, PyTypeObject *type) except -1:
    """Classes whose metaclass this is say where they live as those of `type` do, but for its own `__module__`."""
    cdef void *look_up = (<PyTypeObjectFields *>type).tp_getattro
    cdef PyObject *module = brinery_type_lookup(type, <PyObject *>NAME_MODULE)
    if (
        (look_up == (<PyTypeObjectFields *>&PyType_Type).tp_getattro or look_up == LOOKS_UP_BY_METHOD)
        and brinery_type_lookup(type, <PyObject *>NAME_GETATTRIBUTE) == attribute_of_types(NAME_GETATTRIBUTE)
        and brinery_type_lookup(type, <PyObject *>NAME_QUALNAME) == attribute_of_types(NAME_QUALNAME)
        and (module == attribute_of_types(NAME_MODULE) or module != NULL and UNICODE_EXACT(module))
    ):
        plan.kind = BY_METACLASS
    return 0


cdef PyObject *attribute_of_types(object name) noexcept:
    return brinery_type_lookup(&PyType_Type, <PyObject *>name)


cdef int describe_method(Plan *plan, PlanKind kind, PyObject *method) except -1:
    # Functions and C methods take the object as their first argument; other descriptors bind it their way.
    if method != NULL and (TYPE(method) == &PyFunction_Type or TYPE(method) == &PyMethodDescr_Type):
        plan.method = method  # not owned: a method may well refer to its class, which would never go
        plan.kind = kind
    return 0


cdef int describe_contents(Plan *plan, object cls, PyObject *arguments) except -1:
    """A class whose instances have more than attributes, which object.__getstate__ therefore takes as they come."""
    cdef PyTypeObject *type = <PyTypeObject *>cls
    if brinery_type_lookup(type, <PyObject *>NAME_GETSTATE) != object_attribute(NAME_GETSTATE):
        return 0
    names = copyreg._slotnames(cls)
    if TYPE(<PyObject *>names) != &PyList_Type or names:
        return 0
    keep_slotnames(plan, names)
    # Making the names sets a class attribute, and that makes a new version.
    brinery_type_lookup(type, <PyObject *>NAME_REDUCE_EX)
    plan.version = brinery_type_version(type)
    if plan.version == 0:
        return 0
    if issubclass(cls, (list, dict)):
        if arguments == NULL:
            describe_items(plan, type, &PyList_Type if issubclass(cls, list) else &PyDict_Type)
        return 0
    plan.method = arguments
    for base in VALUE_TYPES:
        if arguments == brinery_type_lookup(<PyTypeObject *>base, <PyObject *>NAME_GETNEWARGS):
            plan.base = <PyTypeObject *>base
            plan.kind = BY_TUPLE if base is tuple else BY_VALUE
            return 0
    if TYPE(arguments) == &PyFunction_Type:
        plan.kind = BY_ARGUMENTS
        if issubclass(cls, tuple) and is_named_tuples(arguments):
            # It calls tuple() with the object, and that its iterator and its length.
            if (<PyTypeObjectFields *>type).tp_iter != (<PyTypeObjectFields *>&PyTuple_Type).tp_iter:
                return 0
            if (
                (<PyTypeObjectFields *>type).tp_as_sequence.sq_length
                != (<PyTypeObjectFields *>&PyTuple_Type).tp_as_sequence.sq_length
            ):
                return 0
            plan.kind = BY_NAMED_TUPLE
    return 0


cdef int describe_items(Plan *plan, PyTypeObject *type, PyTypeObject *base) noexcept:
    if base == &PyList_Type:
        if (<PyTypeObjectFields *>type).tp_iter == (<PyTypeObjectFields *>base).tp_iter:
            plan.kind = BY_ITEMS
    elif brinery_type_lookup(type, <PyObject *>NAME_ITEMS) == brinery_type_lookup(base, <PyObject *>NAME_ITEMS):
        plan.kind = BY_PAIRS
    return 0


cdef object NAME_ITEMS = sys.intern("items")
cdef tuple VALUE_TYPES = (int, float, complex, str, bytes, tuple)


cdef int keep_slotnames(Plan *plan, object names) noexcept:
    Py_INCREF(names)
    plan.slotnames = <PyObject *>names
    return 0


cdef int describe_state(Plan *plan, object cls) except -1:
    """What object.__getstate__ would make of an instance: its dict, or its slots."""
    cdef PyTypeObjectFields *fields = <PyTypeObjectFields *>cls
    cdef Py_ssize_t size = OBJECT.__basicsize__, offset
    cdef Py_ssize_t *places
    cdef PyObject *descriptor
    names = copyreg._slotnames(cls)
    # Making the names sets a class attribute, and that makes a new version.
    brinery_type_lookup(<PyTypeObject *>cls, <PyObject *>NAME_REDUCE_EX)
    plan.version = brinery_type_version(<PyTypeObject *>cls)
    if plan.version == 0 or type(names) is not list or fields.tp_itemsize:
        return 0
    if fields.tp_dictoffset and not fields.tp_flags & Py_TPFLAGS_MANAGED_DICT:
        size += sizeof(PyObject *)
    if fields.tp_weaklistoffset > 0:
        size += sizeof(PyObject *)
    size += sizeof(PyObject *) * len(names)
    if fields.tp_basicsize > size:
        return 0  # native state: object.__getstate__ refuses it
    if not names:
        keep_slotnames(plan, names)
        if fields.tp_dictoffset:
            plan.kind = BY_ATTRIBUTES
        return 0
    if fields.tp_dictoffset:
        return describe_method(plan, BY_GETSTATE, object_attribute(NAME_GETSTATE))
    if len(names) >= BATCH:
        return 0
    offsets = bytes(len(names) * sizeof(Py_ssize_t))
    places = <Py_ssize_t *>BYTES_DATA(<PyObject *>offsets)
    for i, name in enumerate(names):
        if type(name) is not str or len(name) > LONGEST_NAME:
            return 0
        descriptor = brinery_type_lookup(<PyTypeObject *>cls, <PyObject *>name)
        offset = brinery_slot_offset(<PyTypeObject *>cls, descriptor) if descriptor != NULL else -1
        if offset < 0:
            return 0
        places[i] = offset
    keep_slotnames(plan, names)
    names = tuple(names)
    Py_INCREF(names)
    Py_INCREF(offsets)
    plan.names = <PyObject *>names
    plan.offsets = <PyObject *>offsets
    plan.slots = len(names)
    plan.kind = BY_SLOTS
    return 0
