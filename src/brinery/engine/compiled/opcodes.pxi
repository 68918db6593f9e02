# The format's numbers, for both halves of the engine: the codes of brinery.stream.opcodes.TABLE as C constants (a
# test holds the two together), and from that module itself how many bytes of an argument have a fixed size, where
# frames end and how many items make a batch.

from brinery.stream import opcodes as _opcodes
from brinery.stream.opcodes import BY_CODE

cdef enum:
    INT = 0x49  # I
    BININT = 0x4A  # J
    BININT1 = 0x4B  # K
    BININT2 = 0x4D  # M
    LONG = 0x4C  # L
    LONG1 = 0x8A
    LONG4 = 0x8B
    NEWTRUE = 0x88
    NEWFALSE = 0x89
    NONE = 0x4E  # N
    FLOAT = 0x46  # F
    BINFLOAT = 0x47  # G
    STRING = 0x53  # S
    BINSTRING = 0x54  # T
    SHORT_BINSTRING = 0x55  # U
    BINBYTES = 0x42  # B
    SHORT_BINBYTES = 0x43  # C
    BINBYTES8 = 0x8E
    BYTEARRAY8 = 0x96
    NEXT_BUFFER = 0x97
    READONLY_BUFFER = 0x98
    UNICODE = 0x56  # V
    SHORT_BINUNICODE = 0x8C
    BINUNICODE = 0x58  # X
    BINUNICODE8 = 0x8D
    EMPTY_LIST = 0x5D  # ]
    APPEND = 0x61  # a
    APPENDS = 0x65  # e
    LIST = 0x6C  # l
    EMPTY_TUPLE = 0x29  # )
    TUPLE = 0x74  # t
    TUPLE1 = 0x85
    TUPLE2 = 0x86
    TUPLE3 = 0x87
    EMPTY_DICT = 0x7D  # }
    DICT = 0x64  # d
    SETITEM = 0x73  # s
    SETITEMS = 0x75  # u
    EMPTY_SET = 0x8F
    ADDITEMS = 0x90
    FROZENSET = 0x91
    POP = 0x30  # 0
    DUP = 0x32  # 2
    MARK = 0x28  # (
    POP_MARK = 0x31  # 1
    GET = 0x67  # g
    BINGET = 0x68  # h
    LONG_BINGET = 0x6A  # j
    PUT = 0x70  # p
    BINPUT = 0x71  # q
    LONG_BINPUT = 0x72  # r
    MEMOIZE = 0x94
    GLOBAL = 0x63  # c
    STACK_GLOBAL = 0x93
    EXT1 = 0x82
    EXT2 = 0x83
    EXT4 = 0x84
    REDUCE = 0x52  # R
    BUILD = 0x62  # b
    INST = 0x69  # i
    OBJ = 0x6F  # o
    NEWOBJ = 0x81
    NEWOBJ_EX = 0x92
    PERSID = 0x50  # P
    BINPERSID = 0x51  # Q
    PROTO = 0x80
    STOP = 0x2E  # .
    FRAME = 0x95

cdef int HIGHEST_PROTOCOL = _opcodes.HIGHEST_PROTOCOL
cdef int BATCH = _opcodes.BATCH
cdef int FRAME_TARGET = _opcodes.FRAME_TARGET
cdef int FRAME_LEAST = _opcodes.FRAME_LEAST

# Read before the switch: the whole argument where that has a fixed size, the length where one comes first.
cdef unsigned char FIXED[256]
memset(FIXED, 0, sizeof(FIXED))
for _opcode in _opcodes.TABLE:
    FIXED[_opcode.code[0]] = _opcode.argument.size or _opcode.argument.prefix
