# The output: room for what is written, frames of protocol 4 (PEP 3154), large payloads, the file.
#
# dumps begins in a scratch that is kept from call to call; what outgrows it goes on in a bytes object,
# which grows in place and becomes the result.

cdef enum:
    FIRST_MAPPED = 192 * 1024
    FEW_BYTES = 16 * 1024 * 1024  # so much may be asked for on the guess that it will be needed

cdef Py_ssize_t last_size = 0  # of what outgrew the scratch


cdef int grow(Writer *w, Py_ssize_t wanted) except -1:
    """Make room for `wanted` more bytes, and the slack."""
    cdef Py_ssize_t used = w.cur - w.base, size
    cdef PyObject *bigger
    if wanted > (<Py_ssize_t>1 << 62) - used:
        raise MemoryError
    # By half while small. A large buffer is moved by changing its page table only, so it can grow in
    # steps that leave less of it empty than C pickle leaves; a payload gets what it needs.
    size = max(used + wanted + 2 * SLACK, used + used // (2 if used < 256 * 1024 else 8))
    # What is written again and again is of a size: to move less of it, and to touch less memory, the
    # last steps are one. Measured, among dumps of 100k strings: half the page faults, 0.85 of the time.
    if size < last_size + 2 * SLACK <= (16 if last_size < FEW_BYTES else 4) * used:
        size = last_size + 2 * SLACK
    if w.result == NULL:
        # A block of more than 128 KiB is one that the C library maps: it grows without leaving smaller ones
        # behind, a twentieth of the peak of a dump of 1 MB.
        if not 0 < last_size < FIRST_MAPPED:
            size = max(size, FIRST_MAPPED)
        bigger = BYTES_NEW(NULL, size)
        memcpy(BYTES_DATA(bigger), w.base, used)
        w.result = bigger
    else:
        BYTES_RESIZE(&w.result, size)
    w.base = BYTES_DATA(w.result)
    w.cur = w.base + used
    w.end = w.base + size
    if size >= 4 * 1024 * 1024:
        brinery_advise_huge(w.base, size)
    set_limit(w)
    return 0


cdef inline int reserve(Writer *w, Py_ssize_t wanted) except -1:
    if w.end - w.cur < wanted + SLACK:
        grow(w, wanted)
    return 0


cdef inline int room "brinery_room"(Writer *w) except -1:
    """Room for a few closing opcodes: containers that end one after another pass no boundary."""
    if w.end - w.cur < 64:
        grow(w, SLACK)
    return 0


cdef inline void set_limit(Writer *w) noexcept:
    w.full = w.end - SLACK
    if w.frame_start >= 0 and w.base + w.frame_start + FRAME_HEADER + FRAME_TARGET < w.full:
        w.full = w.base + w.frame_start + FRAME_HEADER + FRAME_TARGET
    w.limit = w.base if w.careful or w.flush_pending else w.full


cdef inline int op "brinery_op"(Writer *w, int code) except -1:
    room(w)
    w.cur[0] = <char>code
    w.cur += 1
    return 0


cdef int boundary(Writer *w) except -1:
    """An object begins: close a full frame, make room. 1 where a leaf may not be written in place."""
    if w.frame_start >= 0 and w.cur - w.base - w.frame_start - FRAME_HEADER >= FRAME_TARGET:
        commit_frame(w)
        if w.write != NULL:
            # Not now: writing runs Python code, and the caller may hold what it has not secured.
            w.flush_pending = True
        open_frame(w)
    if w.end - w.cur < SLACK:
        grow(w, SLACK)
    set_limit(w)
    return 1 if w.careful or w.flush_pending else 0


cdef inline int begin(Writer *w) except -1:
    """boundary(), where what follows is written in place whatever it says."""
    if w.cur >= w.limit:
        boundary(w)
    return 0


cdef int open_frame(Writer *w) except -1:
    """A frame is always open at protocol 4 and up; one that turns out too short loses its header again."""
    if w.proto >= 4:
        reserve(w, FRAME_HEADER)
        w.frame_start = w.cur - w.base
        w.cur += FRAME_HEADER
    set_limit(w)
    return 0


cdef int commit_frame(Writer *w) except -1:
    cdef char *header
    cdef Py_ssize_t size
    if w.frame_start < 0:
        return 0
    header = w.base + w.frame_start
    size = w.cur - header - FRAME_HEADER
    if size >= FRAME_LEAST:
        header[0] = <char>FRAME
        brinery_put_u64(header + 1, size)
    else:
        brinery_copy(header, header + FRAME_HEADER, size)
        w.cur -= FRAME_HEADER
    w.frame_start = -1
    return 0


cdef PyObject *take "brinery_take"(Writer *w) except NULL:
    """The bytes written so far, as a new reference; the buffer is empty afterwards."""
    global last_size
    cdef PyObject *taken
    cdef Py_ssize_t size = w.cur - w.base
    if w.result == NULL:
        taken = BYTES_NEW(w.base, size)
    else:
        last_size = size
        brinery_keep_memory(size)
        BYTES_RESIZE(&w.result, size)
        taken = w.result
        w.result = NULL
        w.base = w.scratch
        w.end = w.scratch + w.scratch_size
    w.cur = w.base
    return taken


cdef int flush(Writer *w) except -1:
    """Give the file what is complete. The caller has secured everything: this runs Python code."""
    cdef Py_ssize_t whole = w.cur - w.base if w.frame_start < 0 else w.frame_start
    cdef Py_ssize_t rest = w.cur - w.base - whole
    cdef object data
    w.flush_pending = False
    if whole:
        if rest == 0 and w.result != NULL:
            data = <object>take(w)
            Py_DECREF(data)
        else:
            data = (<char *>w.base)[:whole]
            memmove(w.base, w.base + whole, rest)
            w.cur = w.base + rest
            if w.frame_start >= 0:
                w.frame_start = 0
        give(w, data)
    set_limit(w)
    return 0


cdef int give(Writer *w, object data) except -1:
    """Give the file `data`, whole."""
    cdef PyObject *args[2]
    cdef int64_t size
    args[1] = <PyObject *>data  # the first is room for `self`
    try:
        taken = CALL(w.write, args + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET)
    except TypeError as refused:
        text_file(refused, <object>w.write)
        raise
    if taken is None:
        return 0
    if type(taken) is int and brinery_small_int(<PyObject *>taken, &size) and size == <int64_t>len(data):
        return 0
    write_rest(<object>w.write, data, taken)
    return 0


cdef int write_payload(Writer *w, const char *header, int header_size, const char *data, Py_ssize_t size,
                       PyObject *payload) except -1:
    """Write a large payload outside of frames; to a file, without copying it if `payload` holds it."""
    commit_frame(w)
    if w.write == NULL:
        reserve(w, header_size + size)
        memcpy(w.cur, header, header_size)
        memcpy(w.cur + header_size, data, size)
        w.cur += header_size + size
    else:
        secure(w)
        reserve(w, header_size)
        memcpy(w.cur, header, header_size)
        w.cur += header_size
        flush(w)
        give(w, payload_view(payload) if payload != NULL else data[:size])
    return open_frame(w)


cdef object payload_view(PyObject *payload):
    """The bytes of a large object, as something to write without copying it, and to keep if a file does."""
    obj = <object>payload
    if type(obj) is bytes:
        return obj
    return obj.raw() if type(obj) is PickleBuffer else memoryview(obj)
