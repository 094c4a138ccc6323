"""What a check is, and how one says that a kernel failed it."""

from dataclasses import dataclass, field

#: The specification says "must", or every client relies on it.
REQUIRED = "required"
#: The specification describes it; a kernel may leave it out.
OPTIONAL = "optional"
#: The specification is silent; users notice.
BEYOND = "beyond"
LEVELS = (REQUIRED, OPTIONAL, BEYOND)


class Failed(Exception):
    """The kernel does not do what the check asks for."""


class Skipped(Exception):
    """The check does not apply to this kernel."""


@dataclass(frozen=True)
class Check:
    name: str
    run: object
    meaning: str
    level: str
    #: Anchor in the messaging specification, or None.
    place: str | None
    #: Names in the language's description, without which the check is skipped.
    needs: tuple = ()
    #: Feature in `supported_features` without which the check is skipped.
    feature: str | None = None
    #: Whether the check starts kernels of its own: it then gets the function that starts one.
    own_kernel: bool = False
    #: Whether it sends what is no right request, so that what the kernel says to that is not judged.
    hostile: bool = False


@dataclass
class Registry:
    checks: list = field(default_factory=list)

    def __call__(self, name, level, place=None, needs=(), feature=None, own_kernel=False, hostile=False):
        """Decorates `check(kernel, snippets)`, which may return figures: a dict of numbers and short texts."""
        needs = (needs,) if isinstance(needs, str) else tuple(needs)

        def register(function):
            meaning = " ".join(function.__doc__.split())
            self.checks.append(Check(name, function, meaning, level, place, needs, feature, own_kernel, hostile))
            return function

        return register


check = Registry()


def expect(condition, message):
    if not condition:
        raise Failed(message)


def expect_equal(actual, expected, what):
    if actual != expected:
        raise Failed(f"{what}: expected {expected!r:.300}, got {actual!r:.300}")
