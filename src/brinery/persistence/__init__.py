"""Persistence: objects that live in a store, while the stream carries only their persistent IDs.

``schemes``
    from a URL to a live store.
``stores``
    the contract between brinery and a store, which is four lines for a store of your own.
``binding``
    stores bound to names: what a WritePlan and a ReadPlan get from them.
``loading``
    one load: every store asked once, one object for each key.
``sqlite``
    the store that is always there.
"""
