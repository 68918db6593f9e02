/* A pickle's persistent IDs, found without reading the pickle: from opcode to opcode, as fast as that goes.
 *
 * Branches are foretold by the processor, as a stream repeats itself; a table of lengths, asked for each opcode, would
 * have to be waited for. What is unusual is left to the walk (reader/walker.pxi): BRINERY_SKIM_UNSURE.
 */

#ifndef BRINERY_READING_SKIM_H
#define BRINERY_READING_SKIM_H

#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { BRINERY_SKIM_STOP, BRINERY_SKIM_ID, BRINERY_SKIM_UNSURE };

struct brinery_skim {
    const unsigned char *next;    /* behind what was seen */
    const unsigned char *end;
    const unsigned char *limit;   /* the end of the open frame, or `end` */
    const unsigned char *plain;   /* from here to `next` there are only opcodes that an ID may be made of */
    size_t memoized;              /* how many objects are in the memo at `next`, where all were put there in turn */
    size_t memoized_before;       /* at `plain` */
    int put, memoize;             /* whether one or the other was met */
};

static uint64_t brinery_skim_little(const unsigned char *p, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

#define BRINERY_NEED(n) \
    if (limit - p < (Py_ssize_t)(n)) \
    goto unsure
#define BRINERY_OTHER \
    plain = p; \
    before = memoized
#define BRINERY_PAYLOAD(prefix) \
    BRINERY_NEED(prefix); \
    size = brinery_skim_little(p, prefix); \
    p += prefix; \
    if (size > (uint64_t)(limit - p)) \
        goto unsure; \
    p += size

/* Goes on to behind the next BINPERSID, or to STOP. */
static int brinery_skim_on(struct brinery_skim *state)
{
    const unsigned char *p = state->next, *limit = state->limit, *plain = p;
    size_t memoized = state->memoized, before = memoized;
    uint64_t size;
    for (;;) {
        if (p == limit) {
            limit = state->end; /* the frame is over */
            if (p == limit)
                goto unsure;
        }
        switch (*p++) {
        case 0x94: /* MEMOIZE */
            memoized++;
            state->memoize = 1;
            break;
        case 0x71: /* BINPUT */
            BRINERY_NEED(1);
            if (*p++ != memoized++)
                goto unsure;
            state->put = 1;
            break;
        case 0x72: /* LONG_BINPUT */
            BRINERY_NEED(4);
            if (brinery_skim_little(p, 4) != memoized++)
                goto unsure;
            p += 4;
            state->put = 1;
            break;
        case 0x68: /* BINGET */
        case 0x4B: /* BININT1 */
            p++;
            while (limit - p > 1 && (*p == 0x68 || *p == 0x4B))
                p += 2;
            if (p < limit && *p == 0x8C)
                goto text; /* an attribute's name was met before, its value was not */
            break;
        case 0x4D: /* BININT2 */
            p += 2;
            break;
        case 0x4A: /* BININT */
        case 0x6A: /* LONG_BINGET */
            p += 4;
            break;
        case 0x8C: /* SHORT_BINUNICODE */
            p--;
        text:
            if (limit - p < 2 || limit - p - 2 < p[1])
                goto unsure;
            p += 2 + p[1];
            if (p < limit && *p == 0x94) { /* Picklers memoize every text at once. */
                p++;
                memoized++;
                state->memoize = 1;
                if (p < limit && *p == 0x68) {
                    p += 2;
                    if (p < limit && *p == 0x8C)
                        goto text;
                }
            }
            break;
        case 0x43: /* SHORT_BINBYTES */
        case 0x8A: /* LONG1 */
            BRINERY_PAYLOAD(1);
            break;
        case 0x58: /* BINUNICODE */
            BRINERY_PAYLOAD(4);
            break;
        case 0x4E: /* NONE */
        case 0x88: /* NEWTRUE */
        case 0x89: /* NEWFALSE */
        case 0x85: /* TUPLE1 */
        case 0x86: /* TUPLE2 */
        case 0x87: /* TUPLE3 */
            break;

        /* From here on, what is no part of an ID. */
        case 0x29: /* EMPTY_TUPLE */
            /* An instance: NEWOBJ MEMOIZE EMPTY_DICT MEMOIZE MARK. */
            if (limit - p > 5 && memcmp(p, "\x81\x94}\x94(", 5) == 0) {
                p += 5;
                memoized += 2;
                state->memoize = 1;
            }
            BRINERY_OTHER;
            break;
        case 0x75: /* SETITEMS */
            if (p < limit && *p == 0x62)
                p++; /* BUILD */
            BRINERY_OTHER;
            break;
        case 0x28: /* MARK */
        case 0x5D: /* EMPTY_LIST */
        case 0x7D: /* EMPTY_DICT */
        case 0x8F: /* EMPTY_SET */
        case 0x61: /* APPEND */
        case 0x65: /* APPENDS */
        case 0x73: /* SETITEM */
        case 0x90: /* ADDITEMS */
        case 0x91: /* FROZENSET */
        case 0x74: /* TUPLE */
        case 0x6C: /* LIST */
        case 0x64: /* DICT */
        case 0x30: /* POP */
        case 0x31: /* POP_MARK */
        case 0x52: /* REDUCE */
        case 0x62: /* BUILD */
        case 0x6F: /* OBJ */
        case 0x81: /* NEWOBJ */
        case 0x92: /* NEWOBJ_EX */
        case 0x93: /* STACK_GLOBAL */
        case 0x97: /* NEXT_BUFFER */
        case 0x98: /* READONLY_BUFFER */
            BRINERY_OTHER;
            break;
        case 0x47: /* BINFLOAT */
            p += 8;
            BRINERY_OTHER;
            break;
        case 0x80: /* PROTO */
        case 0x82: /* EXT1 */
            p++;
            BRINERY_OTHER;
            break;
        case 0x83: /* EXT2 */
            p += 2;
            BRINERY_OTHER;
            break;
        case 0x84: /* EXT4 */
            p += 4;
            BRINERY_OTHER;
            break;
        case 0x42: /* BINBYTES */
            BRINERY_PAYLOAD(4);
            BRINERY_OTHER;
            break;
        case 0x8D: /* BINUNICODE8 */
        case 0x8E: /* BINBYTES8 */
        case 0x96: /* BYTEARRAY8 */
            BRINERY_PAYLOAD(8);
            BRINERY_OTHER;
            break;
        case 0x63: /* GLOBAL */
            for (int i = 0; i < 2; i++) {
                p = memchr(p, 10, limit - p);
                if (p == NULL)
                    return BRINERY_SKIM_UNSURE;
                p++;
            }
            BRINERY_OTHER;
            break;
        case 0x95: /* FRAME */
            BRINERY_NEED(8);
            size = brinery_skim_little(p, 8);
            p += 8;
            if (limit != state->end || size > (uint64_t)(limit - p))
                goto unsure;
            limit = p + size; /* it may begin within an ID */
            break;
        case 0x51: /* BINPERSID */
            state->next = p;
            state->limit = limit;
            state->plain = plain;
            state->memoized_before = before;
            state->memoized = memoized;
            return state->put && state->memoize ? BRINERY_SKIM_UNSURE : BRINERY_SKIM_ID;
        case 0x2E: /* STOP */
            state->next = p;
            return BRINERY_SKIM_STOP;
        default:
            goto unsure;
        }
        if (p > limit)
            goto unsure;
    }
unsure:
    return BRINERY_SKIM_UNSURE;
}

#undef BRINERY_NEED
#undef BRINERY_OTHER
#undef BRINERY_PAYLOAD

#endif
