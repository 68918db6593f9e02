"""What is to happen when a session has committed, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event, orm

if TYPE_CHECKING:
    from collections.abc import Callable

    Waiting = list[tuple[Callable[[], object], list[orm.SessionTransaction]]]

__all__ = ["on_commit"]

# What waits for a session's commit, in its `info`: each with the transactions that have to commit.
_WAITING = "brinery_sqlalchemy.on_commit"


def on_commit(session: Any, function: Callable[[], object]) -> None:
    """Call `function` when the transaction that `session` is in has committed, and never if it does not.

    Where the session is within a savepoint, and that is rolled back, it is not called either. `session` is a
    Session, scoped_session or AsyncSession. What `function` raises, ``session.commit()`` raises: the
    transaction has committed all the same, and what waited behind it is not called.
    """
    if isinstance(session, orm.scoped_session):
        session = session()
    session = getattr(session, "sync_session", session)
    transaction = session.get_nested_transaction() or session.get_transaction() or session.begin()
    around = []
    while transaction is not None:
        around.append(transaction)
        transaction = transaction.parent
    if _WAITING not in session.info:
        session.info[_WAITING] = []
        event.listen(session, "after_commit", _committed)
        event.listen(session, "after_soft_rollback", _rolled_back)
    session.info[_WAITING].append((function, around))


def _committed(session: orm.Session) -> None:
    if session.in_nested_transaction():
        return
    waiting: Waiting = session.info[_WAITING]
    session.info[_WAITING] = []
    for function, _ in waiting:
        function()


def _rolled_back(session: orm.Session, transaction: orm.SessionTransaction) -> None:
    waiting: Waiting = session.info[_WAITING]
    session.info[_WAITING] = [entry for entry in waiting if transaction not in entry[1]]
