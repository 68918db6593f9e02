# The persistent IDs of a pickle in bytes, told from the few opcodes before each of them (reading_skim.h).

cdef extern from "reading_skim.h":
    enum:
        BRINERY_SKIM_STOP
        BRINERY_SKIM_ID
        BRINERY_SKIM_UNSURE
    struct brinery_skim:
        const unsigned char *next
        const unsigned char *end
        const unsigned char *limit
        const unsigned char *plain
        size_t memoized
        size_t memoized_before
        int put
        int memoize
    int brinery_skim_on(brinery_skim *) noexcept


cdef enum:
    FEW_PARTS = 90  # bytes, and so at most as many parts: fewer than is_whole() looks at


# Offsets of opcodes are kept in a bytearray, a Py_ssize_t each: an int object for each is 32 bytes more, a third of
# the object that is referred to.

cdef int places_add(bytearray places, Py_ssize_t offset) except -1:
    cdef Py_ssize_t size = len(places)
    PyByteArray_Resize(<PyObject *> places, size + <Py_ssize_t> sizeof(Py_ssize_t))
    memcpy(PyByteArray_AS_STRING(<PyObject *> places) + size, &offset, sizeof(Py_ssize_t))
    return 0


cdef inline Py_ssize_t places_count(bytearray places) noexcept:
    return len(places) // <Py_ssize_t> sizeof(Py_ssize_t)


cdef inline Py_ssize_t places_at(bytearray places, Py_ssize_t index) noexcept:
    return (<Py_ssize_t *> PyByteArray_AS_STRING(<PyObject *> places))[index]


cdef object places_shown(bytearray places):
    """The offsets, as a sequence of ints."""
    return memoryview(places).cast("n")


cdef tuple skim_ids(bytes data):
    """All persistent IDs of the pickle in `data`, in order, and the places of their opcodes; None where it takes a walk.

    Where the stream is malformed there may be more than the walk finds, which stops there.
    """
    cdef brinery_skim state
    cdef const unsigned char *start = <const unsigned char *> PyBytes_AS_STRING(<PyObject *> data)
    cdef list ids = []
    cdef bytearray places = bytearray()
    cdef dict known = {}
    cdef int found
    memset(&state, 0, sizeof(state))
    state.next = start
    state.end = state.limit = start + PyBytes_GET_SIZE(<PyObject *> data)
    while True:
        found = brinery_skim_on(&state)
        if found == BRINERY_SKIM_STOP:
            return ids, places
        if found == BRINERY_SKIM_UNSURE:
            return None
        pid = skimmed_id(&state, known)
        if pid is HOLE or state.next - state.plain > FEW_PARTS and not is_whole(pid):
            return None
        ids.append(pid)
        places_add(places, state.next - 1 - start)


cdef object skimmed_id(brinery_skim *state, dict known):
    """The ID before a BINPERSID, with HOLE for what is not known. `known` has parts of IDs by their memo index."""
    cdef const unsigned char *p = state.plain
    cdef const unsigned char *end = state.next - 1
    cdef size_t index = state.memoized_before
    cdef Py_ssize_t size
    cdef int code
    cdef list stack = []
    while p < end:
        code = p[0]
        p += 1
        if code == BINGET:
            stack.append(known.get(p[0], HOLE))
            p += 1
        elif code == LONG_BINGET:
            stack.append(known.get(<size_t> brinery_little(p, 4), HOLE))
            p += 4
        elif code == MEMOIZE or code == BINPUT or code == LONG_BINPUT:
            # A tuple that is shared may be larger than it looks.
            if stack and type(stack[len(stack) - 1]) is not tuple:
                known[index] = stack[len(stack) - 1]
            index += 1
            p += FIXED[code]
        elif code == SHORT_BINUNICODE or code == BINUNICODE:
            size = <Py_ssize_t> brinery_little(p, FIXED[code])
            p += FIXED[code]
            try:
                stack.append((<const char *> p)[:size].decode("utf-8", "surrogatepass"))
            except UnicodeDecodeError:
                stack.append(HOLE)
            p += size
        elif code == BININT1:
            stack.append(p[0])
            p += 1
        elif code == BININT2:
            stack.append(p[0] | p[1] << 8)
            p += 2
        elif code == BININT:
            stack.append(<int32_t> brinery_little(p, 4))
            p += 4
        elif code == LONG1:
            size = p[0]
            stack.append(int.from_bytes((<const char *> p + 1)[:size], "little", signed=True))
            p += 1 + size
        elif code == SHORT_BINBYTES:
            size = p[0]
            stack.append((<const char *> p + 1)[:size])
            p += 1 + size
        elif code == NONE:
            stack.append(None)
        elif code == NEWTRUE or code == NEWFALSE:
            stack.append(code == NEWTRUE)
        elif code == TUPLE1 or code == TUPLE2 or code == TUPLE3:
            third = stack.pop() if code == TUPLE3 and stack else HOLE
            second = stack.pop() if code != TUPLE1 and stack else HOLE
            if not stack:
                stack.append(HOLE)
            first = stack[len(stack) - 1]
            if first is HOLE or (code != TUPLE1 and second is HOLE) or (code == TUPLE3 and third is HOLE):
                made = HOLE
            elif code == TUPLE2:
                made = first, second
            else:
                made = (first,) if code == TUPLE1 else (first, second, third)
            stack[len(stack) - 1] = made
        else:  # FRAME
            p += FIXED[code]
    return stack[len(stack) - 1] if stack else HOLE
