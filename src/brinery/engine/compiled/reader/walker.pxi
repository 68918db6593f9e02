# Finding a stream's persistent IDs before it is read, so that the stores can fetch all at once.

cimport cython

from brinery.engine.holes import HOLE, is_literal, is_whole

# How the argument of an opcode is read over, beside FIXED: lines, or bytes behind a length.
cdef unsigned char KNOWN[256]
cdef unsigned char LINES[256]
cdef unsigned char PREFIXED[256]
cdef unsigned char SIGNED[256]
memset(KNOWN, 0, sizeof(KNOWN))
memset(LINES, 0, sizeof(LINES))
memset(PREFIXED, 0, sizeof(PREFIXED))
memset(SIGNED, 0, sizeof(SIGNED))
for _opcode in _opcodes.TABLE:
    KNOWN[_opcode.code[0]] = True
    LINES[_opcode.code[0]] = _opcode.argument.lines
    PREFIXED[_opcode.code[0]] = _opcode.argument.prefix > 0
    SIGNED[_opcode.code[0]] = _opcode.argument.signed

# How far it is to the next opcode, where that is all that there is to know; else 0.
cdef unsigned char STEP[256]
memset(STEP, 0, sizeof(STEP))
for _opcode in _opcodes.TABLE:
    if not (_opcode.argument.lines or _opcode.argument.prefix > 0) and _opcode.code[0] not in (
        STOP, PERSID, BINPERSID, FRAME
    ):
        STEP[_opcode.code[0]] = 1 + FIXED[_opcode.code[0]]


cdef inline bint may_refer(object data) noexcept:
    """Whether a byte of `data` could be the opcode of a persistent ID: most small pickles have none."""
    cdef const char *start
    cdef Py_ssize_t size
    if type(data) is not bytes:
        return True
    start = PyBytes_AS_STRING(<PyObject *> data)
    size = PyBytes_GET_SIZE(<PyObject *> data)
    return memchr(start, BINPERSID, size) != NULL or memchr(start, PERSID, size) != NULL


cdef bint refers(Reading r) except -1:
    """Whether the pickle at the cursor has a persistent ID, or is malformed: the walk would have something to find."""
    try:
        return skim(r)
    except Exception:
        return True


cdef bint skim(Reading r) except -1:
    """The same for a stream that is not malformed: opcode by opcode, without a look at what they mean."""
    cdef Source *s = &r.source
    cdef const unsigned char *p = s.next
    cdef const unsigned char *end = s.end
    cdef unsigned long long size
    cdef const unsigned char *q
    cdef int code, fixed, i
    while True:
        # In the buffer, most opcodes are one of these.
        while end - p > 16:
            fixed = STEP[p[0]]
            if fixed:
                p += fixed
                continue
            if p[0] == SHORT_BINUNICODE or p[0] == SHORT_BINBYTES:
                q = p + 2 + p[1]
            elif p[0] == BINUNICODE and p[4] == 0:
                q = p + 5 + (p[1] | p[2] << 8 | p[3] << 16)
            else:
                break
            if q > end:
                break
            p = q
        if p == end:
            s.next = p
            turn(r)
            p = s.next
            end = s.end
        code = p[0]
        p += 1
        if code == STOP:
            return False
        if code == PERSID or code == BINPERSID or not KNOWN[code]:
            return True
        fixed = FIXED[code]
        if end - p < fixed:
            s.next = p
            want(r, fixed)
            p = s.next
            end = s.end
        if PREFIXED[code]:
            size = brinery_little(p, fixed)
            p += fixed
            if SIGNED[code] and size >> 31:
                return True
            if size <= <unsigned long long> (end - p):
                p += size
                continue
            s.next = p
            payload(r, size)
        elif code == FRAME:
            s.next = p + fixed
            enter_frame(r, brinery_little(p, fixed))
        elif LINES[code]:
            s.next = p
            for i in range(LINES[code]):
                line(r)
        else:
            p += fixed
            continue
        p = s.next
        end = s.end


cdef class Walker:
    """Walks one pickle after the other with a memo of its own, as an Unpickler's loads share theirs."""

    cdef Reading reading
    cdef list ids
    cdef bytearray places  # of their opcodes, from where the pickle begins
    cdef Py_ssize_t began
    cdef bint behind  # a pickle was skipped, so this memo lacks what that one put there

    def __cinit__(self):
        self.reading = Reading()
        prepare(self.reading, None, True, "latin-1", "strict", None)
        self.reading.walking = self.reading.blind = True
        self.reading.hole = HOLE

    cdef int in_bytes(self, object data) except -1:
        """Find all persistent IDs of the pickle in `data`, in order (see walk); 0 where there can be none."""
        source_bytes(self.reading, data)
        if not refers(self.reading):
            source_close(self.reading)
            return 0
        source_close(self.reading)
        source_bytes(self.reading, data)
        self.walk()
        return 1

    cdef int in_file(self, object file, bytes begun, Reading beside) except -1:
        """Find all persistent IDs of the next pickle: from `begun`, and behind that, from the Lookahead `file`.

        `beside` reads these pickles for real; None if this is the only one.
        """
        file.record()
        self.stand(file, begun)
        if not refers(self.reading):
            source_close(self.reading)
            file.rewind()
            self.behind = True
            self.ids, self.places = [], bytearray()
            return 0
        if self.behind and beside is not None:
            self.follow(memo_copy(beside))
        file.rewind()
        file.record()
        self.stand(file, begun)
        self.walk()
        file.rewind()
        return 0

    cdef int stand(self, object file, bytes begun) except -1:
        source_close(self.reading)
        source_file(self.reading, file)
        source_hold(self.reading, begun, False)
        return 0

    cdef int walk(self) except -1:
        # An ID that holds an object, which only the load can build, is left out. Where the stream is
        # malformed, the IDs up to there are returned: the load will meet the same place and say so.
        self.ids, self.places = [], bytearray()
        self.began = source_offset(&self.reading.source)
        self.reading.persistent_load = self.collect
        try:
            read_one(self.reading)
        except Exception:
            pass
        self.reading.persistent_load = None
        source_close(self.reading)
        return 0

    def collect(self, pid):
        if is_whole(pid):
            self.ids.append(pid)
            places_add(self.places, opcode_offset(&self.reading.source) - self.began)
        return HOLE

    cdef int follow(self, dict entries) except -1:
        """Take over a memo that was changed from outside: its text and numbers, and holes for the rest."""
        self.behind = False
        memo_empty(&self.reading.memo)
        for index, obj in entries.items():
            memo_put(self.reading, index, <PyObject *> (obj if is_literal(obj) else HOLE))
        return 0
