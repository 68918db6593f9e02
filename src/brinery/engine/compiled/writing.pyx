# cython: language_level=3, binding=False, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True, auto_pickle=False, always_allow_keywords=True
# cython: embedsignature=True, embedsignature.format=clinic
"""The compiled engine's writer: Pickler and Dumper.

One module, for the hot loop wants to be inlined across its parts, and one file for each concern:

==================  ==============================================================================
``capi``            the C functions and the private layout that are used, by name
``../opcodes``      the opcodes' codes and the format's other numbers, shared with the reader
``state``           the structs: a Writer, its stack of Frames, its memo's entries
``buffer``          the output: room, frames of protocol 4, large payloads, the file
``memo``            object to index, and the log of what was written without an entry
``stack``           the containers being written, and what makes them safe before Python code runs
``leaves``          None, bool, int, float, str, bytes: what has no parts
``containers``      list, dict, set, frozenset, tuple
``globals``         classes and functions by name
``plans``           what is known of a type, and whether it still holds
``instances``       instances whose reduction is object's own, without the reduction
``subclasses``      instances of subclasses of the builtin types, and with arguments, likewise
``collections``     OrderedDict, deque and defaultdict
``known``           the exact writers: datetime's types
``foresight``       references that are written before their store was asked
``reductions``      everything else: hooks, rules, tables, ``__reduce_ex__``
``run``             one object after another: the loop that drives all of the above
``failures``        where it failed
``pickler``         Pickler and its memo proxy
``dumper``          Dumper: dump and dumps around one plan
==================  ==============================================================================

What is not hot is not here: see ``brinery.engine``'s own modules.
"""

include "writer/capi.pxi"
include "opcodes.pxi"
include "writer/state.pxi"
include "writer/buffer.pxi"
include "writer/memo.pxi"
include "writer/stack.pxi"
include "writer/leaves.pxi"
include "writer/containers.pxi"
include "writer/globals.pxi"
include "writer/plans.pxi"
include "writer/instances.pxi"
include "writer/subclasses.pxi"
include "writer/collections.pxi"
include "writer/known.pxi"
include "writer/foresight.pxi"
include "writer/reductions.pxi"
include "writer/run.pxi"
include "writer/failures.pxi"
include "writer/pickler.pxi"
include "writer/dumper.pxi"
