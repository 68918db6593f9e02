"""Make sure that an object survives being written and read."""

from __future__ import annotations

from brinery.pickling import default_profile
from brinery.profile import NO_OBJECT, Profile

__all__ = ["check"]


def check(obj: object = NO_OBJECT, protocol: int | None = None, *, profile: Profile | None = None) -> None:
    """Write `obj`, read at once what was written, and compare the two where they can be compared.

    `profile` is used in the place of the default one; ``profile.check(obj)`` is the same, and so is
    ``dumps(obj, check=True)``, which gives the bytes. Without an object, it is made sure that no plugins
    of the profile disagree, which see :meth:`brinery.Profile.check`.

    Values are compared as values, containers item by item, other objects by their ``==``; where that is not
    defined, or says no, by their attributes, or by their reductions where the class has its own; functions
    that were written by value by what they hold. What is one object in several places has to be one again. It
    is no proof: what is left out by a ``__getstate__`` counts as meant. Reading runs the code that reading
    runs; new objects that a bound store takes are stored.

    Raises what dumping raises, and :class:`~brinery.errors.CheckError`, whose `pickle_path` says which
    object cannot be read, or is read as another one. TypeError for a `profile` that is none, or a protocol
    without an object.
    """
    if profile is None:
        profile = default_profile()
    else:
        from brinery.urls import redacted

        if not isinstance(profile, Profile):
            made = f"Profile([{profile!r}])" if isinstance(profile, str) else "Profile(…)"
            said = f"check(profile=…) wants a Profile, such as brinery.{made}; not {profile!r}"
            raise TypeError(redacted(said))
    profile.check(obj, protocol)
