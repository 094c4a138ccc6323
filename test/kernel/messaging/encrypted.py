"""The kernel over an encrypted transport. Usage: python encrypted.py DIRECTORY"""

import sys

import zmq
from kernel_under_test import KernelUnderTest

kernel = KernelUnderTest(sys.argv[1], transport_encryption="required")
info = kernel.manager.get_connection_info()
assert "curve_secretkey" in info, info.keys()
assert kernel.ok("6 * 7").text == "42"
with zmq.Context.instance().socket(zmq.REQ) as plain:
    plain.connect(f"tcp://{info['ip']}:{info['hb_port']}")
    plain.send(b"ping")
    assert not plain.poll(500), "an unencrypted client was answered"
    plain.linger = 0
kernel.shut_down()
