"""Random requests, and what can be done to them."""

import json

from ..contents import CONTENTS
from ..wire import DELIMITER, pack, signature

#: Types that a request may have and that do not end the kernel.
TYPES = [*CONTENTS, "kernel_info_request", "connect_request", "usage_request", "interrupt_request", "debug_request"]
TYPES += ["create_subshell_request", "delete_subshell_request", "list_subshell_request", "input_reply", "no_such_request"]

ODD_VALUES = [None, True, False, 0, -1, 2**53, 1e308, "", "\u0000", "\U0001f600", [], {}, [[]], {"": None}, "x" * 5000, "\ud800"]


class RequestMaker:
    def __init__(self, random, code):
        self.random = random
        self.code = code

    def content(self, msg_type):
        """A content that the specification allows."""
        code = self.code.make()
        content = dict(CONTENTS.get(msg_type, {}))
        if "code" in content:
            content["code"] = code
        if "cursor_pos" in content:
            content["cursor_pos"] = self.random.randint(0, len(code))
        if msg_type == "execute_request":
            flags = {"silent": 0.2, "store_history": 0.8, "stop_on_error": 0.3}
            content.update({name: self.random.random() < chance for name, chance in flags.items()})
            if self.random.random() < 0.2:
                content["user_expressions"] = {"x": self.code.make()}
        if msg_type == "history_request":
            content["hist_access_type"] = self.random.choice(["tail", "range", "search"])
            content["n"] = self.random.randint(0, 20)
        if msg_type == "debug_request":
            content = {"type": "request", "seq": 1, "command": self.random.choice(["debugInfo", "none"]), "arguments": {}}
        return content

    def header(self, msg_type):
        return {
            "msg_id": f"fuzz-{self.random.getrandbits(64):x}",
            "session": "fuzz",
            "username": "fuzz",
            "date": "2026-01-01T00:00:00.000000Z",
            "msg_type": msg_type,
            "version": "5.5",
        }

    def mutated(self, key):
        """Frames of a request with something wrong in it, signed or not."""
        msg_type = self.random.choice(TYPES)
        parts = [self.header(msg_type), {}, {}, self.content(msg_type)]
        for _ in range(self.random.randint(1, 3)):
            index = self.random.choice([0, 1, 2, 3, 3, 3])
            parts[index] = self.change(parts[index])
        packed = [pack(part) for part in parts]
        if self.random.random() < 0.3:
            index = self.random.randrange(4)
            packed[index] = self.scramble(packed[index])
        frames = [DELIMITER, signature(key, packed) if self.random.random() < 0.8 else self.noise(64), *packed]
        if self.random.random() < 0.2:
            frames += [self.noise(1000) for _ in range(self.random.randint(1, 4))]
        return self.disarrange(frames) if self.random.random() < 0.2 else frames

    def change(self, value):
        """A JSON value with one thing in it dropped, replaced or added."""
        if not isinstance(value, dict) or not value or self.random.random() < 0.05:
            return self.random.choice(ODD_VALUES)
        changed = dict(value)
        name = self.random.choice(sorted(changed))
        action = self.random.randrange(4)
        if action == 0:
            del changed[name]
        elif action == 1:
            changed[name] = self.random.choice(ODD_VALUES)
        elif action == 2:
            changed[self.random.choice(["__proto__", "constructor", "", "toString", "extra"])] = self.random.choice(ODD_VALUES)
        else:
            changed[name] = json.loads("[" * 200 + "]" * 200)
        # A request to end the kernel is no fault of the kernel.
        return {} if changed.get("msg_type") == "shutdown_request" else changed

    def scramble(self, data):
        changed = bytearray(data)
        for _ in range(self.random.randint(1, 5)):
            if changed:
                changed[self.random.randrange(len(changed))] = self.random.randrange(256)
        return bytes(changed[: self.random.randint(0, len(changed))] if self.random.random() < 0.3 else changed)

    def disarrange(self, frames):
        changed = list(frames)
        action = self.random.randrange(4)
        index = self.random.randrange(len(changed))
        if action == 0:
            del changed[index]
        elif action == 1:
            changed.insert(index, self.noise(20))
        elif action == 2:
            changed = changed[:index] or [b""]
        else:
            self.random.shuffle(changed)
        return changed or [b""]

    def noise(self, most):
        return self.random.randbytes(self.random.randint(0, most))
