"""What is to happen when a session has committed, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event, orm

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["on_commit"]


def on_commit(session: Any, function: Callable[[], object]) -> None:
    """Call `function` when the transaction that `session` is in has committed, and never if it does not.

    Where the session is within a savepoint, and that is rolled back, it is not called either. `session` is a
    Session, scoped_session or AsyncSession. What `function` raises, ``session.commit()`` raises: the
    transaction has committed all the same.
    """
    if isinstance(session, orm.scoped_session):
        session = session()
    session = getattr(session, "sync_session", session)
    transaction = session.get_nested_transaction() or session.get_transaction() or session.begin()
    around = []
    while transaction is not None:
        around.append(transaction)
        transaction = transaction.parent

    def stop() -> None:
        event.remove(session, "after_commit", committed)
        event.remove(session, "after_soft_rollback", rolled_back)

    def committed(session: orm.Session) -> None:
        if not session.in_nested_transaction():
            stop()
            function()

    def rolled_back(session: orm.Session, transaction: orm.SessionTransaction) -> None:
        if transaction in around:
            stop()

    event.listen(session, "after_commit", committed)
    event.listen(session, "after_soft_rollback", rolled_back)
