"""What it costs to call the library from C and from Go, as a table beside the Rust call. `make bench-bindings` builds what it needs.

Times are those of the processor, the best of some batches, in turn with the Rust call's.
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from terraform_log import write_log

PAIRS = 11
CALLS = [("sealing", "update"), ("masking", "push")]
BARS = {"C": 1.05, "Go": 1.10}


class Program:
    def __init__(self, *command):
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self):
        return self._process.stdout.readline()

    def ask(self, what):
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return float(self.line())

    def end(self):
        self._process.stdin.close()
        self._process.wait()


def main(boundary, c, go, target):
    with tempfile.TemporaryDirectory() as folder:
        write_log(folder)
        rust = Program(boundary, folder)
        assert rust.line() == "ready\n"
        hosts = {"C": Program(c, folder), "Go": Program(go, folder)}
        lines = ["| 64 KiB into a reused buffer | ours | the Rust call | figure (bar) | holds |", "| --- | --- | --- | --- | --- |"]
        held = True
        for name, call in CALLS:
            for language, host in hosts.items():
                pairs = [(host.ask(call), rust.ask(call)) for _ in range(PAIRS)]
                ours, theirs = (statistics.median(column) / 1000 for column in zip(*pairs))
                ratio, bar = statistics.median(one / other for one, other in pairs), BARS[language]
                held = held and ratio <= bar
                holds = "yes" if ratio <= bar else "**no**"
                lines.append(f"| {name} from {language} | {ours:.1f} µs | {theirs:.1f} µs | {ratio:.2f} (≤ {bar:.2f}) | {holds} |")
        for program in [rust, *hosts.values()]:
            program.end()
    table = "\n".join(lines) + "\n"
    print(table, end="")
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(table)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
