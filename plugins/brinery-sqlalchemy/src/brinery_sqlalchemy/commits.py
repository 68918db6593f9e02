"""What is to happen when a session has committed, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event, orm

if TYPE_CHECKING:
    from collections.abc import Callable

    Waiting = list[tuple[Callable[[], object], list[orm.SessionTransaction]]]

__all__ = ["on_commit"]

# What waits for a session's commit, in its `info`: each with the transactions that have yet to commit, the
# innermost first. Where none is left, all have committed, and the outermost is just ending.
_WAITING = "brinery_sqlalchemy.on_commit"


def on_commit(session: Any, function: Callable[[], object]) -> None:
    """Call `function` when the transaction that `session` is in has committed, and never if it does not.

    It is bound to that transaction: where that is rolled back, or ends with ``session.close()``, ``reset()``
    or ``invalidate()``, it is not called, whatever the session commits later; nor where the session is within
    a savepoint that is rolled back. `session` is a Session, scoped_session or AsyncSession.

    The transaction has ended by then, so `function` may use the session, which begins another one. What
    `function` raises, ``session.commit()`` raises: the transaction has committed all the same, the session
    can be used, and what waited behind it is not called.
    """
    if isinstance(session, orm.scoped_session):
        session = session()
    session = getattr(session, "sync_session", session)
    transaction = session.get_nested_transaction() or session.get_transaction() or session.begin()
    around = []
    while transaction is not None:
        if transaction.nested or transaction.parent is None:
            around.append(transaction)
        transaction = transaction.parent
    if _WAITING not in session.info:
        session.info[_WAITING] = []
        event.listen(session, "after_commit", _committed)
        event.listen(session, "after_transaction_end", _ended)
    session.info[_WAITING].append((function, around))


def _committed(session: orm.Session) -> None:
    transaction = session.get_nested_transaction() or session.get_transaction()
    for _, around in session.info[_WAITING]:
        if around and around[0] is transaction:
            del around[0]


def _ended(session: orm.Session, transaction: orm.SessionTransaction) -> None:
    # What has committed is no longer among what it waits for.
    waiting: Waiting = [entry for entry in session.info[_WAITING] if transaction not in entry[1]]
    session.info[_WAITING] = waiting
    if transaction.parent is None:
        session.info[_WAITING] = [entry for entry in waiting if entry[1]]
        for function, around in waiting:
            if not around:
                function()
