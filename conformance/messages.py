"""The fields of every message that a kernel may send, after version 5.5 of the messaging specification."""

from .schema import (
    ANY_OBJECT,
    FLAG,
    INTEGER,
    TEXT,
    anything,
    either,
    fields,
    iso_date,
    list_of,
    map_of,
    matching,
    one_of,
)

SPECIFICATION = "https://jupyter-client.readthedocs.io/en/latest/messaging.html"

VERSION = matching(r"\d+(\.\d+)+.*", "a version such as 5.5")
MIME_TYPE = matching(r"[\w.+-]+/[\w.+-]+(;.*)?", "a MIME type")
MIME_BUNDLE = map_of(anything, MIME_TYPE)

HEADER = fields(
    {"msg_id": TEXT, "session": TEXT, "username": TEXT, "date": iso_date, "msg_type": TEXT, "version": VERSION},
    {"subshell_id": either(lambda value: anything if value is None else TEXT)},
)

ERROR = {"ename": TEXT, "evalue": TEXT, "traceback": list_of(TEXT)}


def reply(required=None, optional=None, always=None):
    """A reply with a status: the fields of success, of an error, or of the deprecated `aborted`."""
    always = always or {}
    variants = {
        "ok": fields({**always, **(required or {})}, optional),
        "error": fields({**always, **ERROR}),
        "aborted": fields(always),
    }
    wrong = fields({"status": one_of(*variants)})
    return either(lambda value: variants.get(value.get("status"), wrong))


DISPLAY = {"data": MIME_BUNDLE, "metadata": ANY_OBJECT}
TRANSIENT = {"transient": fields({}, {"display_id": TEXT})}
DEBUG_REPLY = fields(
    {"type": one_of("response"), "command": TEXT, "request_seq": INTEGER, "success": FLAG},
    {"seq": INTEGER, "message": TEXT},
)
USER_EXPRESSION = either(
    lambda value: fields(ERROR) if isinstance(value, dict) and value.get("status") == "error" else fields(DISPLAY)
)

#: Message type → (channels, content, place in the specification).
MESSAGES = {
    "kernel_info_reply": (
        ("shell", "control"),
        reply(
            {
                "protocol_version": VERSION,
                "implementation": TEXT,
                "implementation_version": TEXT,
                "language_info": fields(
                    {"name": TEXT, "version": TEXT, "mimetype": TEXT, "file_extension": matching(r"\..+", "an extension such as .py")},
                    {
                        "pygments_lexer": TEXT,
                        "codemirror_mode": either(lambda value: ANY_OBJECT if isinstance(value, dict) else TEXT),
                        "nbconvert_exporter": TEXT,
                    },
                ),
                "banner": TEXT,
            },
            {
                "debugger": FLAG,
                "help_links": list_of(fields({"text": TEXT, "url": TEXT})),
                "supported_features": list_of(TEXT),
            },
        ),
        "kernel-info",
    ),
    "execute_reply": (
        ("shell",),
        reply(
            optional={"payload": list_of(fields({"source": TEXT})), "user_expressions": map_of(USER_EXPRESSION)},
            always={"execution_count": INTEGER},
        ),
        "execution-results",
    ),
    "inspect_reply": (("shell",), reply({"found": FLAG, "data": MIME_BUNDLE, "metadata": ANY_OBJECT}), "introspection"),
    "complete_reply": (
        ("shell",),
        reply({"matches": list_of(TEXT), "cursor_start": INTEGER, "cursor_end": INTEGER, "metadata": ANY_OBJECT}),
        "completion",
    ),
    "is_complete_reply": (
        ("shell",),
        either(
            lambda value: reply()
            if value.get("status") == "error"
            else fields({"status": one_of("complete", "incomplete", "invalid", "unknown")}, {"indent": TEXT})
        ),
        "code-completeness",
    ),
    "history_reply": (("shell",), reply({"history": list_of(lambda value, path: history_entry(value, path))}), "history"),
    "comm_info_reply": (("shell", "control"), reply({"comms": map_of(fields({"target_name": TEXT}))}), "comm-info"),
    "connect_reply": (
        ("shell", "control"),
        fields({"shell_port": INTEGER, "iopub_port": INTEGER, "stdin_port": INTEGER, "hb_port": INTEGER}),
        "connect",
    ),
    # Some kernels also tell the other clients.
    "shutdown_reply": (("shell", "control", "iopub"), reply({"restart": FLAG}), "kernel-shutdown"),
    "interrupt_reply": (("control",), reply(), "kernel-interrupt"),
    "debug_reply": (("control",), either(lambda value: DEBUG_REPLY if value else ANY_OBJECT), "debug-request"),
    "create_subshell_reply": (("control",), reply({"subshell_id": TEXT}), "create-subshell"),
    "delete_subshell_reply": (("control",), reply(), "delete-subshell"),
    "list_subshell_reply": (("control",), reply({"subshell_id": list_of(TEXT)}), "list-subshell"),
    "input_request": (("stdin",), fields({"prompt": TEXT, "password": FLAG}), "messages-on-the-stdin-router-dealer-channel"),
    "status": (("iopub",), fields({"execution_state": one_of("busy", "idle", "starting")}), "kernel-status"),
    "stream": (("iopub",), fields({"name": one_of("stdout", "stderr"), "text": TEXT}), "streams-stdout-stderr-etc"),
    "execute_input": (("iopub",), fields({"code": TEXT, "execution_count": INTEGER}), "code-inputs"),
    "execute_result": (("iopub",), fields({**DISPLAY, "execution_count": INTEGER}, TRANSIENT), "id6"),
    "display_data": (("iopub",), fields(DISPLAY, TRANSIENT), "display-data"),
    "update_display_data": (
        ("iopub",),
        fields({**DISPLAY, "transient": fields({"display_id": TEXT})}),
        "update-display-data",
    ),
    "error": (("iopub",), fields(ERROR), "execution-errors"),
    "clear_output": (("iopub",), fields({"wait": FLAG}), "clear-output"),
    "iopub_welcome": (("iopub",), fields({"subscription": TEXT}), "welcome-message"),
    "debug_event": (("iopub",), fields({"type": one_of("event"), "event": TEXT}, {"seq": INTEGER}), "debug-event"),
    "comm_open": (("iopub",), fields({"comm_id": TEXT, "target_name": TEXT, "data": ANY_OBJECT}), "opening-a-comm"),
    "comm_msg": (("iopub",), fields({"comm_id": TEXT, "data": ANY_OBJECT}), "comm-messages"),
    "comm_close": (("iopub",), fields({"comm_id": TEXT, "data": ANY_OBJECT}), "tearing-down-comms"),
}


def history_entry(value, path):
    if not isinstance(value, list) or len(value) != 3:
        yield f"{path}: expected (session, line, input), got {value!r:.80}"
        return
    yield from INTEGER(value[0], f"{path}[0]")
    yield from INTEGER(value[1], f"{path}[1]")
    source = value[2]
    if isinstance(source, list) and len(source) == 2:
        source = source[0]
    yield from TEXT(source, f"{path}[2]")


def faults(message):
    """What is wrong with a message of the kernel; types that the specification does not know may be anything."""
    yield from HEADER(message.header, "header")
    known = MESSAGES.get(message.type)
    if known is None:
        return
    channels, content, _place = known
    if message.channel not in channels:
        yield f"came on {message.channel}, belongs on {' or '.join(channels)}"
    yield from content(message.content, "content")
