"""Random code: from parts of a language's description, and without any sense."""

import re

#: Entries whose code kills, floods or never ends.
HARMFUL = {"crash", "spawn", "interrupts", "lines", "large", "late", "input", "password", "sleep", "slow_error", "comm_open"}

ALPHABETS = [
    "abc xyz 019 (){}[]<>;:,.+-*/=!?'\"`\\#@$%^&|~_\n\t",
    "\U0001f600\U0001d4b3žπ漢字\u200d\u202e\ufeff\u0000\u0007\u2028\u0301",
    "".join(map(chr, range(1, 127))),
]
BRACKETS = [("(", ")"), ("[", "]"), ("{", "}"), ("`${", "}`"), ("<", ">")]


def texts_of(value):
    """All code in a description."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in HARMFUL:
                yield from texts_of(item)


class CodeMaker:
    def __init__(self, random, snippets):
        self.random = random
        self.samples = sorted(set(texts_of(snippets))) or ["1"]
        self.tokens = sorted({token for text in self.samples for token in re.findall(r"\w+|\s|[^\w\s]", text)})
        # Loops made of chance last; an interrupt would end them, but the fuzzer waits for what it sent.
        self.tokens = [token for token in self.tokens if token not in ("while", "for", "await")]

    def make(self):
        makers = [self.sample, self.cut, self.spliced, self.soup, self.noise, self.nested, self.giant]
        return self.random.choice(makers)()

    def sample(self):
        return self.random.choice(self.samples)

    def cut(self):
        text = self.sample()
        return text[: self.random.randint(0, len(text))]

    def spliced(self):
        return self.cut() + self.random.choice(["", " ", "\n", ";"]) + self.sample()[self.random.randint(0, 5) :]

    def soup(self):
        return "".join(self.random.choices(self.tokens, k=self.random.randint(1, 60)))

    def noise(self):
        return "".join(self.random.choices(self.random.choice(ALPHABETS), k=self.random.randint(0, 300)))

    def nested(self):
        opening, closing = self.random.choice(BRACKETS)
        depth = self.random.choice([3, 100, 2000, 20_000])
        return opening * depth + "1" + closing * self.random.choice([0, depth - 1, depth])

    def giant(self):
        """Long literals, and chains long enough to exhaust a stack; longer ones only keep compilers busy."""
        kind, most = self.random.choice([("1", 200_000), ("x", 200_000), ("1 + ", 20_000), ("a.", 20_000), ("xxxxx\n", 6000)])
        text = kind * (self.random.choice([most, most // 10]) // len(kind))
        return f"'{text}'" if kind == "x" else text + "1"
