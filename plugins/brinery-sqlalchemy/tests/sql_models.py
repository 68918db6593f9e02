"""The classes that the tests map."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "bri_customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    city: Mapped[str] = mapped_column(sa.String(80), default="Bern")
    orders: Mapped[list[Order]] = relationship(back_populates="customer")


class Order(Base):
    __tablename__ = "bri_order"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int | None] = mapped_column(sa.ForeignKey("bri_customer.id"))
    note: Mapped[str] = mapped_column(sa.String(80), default="")
    customer: Mapped[Customer | None] = relationship(back_populates="orders")


class Line(Base):
    """A composite key."""

    __tablename__ = "bri_line"
    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    article: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    amount: Mapped[int]


# Inheritance: joined, single, concrete.


class Person(Base):
    __tablename__ = "bri_person"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(20))
    name: Mapped[str] = mapped_column(sa.String(80))
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}


class Manager(Person):
    __tablename__ = "bri_manager"
    id: Mapped[int] = mapped_column(sa.ForeignKey("bri_person.id"), primary_key=True)
    budget: Mapped[int]
    __mapper_args__ = {"polymorphic_identity": "manager"}


class Intern(Person):
    school: Mapped[str | None] = mapped_column(sa.String(80))
    __mapper_args__ = {"polymorphic_identity": "intern"}


class Guest(Person):
    __tablename__ = "bri_guest"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(20), default="")
    name: Mapped[str] = mapped_column(sa.String(80))
    host: Mapped[str] = mapped_column(sa.String(80))
    __mapper_args__ = {"concrete": True, "polymorphic_identity": "guest"}


# Keys of other types.


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def keyed(name: str, type_: Any) -> Any:
    return type(
        name,
        (Base,),
        {
            "__tablename__": f"bri_key_{name.lower()}",
            "__module__": __name__,
            "key": mapped_column("key_", type_, primary_key=True, autoincrement=False),
            "text": mapped_column(sa.String(80), default=""),
        },
    )


ByUuid = keyed("ByUuid", sa.Uuid())
ByDate = keyed("ByDate", sa.Date())
ByTime = keyed("ByTime", sa.DateTime())
ByDecimal = keyed("ByDecimal", sa.Numeric(10, 2))
ByEnum = keyed("ByEnum", sa.Enum(Colour))
ByBytes = keyed("ByBytes", sa.LargeBinary(64).with_variant(sa.VARBINARY(64), "mysql", "mariadb"))
ByText = keyed("ByText", sa.String(64))
# What some database rounds, cuts or pads.
ByFixed = keyed("ByFixed", sa.CHAR(6))
ByFloat = keyed("ByFloat", sa.Float(24))
ByBinary = keyed("ByBinary", sa.LargeBinary().with_variant(sa.BINARY(6), "mysql", "mariadb"))
BySmall = keyed("BySmall", sa.SmallInteger())
ByShort = keyed("ByShort", sa.String(4))

KEYS: list[tuple[Any, list[Any]]] = [
    (ByUuid, [uuid.UUID(int=7), uuid.UUID(int=8)]),
    (ByDate, [date(2024, 2, 29), date(1999, 1, 1)]),
    (ByTime, [datetime(2024, 2, 29, 12, 30), datetime(1999, 1, 1)]),
    (ByDecimal, [Decimal("1.50"), Decimal("-2.25")]),
    (ByEnum, [Colour.RED, Colour.BLUE]),
    (ByBytes, [b"\x00\xff", b"b"]),
    (ByText, ["é%_'", "x"]),
]


def new(number: int) -> Customer:
    return Customer(id=number + 1, name=f"customer {number}", city=f"city {number % 7}")
