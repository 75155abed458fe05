"""The Cobblestone-256 of Python's `cryptography`, as a peer: one request a line, one answer a line, all bytes base64.

    {"operation": "encrypt" or "decrypt", "key", "context", "cuts": [lengths of pieces], "data"}
    {"data", "refused": whether it was refused, in which case there is no data}
"""

import base64
import json
import sys

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor

STREAMS = {"encrypt": Cobblestone256Encryptor, "decrypt": Cobblestone256Decryptor}


def pieces(data, cuts):
    for length in cuts:
        yield data[:length]
        data = data[length:]
    yield data


for line in sys.stdin:
    request = json.loads(line)
    key, context, data = (base64.b64decode(request[name]) for name in ("key", "context", "data"))
    try:
        stream = STREAMS[request["operation"]](key, context)
        out = b"".join(stream.update(piece) for piece in pieces(data, request["cuts"])) + stream.finalize()
        answer = {"data": base64.b64encode(out).decode(), "refused": False}
    except Exception:
        answer = {"data": None, "refused": True}
    print(json.dumps(answer), flush=True)
