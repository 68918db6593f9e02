# cython: language_level=3, boundscheck=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=True, embedsignature.format=clinic
"""The compiled engine's reader: what the Python engine's is, several times as fast.

One concern per file, in the order in which they build on each other:

======================  ============================================================================
reader/cpython.pxi      the C interface as it is used here: plain pointers, counted by hand
opcodes.pxi             the opcodes' codes and the format's other numbers, shared with the writer
reader/state.pxi        the state of one load, and the pause of the collector
reader/source.pxi       the cursor over bytes or a file, and frames
reader/stack.pxi        the stack, its marks and the fence
reader/memo.pxi         the memo: an array while dense, a dict beyond
reader/leaves.pxi       text, integers, and everything that protocols 0 to 2 write as text
reader/lines.pxi        such text where it is plain: parsed in place
reader/containers.pxi   lists, dicts, sets
reader/shapes.pxi       changed shapes and Python 2's text, as far as they are asked about here
reader/objects.pxi      globals, extension codes, reductions, persistent IDs, BUILD
reader/instances.pxi    NEWOBJ ... SETITEMS ... BUILD as one step
reader/calls.pxi        TUPLE and REDUCE as one step
reader/dates.pxi        the same for dates
reader/loop.pxi         the loop over opcodes
reader/walker.pxi       finding a stream's persistent IDs before it is loaded
reader/skimmer.pxi      the same for bytes, in most cases without a walk
reader/unpickler.pxi    what people use: Unpickler, its memo, Loader
======================  ============================================================================
"""

include "reader/cpython.pxi"
include "opcodes.pxi"
include "reader/state.pxi"
include "reader/source.pxi"
include "reader/stack.pxi"
include "reader/memo.pxi"
include "reader/leaves.pxi"
include "reader/lines.pxi"
include "reader/containers.pxi"
include "reader/shapes.pxi"
include "reader/objects.pxi"
include "reader/instances.pxi"
include "reader/calls.pxi"
include "reader/dates.pxi"
include "reader/loop.pxi"
include "reader/walker.pxi"
include "reader/skimmer.pxi"
include "reader/unpickler.pxi"
