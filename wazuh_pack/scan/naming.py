"""What images are called, so that each has a name of its own and keeps it.

The memory knows an image by its name, so that a rebuilt one is compared with the one before. Three
things must not change that name: one more tag on the same image, another engine (or namespace of
containerd) that holds another image by the same name, and an engine that is down for a while. What
was called how is therefore kept; the second image of a name is called ``shop/web:1 (podman)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Sequence

_KEEP = 90 * 86_400


class Tagged(NamedTuple):
    """An image: its id, where it is, and its names, the preferred one first."""

    image: str
    where: str
    names: Sequence[str]


class _Given(NamedTuple):
    """Which image had a name, where that was, and when it was last seen."""

    image: str
    where: str
    seen: float


class Names:
    """The names that images were given.

    Args:
        kept: What :meth:`document` returned last time; anything else is as good as nothing.
        now: The time, seconds since the epoch.
    """

    def __init__(self, kept: object = None, now: float = 0.0) -> None:
        self._now = now
        self._given: dict[str, _Given] = {}
        if isinstance(kept, dict):
            try:
                for name, (image, where, seen) in kept.items():
                    if seen > now - _KEEP:
                        self._given[name] = _Given(str(image), str(where), float(seen))
            except (TypeError, ValueError):
                self._given = {}

    def document(self) -> object:
        """Return the names in JSON's types."""
        return {name: list(given) for name, given in self._given.items()}

    def assign(self, images: Sequence[Tagged]) -> dict[str, str]:
        """Return a name for every image, by its id."""
        named: dict[str, str] = {}
        earlier: dict[str, list[str]] = {}
        for name in sorted(self._given, key=lambda name: -self._given[name].seen):
            earlier.setdefault(self._given[name].image, []).append(name)
        for one in images:
            known = [name for name in earlier.get(one.image, ()) if _plain(name) in one.names]
            if known:
                named[one.image] = known[0]
                self._given[known[0]] = self._given[known[0]]._replace(seen=self._now)
        taken = set(named.values())
        for one in images:
            if one.image not in named:
                name = named[one.image] = self._choose(one, taken)
                self._given[name] = _Given(one.image, one.where, self._now)
                taken.add(name)
        return named

    def _choose(self, one: Tagged, taken: set[str]) -> str:
        options = [
            option
            for name in one.names
            for option in (name, f"{name} ({one.where})")
            if option not in taken
        ]
        known = [name for name in options if name in self._given]
        mine = [name for name in known if self._given[name].where == one.where]
        free = [name for name in options if name not in self._given]
        return (mine or free or [one.image])[0]


def _plain(name: str) -> str:
    """Return the name without the place; images' own names have no blanks."""
    return name.partition(" ")[0]
