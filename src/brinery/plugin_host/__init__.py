"""The plugin host: from what is installed to the plans that an engine reads.

::

    discovery ──► selection ──► collecting (checks) ──► conflicts ──► composing ──► rules, name maps

Everything here runs when a profile is composed, never while an object is written or read; the one
exception is the rule table, which resolves each type once.
"""
