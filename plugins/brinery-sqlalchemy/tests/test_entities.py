"""Which key an entity has, in each state that it can be in; what is fetched for it."""

from __future__ import annotations

import pickletools
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from brinery_sqlalchemy import SqlalchemyStore
from sql_models import KEYS, Base, Customer, Guest, Intern, Line, Manager, Order, Person, new
from sqlalchemy.orm import Session, joinedload, selectinload, sessionmaker

from brinery import Profile
from brinery.errors import MissingReference, NotStored, ReadError, StoreError


def bind(source, entities=Base, missing="raise", **options):
    return Profile.plain().bind(shop=SqlalchemyStore(source, entities, **options), missing=missing)


@contextmanager
def counted(engine):
    sent = []

    def note(connection, cursor, statement, parameters, context, executemany):
        sent.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def session(engine):
    with Session(engine) as made:
        made.add_all([new(number) for number in range(5)])
        made.commit()
        yield made


def stored(engine, *objects):
    """`objects`, in the database and in no session."""
    with Session(engine, expire_on_commit=False) as session:
        session.add_all(objects)
        session.commit()
        session.expunge_all()
    return objects[0] if len(objects) == 1 else list(objects)


# keys


def test_composite_keys(engine):
    lines = stored(engine, *[Line(order_id=n, article=f"a{n % 3}", amount=n) for n in range(6)])
    bound = bind(engine)
    with counted(engine) as sent:
        loaded = bound.loads(bound.dumps(lines))
    assert len(sent) == 1
    assert [(line.order_id, line.article, line.amount) for line in loaded] == [
        (n, f"a{n % 3}", n) for n in range(6)
    ]


@pytest.mark.parametrize(("cls", "keys"), KEYS, ids=lambda value: getattr(value, "__name__", ""))
def test_keys_of_every_type(engine, cls, keys):
    objects = stored(engine, *[cls(key=key, text=f"number {n}") for n, key in enumerate(keys)])
    bound = bind(engine)
    for protocol in (0, 1, 2, 5):
        loaded = bound.loads(bound.dumps(objects, protocol))
        assert [(obj.key, obj.text) for obj in loaded] == [(obj.key, obj.text) for obj in objects]


def test_a_key_that_the_database_would_give_back_otherwise_is_refused(sqlite):
    customer = stored(sqlite, Customer(id=7, name="Anna"))
    sa.orm.attributes.instance_state(customer).key = (Customer, ("7",), None)
    with pytest.raises(NotStored, match="is '7', a str, where its column holds int"):
        bind(sqlite).dumps(customer)


def test_all_three_kinds_of_inheritance(engine):
    people = stored(
        engine,
        Person(id=1, name="Anna"),
        Manager(id=2, name="Berta", budget=100),
        Intern(id=3, name="Carla", school="ETH"),
        Guest(id=2, name="Dora", host="Berta"),
    )
    bound = bind(engine)
    data = bound.dumps(people)
    with counted(engine) as sent:
        loaded = bound.loads(data)
    assert len(sent) == 4
    assert [type(person) for person in loaded] == [Person, Manager, Intern, Guest]
    # All columns have come with these; nothing is loaded later, as there is no session.
    assert (loaded[1].name, loaded[1].budget) == ("Berta", 100)
    assert (loaded[2].name, loaded[2].school) == ("Carla", "ETH")
    assert (loaded[3].id, loaded[3].host) == (2, "Berta")


def test_names_and_old_names(sqlite):
    customer = stored(sqlite, new(1))
    data = bind(sqlite, {"client": Customer}).dumps(customer)
    assert b"client" in data
    assert bind(sqlite, {"client": Customer, "customer": Order}).loads(data).name == customer.name
    with pytest.raises(ReadError, match=r"no mapped class is called 'client' here.*entities=\{'client'"):
        bind(sqlite).loads(data)
    with pytest.raises(StoreError, match="which is not mapped"):
        bind(sqlite, {"client": int})
    with pytest.raises(StoreError, match="is not mapped: entities= takes"):
        bind(sqlite, [int])


def test_two_classes_of_one_name(sqlite):
    class Other(sa.orm.DeclarativeBase):
        pass

    # (Kept, as a registry does not keep its classes.)
    other = type(
        "Customer", (Other,), {"__tablename__": "other", "id": sa.Column(sa.Integer, primary_key=True)}
    )
    with pytest.raises(StoreError, match=r"are both called 'Customer'\. Give them names"):
        bind(sqlite, [Base, Other]).dumps(stored(sqlite, new(1)))
    bound = bind(sqlite, {"customer": Customer, "other": other})
    assert bound.loads(bound.dumps(stored(sqlite, new(2)))).name == "customer 2"


def test_a_class_that_is_mapped_after_binding(sqlite):
    class Other(sa.orm.DeclarativeBase):
        pass

    bound = bind(sqlite, Other)
    late = type("Late", (Other,), {"__tablename__": "late", "id": sa.Column(sa.Integer, primary_key=True)})
    Other.metadata.create_all(sqlite)
    obj = stored(sqlite, late(id=1))
    assert type(bound.loads(bound.dumps(obj))) is late


def test_no_state_of_the_orm_is_in_a_stream(session):
    bound = bind(session)
    order = Order(id=1, customer=session.get(Customer, 1))
    session.add(order)
    session.flush()
    data = bound.dumps({"order": order, "customers": list(session.scalars(sa.select(Customer)))})
    assert not [arg for _, arg, _ in pickletools.genops(data) if "sqlalchemy" in str(arg)]
    with pytest.raises(NotStored, match=r"list\(obj.attribute\)"):
        bound.dumps(order.customer.orders)
    with pytest.raises(NotStored, match="is none of this store's entities"):
        bind(session, [Order]).dumps(order.customer)


# states


def test_nothing_is_queried_for_a_key(session, engine):
    bound = bind(session)
    customers = list(session.scalars(sa.select(Customer)))
    session.commit()  # expires them
    with counted(engine) as sent:
        data = bound.dumps(customers)
    assert not sent
    assert sa.inspect(customers[0]).expired
    session.expunge_all()
    with counted(engine) as sent:
        assert bound.dumps(customers) == data  # detached and expired
    assert not sent


@pytest.mark.parametrize("pending", [False, True])
def test_what_has_no_row_is_refused_with_the_line_to_write(session, pending):
    order = Order(note="new")
    if pending:
        session.add(order)
    line = (
        r"yet: session\.flush\(\) first" if pending else r"yet: session\.add\(obj\); session\.flush\(\) first"
    )
    with pytest.raises(NotStored, match=line):
        bind(session).dumps({"order": order})
    assert sa.inspect(order).pending is pending


@pytest.mark.parametrize("keyed", [False, True])
def test_what_is_new_is_added_and_flushed_together(session, engine, keyed):
    bound = bind(session, on_new="add")
    orders = [Order(note=f"order {n}", **({"id": 100 + n} if keyed else {})) for n in range(400)]
    session.add_all(orders[:200])  # pending, the others transient
    with counted(engine) as sent:
        data = bound.dumps(orders)
    # (SQLite cannot tell which of many rows got which key, so that SQLAlchemy asks it one by one.)
    assert len(sent) <= (12 if keyed or engine.dialect.name != "sqlite" else 412)
    assert bound.loads(data) == orders  # the session has them
    session.rollback()
    with pytest.raises(MissingReference):
        bound.loads(data)
    session.add_all(orders)
    data = bound.dumps(orders)
    session.commit()
    assert [order.note for order in bind(engine).loads(data)] == [order.note for order in orders]


def test_what_a_new_one_leads_to_is_added_with_it(engine):
    bound = bind(engine, on_new="add")
    anna = Customer(name="Anna", orders=[Order(note="one"), Order(note="two")])
    data = bound.dumps([anna.orders[0], anna.orders[1]])
    with Session(engine) as session:
        first, second = bind(session).loads(data)
        assert first.customer is second.customer
        assert first.customer.name == "Anna"
    assert sa.inspect(anna).detached
    assert anna.orders[1].note == "two"


def test_a_new_one_with_a_key_that_is_taken(engine):
    bound = bind(engine, on_new="add")
    data = bound.dumps(new(1))
    assert bound.dumps(new(1)) == data  # the same: a reference
    other = new(1)
    other.name = "another"
    with pytest.raises(NotStored, match="and another row is there: load that one"):
        bound.dumps(other)
    one, two = new(7), new(7)
    two.city = "Elsewhere"
    with pytest.raises(NotStored, match="of this dump both have the key"):
        bound.dumps([one, two])
    assert bound.loads(data).name == "customer 1"
    with Session(engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Customer)) == 1


def test_what_the_database_refuses(engine):
    bound = bind(engine, on_new="add")
    with pytest.raises(NotStored, match="the database refuses what is new"):
        bound.dumps([Customer(id=1), Order(id=1)])
    with Session(engine) as session:
        assert not session.scalars(sa.select(Order)).all()


def test_a_failed_dump_leaves_the_caller_s_session_as_it_was(session):
    bound = bind(session, on_new="add")
    anna = session.get(Customer, 1)
    anna.name = "changed"
    order = Order(note="new")
    with pytest.raises(TypeError):
        bound.dumps([anna, order, (n for n in ())])
    assert sa.inspect(order).transient
    with pytest.raises(NotStored):
        bound.dumps([order, Customer(id=77)])  # without a name
    assert sa.inspect(order).transient
    session.commit()
    assert session.get(Customer, 1).name == "changed"
    assert not session.scalars(sa.select(Order)).all()


def test_what_was_deleted_is_refused(session):
    bound = bind(session)
    anna = session.get(Customer, 1)
    session.delete(anna)
    for _ in range(2):
        with pytest.raises(NotStored, match="is deleted in its session"):
            bound.dumps(anna)
        session.flush()
    session.commit()
    with pytest.raises(NotStored, match="was deleted"):
        bound.dumps(anna)


def test_what_was_changed(session, engine):
    anna = session.get(Customer, 1)
    anna.name = "changed"
    data = bind(session).dumps(anna)  # goes along when the session commits
    with pytest.raises(
        NotStored, match=r"in another session.*changes.*: name\. Write them first \(session\.flush"
    ):
        bind(engine).dumps(anna)
    assert bind(engine, on_changed="ignore").dumps(anna) == data
    assert bind(engine).dumps(session.get(Customer, 2))  # of another session, and unchanged
    anna.name = "changed again"
    session.expunge(anna)
    with pytest.raises(NotStored, match=r"is detached, and has changes.*session\.merge"):
        bind(session).dumps(anna)
    assert bind(session, on_changed="ignore").dumps(anna) == data
    assert bind(session).dumps(session.merge(anna)) == data
    order = Order(note="new")
    session.add(order)
    with pytest.raises(NotStored, match="is pending in another session"):
        bind(engine, on_new="add").dumps(order)


# loading


def test_what_the_session_has_is_not_fetched_and_is_the_same(session, engine):
    bound = bind(session)
    customers = list(session.scalars(sa.select(Customer).order_by(Customer.id)))
    data = bound.dumps(customers)
    customers[0].name = "changed"
    with counted(engine) as sent:
        loaded = bound.loads(data)
    assert not sent
    assert all(one is other for one, other in zip(loaded, customers, strict=True))
    session.expire(customers[1])
    with counted(engine) as sent:
        assert bound.loads(data)[1] is customers[1]
        assert customers[1].name == "customer 1"
    assert len(sent) == 1  # expired: the load has refreshed it
    assert customers[0].name == "changed"
    assert customers[0] in session.dirty  # and has written nothing


def test_one_select_for_each_class_and_batch(engine):
    objects = [new(number) for number in range(2500)]
    objects += [Order(id=number + 1, note="") for number in range(10)]
    stored(engine, *objects)
    bound = bind(engine)
    with counted(engine) as sent:
        data = bound.dumps(objects)
        assert not sent
        loaded = bound.loads(data)
    assert len(sent) == 4
    assert [obj.id for obj in loaded] == [obj.id for obj in objects]
    if engine.dialect.name == "postgresql":
        assert all("ANY" in text and text.count("%(") == 1 for text in sent)


def test_loader_options_of_a_load(session, engine):
    anna = session.get(Customer, 1)
    session.add_all([Order(note=f"order {n}", customer=anna) for n in range(3)])
    session.commit()
    bound = bind(engine)
    data = bound.dumps([anna])
    with pytest.raises(sa.orm.exc.DetachedInstanceError):
        _ = bound.loads(data)[0].orders
    for option in (selectinload(Customer.orders), joinedload(Customer.orders)):
        (loaded,) = bound.loads(data, loading={Customer: [option]})
        assert len(loaded.orders) == 3


def test_all_that_is_missing_is_told(session, engine):
    bound = bind(session)
    customers = list(session.scalars(sa.select(Customer).order_by(Customer.id)))
    data = bound.dumps(customers)
    session.execute(sa.delete(Customer).where(Customer.id <= 2))
    session.commit()
    with pytest.raises(MissingReference) as said:
        bind(engine).loads(data)
    assert sorted(key for _, key, _ in said.value.references) == [("Customer", 1), ("Customer", 2)]
    assert [obj is None for obj in bind(engine, missing="none").loads(data)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    with pytest.raises(MissingReference):
        bound.loads(data)  # expired, and so looked for


def test_keys_of_another_shape(sqlite):
    bound = bind(sqlite)
    other = Profile.plain().bind(shop=Any_())
    for key in ("x", ("Customer",), ("Customer", 1, 2), ("Line", 1), ("Nobody", 1)):
        with pytest.raises((ReadError, StoreError)):
            bound.loads(other.dumps(Any_.Thing(key)))
    for key in (
        ("ByDecimal", ("decimal", "x")),
        ("ByEnum", ("enum", "GREEN")),
        ("ByTime", ("nothing", 1, 2)),
    ):
        with pytest.raises(ReadError, match="cannot be read"):
            bound.loads(other.dumps(Any_.Thing(key)))


class Any_:
    """Writes any key."""

    class Thing:
        def __init__(self, key):
            self.key = key

    claims = (Thing,)

    def persistent_id(self, obj):
        return obj.key

    def persistent_load(self, key):
        raise AssertionError


# what goes by its name


def test_tables_columns_mappers_and_attributes_go_by_name(sqlite):
    bound = bind(sqlite)
    table = Customer.__table__
    graph = [table, table.c.name, sa.inspect(Customer), Customer.name, Order.customer]
    data = bound.dumps(graph)
    assert all(one is other for one, other in zip(bound.loads(data), graph, strict=True))
    assert b"sqlalchemy" not in data
    elsewhere = sa.Table("elsewhere", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
    assert bound.loads(bound.dumps(elsewhere)).name == "elsewhere"  # by value: it is no table of ours
    gone = bound.dumps(table).replace(b"bri_customer", b"bri_customet")
    with pytest.raises(MissingReference):
        bound.loads(gone)


def test_rows_keep_their_names_and_refer_to_their_entities(session):
    bound = bind(session)
    rows = session.execute(sa.select(Customer, Customer.name.label("called")).order_by(Customer.id)).all()
    loaded = bound.loads(bound.dumps(rows))
    assert [row.called for row in loaded] == [row.called for row in rows]
    assert all(one.Customer is other.Customer for one, other in zip(loaded, rows, strict=True))


def test_sessions_that_cannot_be():
    for source in (None, "sqlite://", object()):
        with pytest.raises(StoreError, match="is no session: bind a Session"):
            SqlalchemyStore(source, Base)
    for options in ({"on_new": "insert"}, {"on_changed": "x"}):
        with pytest.raises(StoreError, match="it is 'refuse' or"):
            SqlalchemyStore(sessionmaker(), Base, **options)
