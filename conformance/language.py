"""The description of a language: code that makes a kernel do what a check looks at. README.md lists the names."""

import json
from pathlib import Path

SHIPPED = Path(__file__).parent / "languages"


class LanguageError(Exception):
    """A description that cannot be used."""


def read(path):
    """A description in TOML or JSON; `extends` names one beside it, or a shipped one, that it adds to."""
    path = Path(path)
    try:
        text = path.read_text("utf8")
        if path.suffix == ".json":
            own = json.loads(text)
        else:
            import tomllib  # Python 3.11; descriptions in JSON work before, too

            own = tomllib.loads(text)
    except FileNotFoundError:
        raise LanguageError(f"{path}: no such file; shipped are {', '.join(shipped())}") from None
    except (ImportError, ValueError) as fault:
        raise LanguageError(f"{path}: {fault}") from None
    base = own.pop("extends", None)
    without = own.pop("without", [])
    if base is None:
        return own
    beside = path.with_name(base)
    merged = read(beside if beside.exists() else SHIPPED / base)
    merged.update(own)
    return {name: value for name, value in merged.items() if name not in without}


def has(snippets, name):
    """Whether a description has an entry; a dot leads into a table."""
    for part in name.split("."):
        if part not in snippets:
            return False
        snippets = snippets[part]
    return True


def shipped():
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def find(kernel_info):
    """The shipped description for an implementation, or for its language; without either an empty one."""
    language = kernel_info.get("language_info", {}).get("name", "")
    implementation = kernel_info.get("implementation", "")
    for name in (implementation, language):
        path = SHIPPED / f"{name.lower().replace(' ', '-')}.toml"
        if path.is_file():
            return read(path)
    return {}
