"""Contents of requests that are right."""

#: Message type → content.
CONTENTS = {
    "execute_request": {"code": "1", "silent": True, "store_history": False, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True},
    "complete_request": {"code": "a", "cursor_pos": 1},
    "inspect_request": {"code": "a", "cursor_pos": 1, "detail_level": 0},
    "is_complete_request": {"code": "a"},
    "history_request": {"output": False, "raw": True, "hist_access_type": "tail", "n": 1, "session": 0, "start": 0, "stop": 1, "pattern": "*", "unique": False},
    "comm_open": {"comm_id": "c", "target_name": "t", "data": {}},
    "comm_msg": {"comm_id": "c", "data": {}},
    "comm_close": {"comm_id": "c", "data": {}},
    "comm_info_request": {"target_name": "t"},
}
