# The structs that a dump works on.

cdef enum:
    FRAME_HEADER = 9           # the opcode FRAME and its eight-byte length
    SLACK = 320                # room that is always there when an object begins
    SHORT = 192                # the longest payload that fits into the slack with all around it

# What a step did: opening an object, or going on with the topmost frame.
cdef enum Step:
    WRITTEN        # it is written whole, or the frame is done
    CHILD          # `Writer.item` is to be written next, for the topmost frame
    PUSHED         # a frame was pushed, to be gone on with
    NOT_IN_PLACE   # nothing was written: take the long way

# What a Frame is in the middle of.
cdef enum FrameKind:
    IN_LIST
    IN_DICT
    IN_SET
    IN_TUPLE
    IN_FROZENSET
    IN_VALUES       # an instance's inline attributes: no dict exists
    IN_SLOTS        # an instance's slots: the state that copyreg would build does not exist
    IN_ITEMS        # a reduction's list items, or a list at protocol 0
    IN_PAIRS        # a reduction's dict items, or a dict at protocol 0
    IN_REDUCTION
    IN_STATE        # a state that a BUILD follows
    IN_ARGUMENTS    # what NEWOBJ gets, where no tuple of it exists
    IN_OWN_ITEMS    # the items of a list's subclass
    IN_OWN_PAIRS    # the items of a dict's subclass
    IN_DEFAULTS     # a defaultdict's factory
    IN_INSTANCE     # an instance part by part: its class, no arguments, its state
    IN_GLOBAL
    IN_DOTTED       # a global with dots, where there is no opcode for one
    IN_PERSISTENT_ID

# Writer.item_alone says how many references the next child may have to be left out of the memo (see memo); and
# whether it was found to be no leaf already: not to look again is what writes tuples 1.15 times as fast.
cdef enum:
    TRIED = 2

# Writer.loose holds at most so many: what pop() takes out of one frame, or a state, arguments and two names, and
# what is being let go of beside them.
cdef enum:
    MOST_LOOSE = 8

# What follows a dict or its like when it is written.
cdef enum After:
    NOTHING
    THEN_BUILD
    THEN_SLOTS_BUILD
    ONLY_MEMOIZE       # of a reduction: it stands for a global, which has no state

# One object that is being written. Pointers are borrowed unless said otherwise.
cdef struct Frame:
    signed char kind
    signed char alone      # children of at most so many references need no memo entry (see memo)
    signed char elide      # whether this object, memoized after its children, needs none itself
    signed char owned      # whether `obj` and `owner` are owned
    signed char after
    signed char half       # a pair's key is written, its value is not; of a reduction or state: forget `held`
    int count              # items written of this batch; -1: a single one, without a batch; -2: it is begun
    Py_ssize_t pos         # where to go on
    Py_ssize_t size        # the size when it began
    Py_ssize_t left        # of a dict subclass's pairs: so many may still come
    PyObject *obj
    PyObject *owner        # the instance whose state `obj` is, or NULL
    PyObject *held         # owned: an iterator, a reduction, a state, a persistent ID
    PyObject *following    # owned: an item that an iterator gave ahead of its turn
    PyObject *current      # owned: the item, pair or value being written

cdef struct Entry "brinery_entry":
    PyObject *key
    uint32_t index
    uint32_t generation    # an entry of another generation is empty: a memo is cleared by adding one

cdef struct Writer "brinery_writer":
    # The buffer: [base, cur) is written, `limit` is where an object must ask before it begins.
    char *cur
    char *limit
    char *end
    char *full               # where an object must ask even if every child goes through open_object
    char *base
    PyObject *result         # owned: the bytes object that `base` is in; NULL while in `scratch`
    char *scratch
    Py_ssize_t scratch_size
    Py_ssize_t frame_start   # offset of the open frame's header, or -1
    PyObject *write          # owned: the file's method, or NULL for dumps
    bint flush_pending       # a frame is complete and the file has not got it
    # The memo.
    Entry *table
    size_t mask
    size_t used
    uint32_t generation
    uint32_t first           # the index of log[0]
    PyObject **log           # everything memoized in this dump, in order; see memo for the low bits
    size_t logged
    size_t log_room
    size_t log_owned         # log[:log_owned] is owned, and entered
    # The stack.
    Frame *stack
    Py_ssize_t depth
    Py_ssize_t room
    Py_ssize_t secured       # stack[:secured] is owned
    Py_ssize_t depth_to_check    # see brinery.engine.runaways
    Py_ssize_t objects_there
    PyObject *item           # the child that is to be written next
    int item_alone           # 0 or 1; and TRIED
    PyObject *subject        # owned: the object whose hook or reducer is running
    PyObject *ruled          # whom a rule's function was asked about last: to be compared only, it may be gone
    int ruled_by             # and which function: see Ruling in brinery.engine.levels
    PyObject *loose[MOST_LOOSE]  # owned: what is in no frame (see keep_loose)
    int loose_count
    # The options.
    bint hooked              # any of the hooks below is set
    int proto
    bint binary
    bint fast
    bint fix_imports
    bint careful             # every child goes through open_object: persistent_id is set
    bint opening             # the run loop writes this object: everything is on the stack
    bint asked               # persistent_id is not to be asked about the next object
    bint asks                # reducer_override or the dispatch table is to be asked about each instance
    bint asks_table          # the table, for it is more than dicts
    uint64_t serial          # this dump's
    uint64_t epoch           # changes whenever Python code may have run; see plans
    PyObject *persistent_id      # owned or NULL, and so on
    PyObject *persistent_self    # where persistent_id is a function: its first argument
    PyObject *stored             # what the bound stores gave for this dump
    PyObject *per_dump           # owned or NULL: a dict, the function that each PerDump gave for this dump
    bint foresees                # references may be written before their store is asked; see foresight
    PyObject **notes             # owned: for each of those, NOTED pointers
    size_t noted
    size_t notes_room
    size_t settled               # notes[:settled] were asked about
    bint only_objects            # a note is the object alone, as all is written
    PyObject *reducer_override
    PyObject *dispatch_table
    PyObject *buffer_callback
    PyObject *plan               # owned: the WritePlan
    PyObject *rules              # borrowed from it, or NULL
    uint64_t rules_serial        # what plans know of them is of this number; 0: not asked for yet
    PyObject *names              # borrowed from the plan: its names for all protocols, or NULL
    Writer *next_at_work         # see exposed()
    PyObject *nested             # owned: in fast mode, the set of the ids of containers below the 50th
