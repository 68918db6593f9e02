from io import BufferedReader, BytesIO, FileIO

from brinery.engine.explaining import no_buffer, no_reader

# The cursor. All bytes come through one buffer: the caller's own data, a frame, what peek() showed, or
# what a single read() brought. Nothing past STOP is ever read off a file: a peeked buffer is only
# settled (read for real) up to where the cursor stands.

cdef Py_ssize_t CHUNK = 1 << 18        # a declared length is believed so far before bytes have come
cdef Py_ssize_t PREFETCH = 1 << 13     # how much peek() is asked to show
cdef Py_ssize_t LARGE = 1 << 16        # payloads from here on are read without a stop in the buffer
cdef Py_ssize_t LENGTH_MOST = (<size_t> -1) >> 1


_shown = bytes(b"0123456789")
_file = BytesIO(_shown)
_file.seek(5)
_viewed = BytesIO(_shown)
_views = (_viewed.getbuffer(), _viewed.getbuffer())
#: Whether a BytesIO can be asked for its bytes, without a call and a copy.
cdef bint MEMORY_KNOWN = brinery_memory_is_known(
    <PyObject *> _file, <PyObject *> _shown, 5, <PyObject *> _viewed, len(_views)
)
del _file, _shown, _viewed, _views


cdef int source_bytes(Reading r, object data) except -1:
    """Read from `data`, which must be bytes-like and contiguous, and outlive the reading."""
    cdef Source *s = &r.source
    s.steady = type(data) is bytes
    if s.steady:  # the caller holds it
        s.start = s.next = <const unsigned char *> PyBytes_AS_STRING(<PyObject *> data)
        s.end = s.limit = s.start + PyBytes_GET_SIZE(<PyObject *> data)
    else:
        try:
            PyObject_GetBuffer(data, &s.view, PyBUF_CONTIG_RO)
        except TypeError as refused:
            no_buffer(refused, data)
            raise
        s.viewed = True
        s.start = s.next = <const unsigned char *> s.view.buf
        s.end = s.limit = s.start + s.view.len
    s.before = 0
    s.framed = s.peeked = False
    s.opcode = s.start
    return 0


cdef int source_file(Reading r, object file) except -1:
    """Read from `file`: read and readline must be there, peek and readinto are used where they are."""
    r.memory = type(file) is BytesIO
    if r.memory:  # its methods are called on itself
        r.file = r.read = r.readline = r.readinto = file
        r.source.steady = True
        return 0
    r.peek = getattr(file, "peek", None)
    r.readinto = getattr(file, "readinto", None)
    read = getattr(file, "read", None)
    readline = getattr(file, "readline", None)
    if read is None or readline is None:
        raise no_reader(file)
    r.file = file
    r.read = read
    r.readline = readline
    r.source.steady = True
    return 0


cdef int source_close(Reading r) except -1:
    cdef Source *s = &r.source
    if s.viewed:
        s.viewed = False
        PyBuffer_Release(&s.view)
    s.start = s.next = s.end = s.limit = s.settled = s.opcode = NULL
    s.before = 0
    s.framed = s.peeked = False
    if r.file is not None:
        r.file = r.read = r.readline = r.readinto = r.peek = r.held = r.first = None
        r.memory = False
    return 0


cdef inline Py_ssize_t source_offset(Source *s) noexcept:
    return s.before + (s.next - s.start)


cdef inline Py_ssize_t opcode_offset(Source *s) noexcept:
    return s.before + (s.opcode - s.start) if s.opcode != NULL else s.opcode_offset


cdef int source_hold(Reading r, bytes data, bint peeked) except -1:
    """Go on in `data`; the buffer before must have been used up, or not be settled."""
    cdef Source *s = &r.source
    if s.opcode != NULL:  # the opcode at work stays known, for errors
        s.opcode_offset = s.before + (s.opcode - s.start)
        s.opcode_code = s.opcode[0] if s.opcode < s.limit else STOP
        s.opcode = NULL
    s.before += s.next - s.start
    if s.before == 0:
        r.first = data  # for errors: what the stream begins with tells what it is
    r.held = data
    s.start = s.next = s.settled = <const unsigned char *> PyBytes_AS_STRING(<PyObject *> data)
    s.end = s.limit = s.start + PyBytes_GET_SIZE(<PyObject *> data)
    s.peeked = peeked
    return 0


cdef inline int check_length(Reading r, unsigned long long size) except -1:
    """Lengths of eight bytes that no size can be raise what C pickle raises."""
    if size > <unsigned long long> LENGTH_MOST:
        refuse_length(r)
    return 0


cdef int refuse_length(Reading r) except -1:
    cdef Source *s = &r.source
    raise refusals.too_long(BY_CODE[s.opcode[0] if s.opcode != NULL else s.opcode_code].name)


cdef object truncated():
    return ReadError("pickle data was truncated")


cdef bytes checked(object data):
    """What a file's method returned, as bytes. Raises TypeError for what is no buffer."""
    return <bytes> data if type(data) is bytes else bytes(memoryview(data))


cdef bytes file_read(Reading r, Py_ssize_t count):
    """One read(): up to `count` bytes, b"" at the end of the file."""
    cdef bytes data
    if r.memory:
        data = r.file.read(count)
    else:
        secure(r)
        data = checked(r.read(count))
        resume(r)
    if len(data) > count:
        raise ReadError(f"read() returned {len(data)} bytes where {count} were asked for")
    return data


cdef int settle(Reading r) except -1:
    """Read off the file what was only peeked at and has been used."""
    cdef Source *s = &r.source
    cdef Py_ssize_t used = s.next - s.settled
    cdef bytes data
    if not s.peeked:
        return 0
    if r.memory:
        return stand_at(r, s.next)
    s.settled = s.next
    while used > 0:
        data = file_read(r, used)
        if not data:
            raise truncated()
        used -= len(data)
    return 0


cdef bytes read_exactly(Reading r, Py_ssize_t count):
    """`count` bytes from the file, in as many reads as that takes.

    Memory grows with what has come, but where the file is known to have as much.
    """
    cdef bytes data
    cdef list pieces
    cdef Py_ssize_t got
    if count > CHUNK and has_left(r, count):
        return read_growing(r, b"", count, count)
    data = file_read(r, min(count, CHUNK))
    got = len(data)
    if got == count:
        return data
    if count > CHUNK and keeps_no_view(r):
        return read_growing(r, data, count, min(count, max(2 * got, CHUNK)))
    pieces = [data]
    while got < count:
        data = file_read(r, min(count - got, max(got, CHUNK)))
        if not data:
            raise truncated()
        pieces.append(data)
        got += len(data)
    return b"".join(pieces)


cdef bytes read_growing(Reading r, bytes begun, Py_ssize_t count, Py_ssize_t room):
    """The rest of a large payload, through readinto() and without a second copy; with `room` bytes to begin with."""
    cdef Py_ssize_t got = len(begun), more
    cdef PyObject *grown = PyBytes_FromStringAndSize(NULL, room)
    try:
        brinery_advise_large(PyBytes_AS_STRING(grown), room)
        memcpy(PyBytes_AS_STRING(grown), <char *> begun, got)
        while got < count:
            if got == room:
                room = min(count, 2 * got)
                _PyBytes_Resize(&grown, room)
                brinery_advise_large(PyBytes_AS_STRING(grown) + got, room - got)
            more = file_readinto(r, PyBytes_AS_STRING(grown) + got, room - got)
            if more == 0:
                raise truncated()
            got += more
        result = <bytes> <object> grown
        return result
    finally:
        Py_XDECREF(grown)


cdef bint keeps_no_view(Reading r) except -1:
    """Whether the file's readinto() is the interpreter's own all the way down.

    Any other may keep a slice of the view that it is given, which outlives the view's release.
    """
    cdef object file = r.file
    if type(file) is BufferedReader:
        try:
            file = file.raw  # looked at each time: user code may give the reader another one
        except ValueError:  # detached
            return False
    return type(file) is FileIO or type(file) is BytesIO


cdef bint has_left(Reading r, Py_ssize_t count) except -1:
    """Whether the file is one that is known to have `count` bytes more. One that shrinks meanwhile gives less."""
    cdef bint enough = False
    cdef object file = r.file
    if not keeps_no_view(r):
        return False
    secure(r)
    try:
        at = file.tell()
        if r.memory:
            enough = file.seek(0, 2) - at >= count
            file.seek(at)
        else:
            enough = brinery_file_size(file.fileno()) - at >= count
    except (OSError, ValueError):  # closed, or nothing that one can be at a place in
        pass
    resume(r)
    return enough


cdef Py_ssize_t file_readinto(Reading r, char *memory, Py_ssize_t count) except -1:
    """One readinto() of a file that keeps no view: how many bytes came."""
    cdef Py_ssize_t more
    secure(r)
    view = <object> PyMemoryView_FromMemory(memory, count, PyBUF_WRITE)
    Py_DECREF(<PyObject *> view)
    try:
        more = came_in(r.file.readinto(view) if r.memory else r.readinto(view), count)
    finally:
        view.release()
    resume(r)
    return more


cdef Py_ssize_t came_in(object came, Py_ssize_t count) except -1:
    """What readinto() returned, as a number of at most `count` bytes."""
    cdef Py_ssize_t more
    if type(came) is not int:
        raise TypeError(f"readinto() should return an int, not {type(came).__name__}")
    more = came
    if more < 0 or more > count:
        raise ValueError(f"readinto() returned {more} for a buffer of {count} bytes")
    return more


cdef Py_ssize_t file_extend(Reading r, bytearray made, Py_ssize_t count) except -1:
    """One readinto() of up to `count` bytes behind what `made` holds: how many came.

    The file is given memory of its own, which lives as long as whatever it keeps of it. One copy is what that takes.
    """
    cdef Py_ssize_t more
    secure(r)
    piece = bytearray(count)
    view = memoryview(piece)
    more = came_in(r.readinto(view), count)
    view.release()
    made += memoryview(piece)[:more]
    resume(r)
    return more


cdef int want(Reading r, Py_ssize_t count) except -1:
    """Make `count` bytes readable at the cursor (called where they are not)."""
    cdef Source *s = &r.source
    cdef bytes data
    if s.framed:
        raise ReadError("pickle exhausted before end of frame")
    if r.read is None:
        raise truncated()
    if s.peeked:
        settle(r)
    elif s.next < s.limit:
        # The rest of an earlier buffer comes first: only a frame that went on after STOP leaves one.
        data = (<const char *> s.next)[: s.limit - s.next]
        source_hold(r, data + read_exactly(r, count - len(data)), False)
        return 0
    if not look(r, count):
        source_hold(r, read_exactly(r, count), False)
    return 0


cdef bint look(Reading r, Py_ssize_t count) except -1:
    """Show `count` bytes by peek(), if that can."""
    cdef bytes data
    if r.memory and MEMORY_KNOWN:
        return look_into_memory(r, count)
    if count >= PREFETCH:
        return False
    if r.memory:
        # A file in memory goes back at no cost. Opcodes of protocols 0 to 3 come in no frames, and fetching
        # each alone made loading from a BytesIO four times slower.
        data = r.file.read(PREFETCH)
        r.file.seek(-len(data), 1)
    elif r.peek is None:
        return False
    else:
        secure(r)
        try:
            data = checked(r.peek(PREFETCH))
        except NotImplementedError:  # the way of a wrapper to say that what it wraps has none
            r.peek = None
            data = b""
        resume(r)
    if len(data) < count:
        return False
    source_hold(r, data, True)
    return True


cdef bint look_into_memory(Reading r, Py_ssize_t count) except -1:
    """The same for a BytesIO: all that is left of it, if that is as much, and nobody has a view to change it by."""
    cdef Source *s = &r.source
    cdef Py_ssize_t pos = 0, size = 0
    cdef PyObject *data = brinery_memory_bytes(<PyObject *> r.file, &pos, &size)
    if data == NULL or size - pos < count:
        return False
    source_hold(r, <bytes> <object> data, True)
    s.start = s.next = s.settled = s.start + pos
    s.end = s.limit = s.start + (size - pos)
    return True


cdef int turn(Reading r) except -1:
    """Between two opcodes, at the end of a frame or buffer: make the next opcode readable."""
    cdef Source *s = &r.source
    cdef bytes data
    if s.framed:
        s.framed = False
        s.end = s.limit
        if s.next < s.end:
            return 0
    s.opcode = s.next
    if r.read is None:
        raise EOFError("Ran out of input")
    settle(r)
    if not look(r, 1):
        data = file_read(r, 1)
        if not data:
            raise EOFError("Ran out of input")
        source_hold(r, data, False)
    return 0


cdef int check_nested(Source *s) except -1:
    if s.framed and s.next < s.end:
        raise ReadError("a frame begins before the end of the one around it")
    return 0


cdef int enter_frame(Reading r, unsigned long long size) except -1:
    """FRAME: the next `size` bytes hold whole opcodes only (PEP 3154)."""
    cdef Source *s = &r.source
    if NESTED_FRAMES_FIRST:
        check_nested(s)
    check_length(r, size)
    check_nested(s)
    s.framed = False
    s.end = s.limit
    if s.limit - s.next < <Py_ssize_t> size:
        want(r, size)
    s.end = s.next + <Py_ssize_t> size
    s.framed = True
    if r.memory and s.peeked and not r.walking:
        stand_at(r, s.end)
        leave_window(s, s.end)
    return 0


# A file that cannot peek is read by C pickle to the end of a frame, or opcode by opcode where there are none, and user
# code may read on from there: what lies raw behind a pickle, or another pickle. A file in memory is such a
# file, and only looked into here, so it is moved before user code that may have been given it. Where that code moved
# or changed it, what was shown of it is no longer what comes next.

cdef int stand(Reading r) except -1:
    """User code is about to be called: let a file in memory stand behind the opcode at work."""
    if r.memory and r.source.peeked and not r.walking:
        stand_at(r, r.source.next)
    return 0


cdef int look_again(Reading r) except -1:
    """User code was called: forget what a file in memory showed, unless it is as it was left."""
    cdef Source *s = &r.source
    cdef const unsigned char *whole
    if r.memory and s.peeked and not r.walking:
        whole = <const unsigned char *> PyBytes_AS_STRING(<PyObject *> r.held)
        if not MEMORY_KNOWN or not brinery_memory_is(
            <PyObject *> r.file, <PyObject *> r.held, s.settled - whole, s.limit - whole
        ):
            stand_at(r, s.next)  # a line was read since, of which no user code was told
            leave_window(s, s.next)
    return 0


cdef int stand_at(Reading r, const unsigned char *place) except -1:
    cdef Source *s = &r.source
    cdef Py_ssize_t used = place - s.settled
    s.settled = place
    if MEMORY_KNOWN:
        brinery_memory_move(<PyObject *> r.file, used)
    elif used:
        r.file.seek(used, 1)
    return 0


cdef inline void leave_window(Source *s, const unsigned char *end) noexcept:
    """From `end` on, the file is asked again."""
    s.peeked = False
    s.end = s.limit = end


cdef const unsigned char *payload(Reading r, unsigned long long size) except NULL:
    """The next `size` bytes in one piece, and the cursor behind them. Valid until the next read."""
    cdef Source *s = &r.source
    cdef const unsigned char *data
    check_length(r, size)
    if <unsigned long long> (s.end - s.next) < size:
        want(r, size)
    data = s.next
    s.next += <Py_ssize_t> size
    return data


cdef int check_empty(Reading r) except -1:
    """Where no byte is left and no file to ask, C pickle does not even read none."""
    if r.source.next == r.source.limit and r.read is None:
        raise truncated()
    return 0


cdef PyObject *payload_bytes(Reading r, unsigned long long size) except NULL:
    """The next `size` bytes as a bytes object of their own."""
    cdef Source *s = &r.source
    cdef PyObject *copy
    cdef bytes data
    check_length(r, size)
    if size == 0:
        check_empty(r)
    if <unsigned long long> (s.end - s.next) >= size:
        copy = PyBytes_FromStringAndSize(NULL, <Py_ssize_t> size)
        brinery_advise_large(PyBytes_AS_STRING(copy), <Py_ssize_t> size)
        memcpy(PyBytes_AS_STRING(copy), s.next, size)
        s.next += <Py_ssize_t> size
        return copy
    if s.framed or r.read is None or size < <unsigned long long> LARGE:
        return PyBytes_FromStringAndSize(<const char *> payload(r, size), <Py_ssize_t> size)
    # Large, from a file: what read() gave is the object itself.
    settle(r)
    source_hold(r, b"", False)
    data = read_exactly(r, size)
    r.source.before += <Py_ssize_t> size
    Py_INCREF(<PyObject *> data)
    return <PyObject *> data


cdef object payload_bytearray(Reading r, unsigned long long size):
    """The next `size` bytes as a bytearray; straight into it where the file has readinto."""
    cdef Source *s = &r.source
    cdef Py_ssize_t filled, total, room, came
    cdef bytearray made
    cdef bytes begun
    check_length(r, size)
    if size == 0:
        check_empty(r)
    if <unsigned long long> (s.end - s.next) >= size:
        made = <object> PyByteArray_FromStringAndSize(NULL, <Py_ssize_t> size)
        Py_DECREF(<PyObject *> made)
        brinery_advise_large(PyByteArray_AS_STRING(<PyObject *> made), <Py_ssize_t> size)
        memcpy(PyByteArray_AS_STRING(<PyObject *> made), s.next, size)
        s.next += <Py_ssize_t> size
        return made
    if s.framed or r.readinto is None:
        return bytearray((<const char *> payload(r, size))[:size])
    begun = leave_buffer(r)
    total = <Py_ssize_t> size
    filled = len(begun)
    if keeps_no_view(r) and (total - filled <= CHUNK or has_left(r, total - filled)):
        return filled_at_once(r, begun, total)
    made = bytearray(begun)
    while filled < total:
        room = min(total - filled, max(filled // 2, CHUNK))
        if keeps_no_view(r):
            PyByteArray_Resize(<PyObject *> made, filled + room)
            brinery_advise_large(PyByteArray_AS_STRING(<PyObject *> made) + filled, room)
            came = file_readinto(r, PyByteArray_AS_STRING(<PyObject *> made) + filled, room)
            PyByteArray_Resize(<PyObject *> made, filled + came)
        else:
            came = file_extend(r, made, room)
        if came == 0:
            raise truncated()
        filled += came
        s.before += came
    return made


cdef bytearray filled_at_once(Reading r, bytes begun, Py_ssize_t total):
    """A bytearray of `total` bytes: `begun`, and the rest from the file."""
    cdef Source *s = &r.source
    cdef Py_ssize_t filled = len(begun), came
    cdef bytearray made = <object> PyByteArray_FromStringAndSize(NULL, total)
    cdef char *memory = PyByteArray_AS_STRING(<PyObject *> made)
    Py_DECREF(<PyObject *> made)
    brinery_advise_large(memory, total)
    memcpy(memory, <const char *> begun, filled)
    while filled < total:
        came = file_readinto(r, memory + filled, total - filled)
        if came == 0:
            raise truncated()
        filled += came
        s.before += came
    return made


cdef bytes leave_buffer(Reading r):
    """Stand in the file where the cursor is; what was already read of it behind that is returned."""
    cdef Source *s = &r.source
    cdef bytes rest = b""
    if s.peeked:
        settle(r)
    else:
        rest = (<const char *> s.next)[: s.limit - s.next]
        s.next = s.limit
    source_hold(r, b"", False)
    return rest


cdef bytes line(Reading r):
    """The rest of the line, without its newline."""
    cdef Source *s = &r.source
    cdef const unsigned char *newline = NULL
    cdef Py_ssize_t size
    cdef bytes data
    if s.next < s.end:
        newline = <const unsigned char *> memchr(s.next, 0x0A, s.end - s.next)
    if newline == NULL:
        if s.framed or r.read is None:
            raise truncated()
        return file_line(r)
    size = newline - s.next
    data = (<const char *> s.next)[:size]
    s.next = newline + 1
    return data


cdef bytes file_line(Reading r):
    """The same where the newline is still in the file. A line without one is the end of the file."""
    cdef bytes begun = leave_buffer(r), data
    if r.memory:
        data = r.file.readline()
    else:
        secure(r)
        data = checked(r.readline())
        resume(r)
    r.source.before += len(data)
    if not data.endswith(b"\n"):
        raise truncated()
    if data.find(b"\n") < len(data) - 1:
        raise ReadError("readline() returned more than a line")
    return (begun + data)[:-1]
