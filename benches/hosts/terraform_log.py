"""What the tables of C, Go and Python mask."""

from __future__ import annotations

import random
import string
from pathlib import Path

SIZE = 64 * 1024


def write_log(folder):
    """A log as Terraform writes it, with 20 secrets in it here and there, the same each time."""
    dice = random.Random(1)
    letters = string.ascii_letters + string.digits + "+/!#$%&*-_=@"
    secrets = ["".join(dice.choices(letters, k=dice.randint(16, 64))) for _ in range(20)]
    lines = []
    while sum(map(len, lines)) < SIZE:
        number, word = dice.randrange(10**6), "".join(dice.choices(string.ascii_lowercase, k=10))
        line = dice.choice(["aws_subnet.{w}[{n}]: Refreshing state... [id=subnet-{n:08x}]\n", "  + {w} = (known after apply)\n", "      ~ tags = {{ {w} = {n} }}\n"])
        lines.append(line.format(n=number, w=word))
        if dice.random() < 0.02:
            lines.append(f"      + password = {dice.choice(secrets)}\n")
    log = "".join(lines)[:SIZE]
    Path(folder, "log").write_text(log)
    Path(folder, "secrets").write_text("\n".join(secrets))
    return log.encode(), secrets
