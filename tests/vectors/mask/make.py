"""Writes the vectors of masking beside itself: python3 tests/vectors/mask/make.py

Each spelling of a value is made by the tool that its file is named for, never by us; what is expected of a stream is worked out
by the few lines of `reference`, which look for every value at every place. README.md tells what the fields mean.

Needs Go, jq, xxd, GNU coreutils, Bash, dash and glibc's iconv, as Debian has them.
"""

import base64
import json
import os
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
MASK = "*****"

# Not one of them is or was a credential.
VALUES = {
    "plain": "hunter2-correct-horse",
    "four_bytes": "k7Q!",
    "symbols": "p@ss\"w<r>d&'$HOME'`x`;{a,b}|#~^*?[0]!%=\\",
    "unicode": "wörd \u00a0ключ \u200b\u2028\U0001f511",
    "lines": "line one\nline \"two\"\n\tthree 'four'\n",
    "crlf": "first line\r\nsecond line",
    "control": "a\\b\u0001\u0007\b\t\f\u000b\u001b[1m\u007fz",
    "templates": "${var.x} %{if y} $${z} 100%",
    "long": "Q2xlYXIgdGV4dCwgbm8ga2V5IGF0IGFsbCwganVzdCBhIGxvbmcgbGluZSBvZiBsZXR0ZXJzLg+/",
    "quoted": "'in quotes already'",
}


def run(arguments, text, **environment):
    env = os.environ | {"LC_ALL": "C.UTF-8"} | environment
    return subprocess.run(arguments, input=text, env=env, check=True, capture_output=True).stdout


def bash(script, text, **environment):
    """The value is $x; Bash drops line feeds at the end of $(…), so it comes as an argument."""
    return run(["bash", "-c", script, "bash", text.decode()], b"", **environment)


def go(how):
    return lambda text: run([SPELL, how], text)


def python(code):
    return lambda text: run(["python3", "-c", f"import sys; s = sys.stdin.buffer.read(); t = s.decode(errors='replace'); {code}"], text)


def strip_lf(output):
    return output.removesuffix(b"\n")


# Of each tool: how it is called, and what calls it.
TOOLS = {
    "base64": {
        "base64 -w0": lambda text: run(["base64", "-w0"], text),
        "basenc --base64url -w0": lambda text: run(["basenc", "--base64url", "-w0"], text),
        "python3: base64.b64encode": python("sys.stdout.buffer.write(__import__('base64').b64encode(s))"),
    },
    "xxd": {
        "xxd -p -c0": lambda text: strip_lf(run(["xxd", "-p", "-c0"], text)),
        "xxd -u -p -c0": lambda text: strip_lf(run(["xxd", "-u", "-p", "-c0"], text)),
    },
    "iconv": {"iconv -f UTF-8 -t UTF-16LE": lambda text: run(["iconv", "-f", "UTF-8", "-t", "UTF-16LE"], text)},
    "jq": {
        f"jq -rRs {how}": lambda text, how=how: strip_lf(run(["jq", "-rRs", how], text))
        for how in ["@json", "@uri", "@html", "@sh"]
    }
    | {"jq -Rs .": lambda text: strip_lf(run(["jq", "-Rs", "."], text))},
    "python": {
        how: python(f"sys.stdout.buffer.write(({code}).encode())")
        for how, code in {
            "repr(text)": "repr(t)",
            "ascii(text)": "ascii(t)",
            "repr(bytes)": "repr(s)",
            "json.dumps(text)": "__import__('json').dumps(t)",
            "json.dumps(text, ensure_ascii=False)": "__import__('json').dumps(t, ensure_ascii=False)",
            "urllib.parse.quote(text)": "__import__('urllib.parse').parse.quote(t)",
            "urllib.parse.quote(text, safe='')": "__import__('urllib.parse').parse.quote(t, safe='')",
            "urllib.parse.quote_plus(text)": "__import__('urllib.parse').parse.quote_plus(t)",
            "html.escape(text)": "__import__('html').escape(t)",
            "xml.sax.saxutils.escape(text)": "__import__('xml.sax.saxutils').sax.saxutils.escape(t)",
            "xml.sax.saxutils.quoteattr(text)": "__import__('xml.sax.saxutils').sax.saxutils.quoteattr(t)",
            "shlex.quote(text)": "__import__('shlex').quote(t)",
            "bytes.hex()": "s.hex()",
        }.items()
    },
    "bash": {
        "printf %q": lambda text: bash('printf %q "$1"', text),
        "LC_ALL=C printf %q": lambda text: bash('printf %q "$1"', text, LC_ALL="C"),
        "${x@Q}": lambda text: bash('printf %s "${1@Q}"', text),
        "declare -p": lambda text: strip_lf(bash('x=$1; declare -p x', text)),
        "set -x": lambda text: strip_lf(bash('exec 2>&1; set -x; : "$1"', text)),
        "/usr/bin/printf %q": lambda text: run(["/usr/bin/printf", "%q", text.decode()], b""),
        "dash: export -p": lambda text: [
            part
            for part in run(["env", "-i", f"x={text.decode()}", "dash", "-c", "export -p"], b"").split(b"export ")
            if part.startswith(b"x=")
        ][0].removesuffix(b"\n"),
    },
    "go": {
        how: go(how)
        for how in ["json.Marshal", "%q", "%+q", "%x", "%X", "hex.EncodeToString", "url.QueryEscape", "url.PathEscape",
                    "url.UserPassword", "xml.EscapeText", "html.EscapeString", "hclwrite"]
    },
}


def write(name, cases):
    text = json.dumps(cases, ensure_ascii=True, indent=1)
    (HERE / f"{name}.json").write_text(text + "\n")


def shown(data):
    """Bytes as the vectors have them."""
    try:
        text = data.decode()
        return "hex:" + data.hex() if text.startswith("hex:") else text
    except UnicodeDecodeError:
        return "hex:" + data.hex()


def base64_cases():
    cases = []
    for how, spell in TOOLS["base64"].items():
        for name, value in VALUES.items():
            value = value.encode()
            for before in range(3):
                for after in range(3):
                    # The characters that no neighbour changes, whatever its bits.
                    outputs = [spell(a * before + value + z * after) for a in (b"\0", b"\xff") for z in (b"\0", b"\xff")]
                    same = [len(set(column)) == 1 and column[0] != ord("=") for column in zip(*outputs)]
                    # A last character that has less than six bits of the value is not determined: what follows decides.
                    whole = (8 * (before + len(value))) // 6
                    inside = [i for i, s in enumerate(same) if s and i < whole]
                    output = outputs[0]
                    begin, end = inside[0], inside[-1] + 1
                    assert inside == list(range(begin, end))
                    cases.append(case(f"{name} in {before} and {after} bytes", [value], output, begin, end, how))
    return cases


def quoted_cases(tool):
    """What the value's own part is, two neighbours tell whose spellings have the same length and no byte in common."""
    neighbours = ("X", "\u4363") if tool == "iconv" else ("X", "c")
    cases = []
    for how, spell in TOOLS[tool].items():
        for name, value in VALUES.items():
            value = value.encode()
            one, other = (spell(a.encode() + value + a.encode()) for a in neighbours)
            begin = next(i for i in range(len(one)) if one[i] != other[i])
            end = next(i for i in range(len(one)) if one[-1 - i] != other[-1 - i])
            x = len(spell(b"XX" + value + b"X")) - len(one)
            if how == "/usr/bin/printf %q" and one[: len(one) - end - x].endswith(b"\\n''"):
                # The quotes that end here and begin anew are no part of the value: they stand for no character of it.
                end += 2
            cases.append(case(f"{name} by {how}", [value], one, begin + x, len(one) - end - x, how))
            alone = spell(value)
            part = one[begin + x : len(one) - end - x]
            if alone.count(part) == 1 and part:
                at = alone.index(part)
                cases.append(case(f"{name} alone by {how}", [value], alone, at, at + len(part), how))
    return cases


def case(name, secrets, output, begin, end, how):
    expected = output[:begin] + MASK.encode() + output[end:]
    return {
        "name": name,
        "made_by": how,
        "settings": {"forms": "all", "terminal": True, "well_known": False},
        "secrets": [shown(secret) for secret in secrets],
        "writes": [shown(output)],
        "output": shown(expected),
    }


# Streams, in which values are looked for as they are.


def parts_of(text, terminal):
    """The text as what a terminal shows of it: each shown character with its place."""
    if not terminal:
        return list(enumerate(text))
    import re

    hidden = re.compile(
        r"\x1b\[[\x20-\x3f]*[\x40-\x7e]|\x1b[\]PX^_][^\x07\x18\x1a\x1b\n]*(?:\x07|\x18|\x1a|\x1b\\)|\x1b[\x20-\x2f]*[\x30-\x7e]|[\r\0]"
    )
    places = set(range(len(text)))
    for match in hidden.finditer(text):
        places -= set(range(*match.span()))
    return [(place, text[place]) for place in sorted(places)]


def reference(text, secrets, terminal):
    """Every occurrence of every secret, in the text and in what is shown of it; what is marked becomes one mask a run."""
    marked = [False] * len(text)

    def mark(first, last):
        marked[first : last + 1] = [True] * (last + 1 - first)

    for view in [list(enumerate(text)), parts_of(text, terminal)]:
        characters = "".join(character for _, character in view)
        for secret in secrets:
            for start in range(len(characters)):
                if characters.startswith(secret, start):
                    mark(view[start][0], view[start + len(secret) - 1][0])
        held = max((n for s in secrets for n in range(1, len(s)) if characters.endswith(s[:n])), default=0)
        if held >= 8:
            mark(view[-held][0], view[-1][0])
    out = ""
    for place, character in enumerate(text):
        if not marked[place]:
            out += character
        elif place == 0 or not marked[place - 1]:
            out += MASK
    return out


def stream(name, secrets, writes, terminal=False, output=None, commands=False, well_known=False):
    text = "".join(writes)
    expected = reference(text, secrets, terminal) if output is None else output
    return {
        "name": name,
        "settings": {"forms": "none", "terminal": terminal, "well_known": well_known, "commands": commands},
        "secrets": secrets,
        "writes": writes,
        "output": expected,
    }


def streams():
    return [
        stream("nothing to mask", ["hunter2"], ["nothing ", "here\n"]),
        stream("no secrets", [], ["nothing ", "to look for\n"]),
        stream("whole", ["hunter2"], ["the password is hunter2.\n"]),
        stream("cut", ["hunter2"], ["the password is hun", "ter", "2.\n"]),
        stream("overlapping", ["hunter2", "er2secret"], ["hunter2secret"]),
        stream("overlapping, cut", ["hunter2", "er2secret"], ["hunte", "r2s", "ecret", "!"]),
        stream("overlapping itself", ["abaaba"], ["xabaabaabay"]),
        stream("touching", ["hunter2", "swordfish"], ["<hunter2swordfish", "hunter2>"]),
        stream("apart", ["hunter2", "swordfish"], ["<hunter2 swordfish>"]),
        stream("one inside of another", ["abcdefghij", "cdef"], ["abcdefghij abcdefghi-"]),
        stream("one begins another", ["hunt", "hunter2"], ["hunt hunte hunter2"]),
        stream("one ends another", ["ter2", "hunter2"], ["ter2 nter2 hunter2"]),
        stream("like the mask", ["*****", "x*****x"], ["a ***** b x*****x ****"]),
        stream("never scanned again", ["hunter2", "x*****x"], ["xhunter2x"]),
        stream("a long beginning at the end", ["hunter2-and-more"], ["x hunter2-"]),
        stream("a short beginning at the end", ["hunter2-and-more"], ["x hunter2"]),
        stream("empty", ["hunter2"], ["", ""]),
        stream("byte by byte", ["hunter2", "aaaa"], list("aaaaa hunter2 aaa")),
        stream("repeated letters", ["aaaab", "aaab"], ["aaaaaaaab aaa"]),
    ]


def terminals():
    return [
        stream("colour inside", ["hunter2"], ["hun\x1b[31mter2\x1b[0m"], True),
        stream("colour around", ["hunter2"], ["\x1b[31mhunter2\x1b[0m"], True),
        stream("colour cut", ["hunter2"], ["hun\x1b", "[31", "mter2"], True),
        stream("title inside", ["hunter2"], ["hun\x1b]0;a title\x07ter2"], True),
        stream("link inside", ["hunter2"], ["hun\x1b]8;;https://x\x1b\\ter2\x1b]8;;\x1b\\"], True),
        stream("in a title", ["hunter2"], ["\x1b]0;hunter2\x07x"], True),
        stream("carriage return inside", ["hunter2"], ["50%\rhun\rter2\r\n"], True),
        stream("NUL inside", ["hunter2"], ["h\0u\0n\0t\0e\0r\0002\0"], True),
        stream("character sets", ["hunter2"], ["hun\x1b(Bter\x1b7\x1b=2"], True),
        stream("a sequence of its own", ["\x1b[1mhunter2"], ["a \x1b[1mhunter2"], True,
               # What is shown of the secret is looked for, too.
               output="a *****"),
        stream("touching with a sequence between", ["hunter2", "swordfish"], ["hunter2\x1b[0mswordfish"], True),
        stream("switched off", ["hunter2"], ["hun\x1b[31mter2 hunter2"], False),
        stream("a beginning at the end with a sequence", ["hunter2-and-more"], ["hunter2\x1b[0m-\x1b[m"], True),
    ]


def commands():
    def command(name, secrets, writes, output):
        return stream(name, secrets, writes, output=output, commands=True)

    return [
        command("a line", [], ["hunter2\n::add-mask hunter2\nhunter2\n"], "hunter2\n*****\n"),
        command("cut", [], ["::add", "-mask hun", "ter2\nhunter2\n"], "*****\n"),
        command("byte by byte", [], list("a\n::add-mask hunter2\nhunter2\n"), "a\n*****\n"),
        command("several words", [], ["::add-mask hunter2\tswordfish\r\nhunter2 swordfish\n"], "***** *****\n"),
        command("several in a line", [], ["::add-mask hunter2 ::add-mask swordfish\nhunter2 swordfish\n"], "***** *****\n"),
        command("in the middle of a line", [], ["half a line ::add-mask hunter2\nhunter2\n"], "half a line \n*****\n"),
        command("words that are no secrets", [], ["::add-mask abc true\nabc true\n"], "abc true\n"),
        command("the other spelling", [], ["::add-mask::hunter2\nhunter2\n"], "*****\n"),
        command("no command", [], ["a: b:: c ::add-masks hunter2\n"], "a: b:: c ::add-masks hunter2\n"),
        command("shown and not given", [], ["$ echo \"::add-mask hunter2\"\nhunter2\n"], "$ echo \"::add-mask hunter2\"\nhunter2\n"),
        command("at the end", [], ["hunter2 ::add-mask hunter2"], "hunter2 "),
        command("a secret on both sides", ["one\ntwo"], ["one\n::add-mask other\ntwo"], "*****"),
    ]


def known():
    """Put together from parts by whoever reads them: nothing here looks like a credential in one piece."""
    letters = "ExAmPle0NotReal9" * 8

    def shape(name, parts, output):
        return stream(name, [], parts, output=output, well_known=True)

    upper = letters.upper()
    dashes = "-----"
    return [
        shape("AWS access key id", ["id AK", "IA" + upper[:9], upper[9:16] + " x"], "id ***** x"),
        shape("AWS access key id, too short", ["id AK", "IA" + upper[:9], upper[9:15] + " x"], "id AKIA" + upper[:15] + " x"),
        shape("GitHub token", ["token gh", "p_" + letters[:18], letters[18:36], "\n"], "token *****\n"),
        shape("GitHub token, too short", ["token gh", "p_" + letters[:20], "\n"], "token ghp_" + letters[:20] + "\n"),
        shape("Slack token", ["xo", "xb-1234567890", "-0987654321-", letters[:24], " x"], "***** x"),
        shape("Slack token, none", ["xo", "xb-your-token-here"], "xoxb-your-token-here"),
        shape("Azure client secret", ["'", letters[:3] + "8", "Q~" + letters[:17], letters[17:34], "'"], "'*****'"),
        shape("Azure storage key", ["Account", "Key=", letters[:43], letters[43:86], "==;x"], "AccountKey=*****;x"),
        shape("Azure storage key, none", ["Account", "Key=<your key>;x"], "AccountKey=<your key>;x"),
        shape("JSON Web Token", ["Bearer ey", "JhbGciOiJub25lIn0", ".ey", letters[:30], ".", letters[:20], "\n"], "Bearer *****\n"),
        shape("JSON Web Token, none", ["ey", "JhbGciOi.json"], "eyJhbGciOi.json"),
        shape("private key", [dashes + "BEGIN ", "PRIVATE KEY" + dashes + "\n", letters[:64] + "\n", dashes + "END PRIVATE KEY" + dashes, "\nx"], "*****\nx"),
        shape("PGP private key", [dashes + "BEGIN PGP ", "PRIVATE KEY BLOCK" + dashes + "\n", letters[:64] + "\n", dashes + "END PGP PRIVATE KEY BLOCK" + dashes, "\nx"], "*****\nx"),
        shape("public key", [dashes + "BEGIN ", "PUBLIC KEY" + dashes + "\nx"], dashes + "BEGIN PUBLIC KEY" + dashes + "\nx"),
    ]


def main():
    for name in TOOLS:
        write(f"forms_{name}", base64_cases() if name == "base64" else quoted_cases(name))
    write("streams", streams())
    write("terminal", terminals())
    write("commands", commands())
    write("known", known())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        SPELL = f"{folder}/spell"
        subprocess.run(["go", "build", "-o", SPELL, "."], cwd=HERE / "make", check=True)
        main()
