"""The classes of the demonstration: customers, who live in a database, and orders, which do not."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Customer", "Order"]


@dataclass
class Customer:
    id: int
    name: str


@dataclass
class Order:
    number: int
    customer: Customer
    items: list[str] = field(default_factory=list)
    label: object = None
