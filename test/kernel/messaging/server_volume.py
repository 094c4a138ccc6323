"""Volumes of output through a Jupyter server, as a notebook in a browser sees them. Usage: python server_volume.py DIRECTORY"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid

from tornado.websocket import websocket_connect

directory = sys.argv[1]


def start_server():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", "--ServerApp.token=", "--ServerApp.password=", f"--ServerApp.port={port}"]
    options += ["--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={directory}"]
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": directory, "JUPYTER_RUNTIME_DIR": directory}
    log = open(os.path.join(directory, "server.log"), "w")
    command = [sys.executable, "-m", "jupyter_server", *options]
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log), f"127.0.0.1:{port}"


def request(url, **content):
    data = json.dumps(content).encode() if content else None
    with urllib.request.urlopen(urllib.request.Request(f"http://{url}", data=data), timeout=60) as response:
        return json.load(response)


def until_ready(host):
    deadline = time.monotonic() + 60
    while True:
        try:
            return request(f"{host}/api/status")
        except OSError:
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.2)


async def run(connection, code):
    """The messages that a browser gets for a cell, up to `idle`."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await connection.write_message(json.dumps(message))
    received = []
    while True:
        reply = json.loads(await asyncio.wait_for(connection.read_message(), 120))
        if reply["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
            return received
        received.append(reply)


def printed(messages, name="stdout"):
    return "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream" and m["content"]["name"] == name)


async def volumes(host):
    model = {"path": "volume.ipynb", "type": "notebook", "name": "", "kernel": {"name": "moelab"}}
    kernel = request(f"{host}/api/sessions", **model)["kernel"]["id"]
    connection = await websocket_connect(f"ws://{host}/api/kernels/{kernel}/channels?session_id=s")
    await run(connection, "1")

    # Twice what the server lets through in its three seconds.
    messages = await run(connection, 'for (let i = 0; i < 100_000; i++) console.log("a line of some length, so that it is six megabytes", i);')
    lines = printed(messages).split("\n")
    assert printed(messages, "stderr") == "", printed(messages, "stderr")
    assert len(lines) == 100_001 and lines[99_999].endswith(" 99999"), len(lines)

    # One text that is longer than the server lets through at all.
    messages = await run(connection, 'console.log("\\u{1f680}".repeat(900_000))')
    assert printed(messages) == "\U0001f680" * 900_000 + "\n", len(printed(messages))

    # More messages than it lets through.
    messages = await run(connection, 'for (let i = 0; i < 4500; i++) display({ "text/plain": String(i) }, { raw: true });')
    shown = [int(m["content"]["data"]["text/plain"]) for m in messages if m["msg_type"] == "display_data"]
    assert shown == list(range(4500)) and printed(messages, "stderr") == "", (len(shown), printed(messages, "stderr"))
    connection.close()


server, host = start_server()
try:
    until_ready(host)
    asyncio.run(volumes(host))
finally:
    server.terminate()
    server.wait(20)
