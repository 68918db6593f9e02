# cython: language_level=3, boundscheck=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=True, embedsignature.format=clinic
"""The compiled engine's reader: what the Python engine's is, several times as fast.

One concern per file, in the order in which they build on each other:

====================  ============================================================================
read_cpython.pxi      the C interface as it is used here: plain pointers, counted by hand
read_opcodes.pxi      the codes that the loop switches on, and the fixed sizes of their arguments
read_state.pxi        the state of one load, and the pause of the collector
read_source.pxi       the cursor over bytes or a file, and frames
read_stack.pxi        the stack, its marks and the fence
read_memo.pxi         the memo: an array while dense, a dict beyond
read_leaves.pxi       text, integers, and everything that protocols 0 to 2 write as text
read_containers.pxi   lists, dicts, sets
read_objects.pxi      globals, extension codes, reductions, persistent IDs, BUILD
read_loop.pxi         the loop over opcodes
read_unpickler.pxi    what people use: Unpickler, its memo, Loader
====================  ============================================================================
"""

include "read_cpython.pxi"
include "read_opcodes.pxi"
include "read_state.pxi"
include "read_source.pxi"
include "read_stack.pxi"
include "read_memo.pxi"
include "read_leaves.pxi"
include "read_containers.pxi"
include "read_objects.pxi"
include "read_loop.pxi"
include "read_unpickler.pxi"
