"""Writes the keys of this folder that are one step away from a good one, the same bytes each time:

    .venv/bin/python tests/vectors/keys/keys.py

A name says what is wrong, and in which form it is: `fail_<fault>_<pkcs8|pkcs1>.<der|pem>`. The good key is ok_pkcs8.pem;
it and the files without a form in their name were made by OpenSSL. No key here protects anything.
"""

import base64
import pathlib
import random

from cryptography.hazmat.primitives import serialization

HERE = pathlib.Path(__file__).parent
RSA = bytes.fromhex("06092a864886f70d010101")
NULL = b"\x05\x00"


def der(tag, content):
    length = len(content)
    head = [length] if length < 128 else [0x81, length] if length < 256 else [0x82, length >> 8, length & 255]
    return bytes([tag, *head]) + content


def integer(number):
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def sequence(*parts):
    return der(0x30, b"".join(parts))


FIELDS = ["n", "e", "d", "p", "q", "dp", "dq", "qinv"]


def pkcs1(key, version=0, more=b""):
    return sequence(integer(version), *(integer(key[field]) for field in FIELDS), more)


def pkcs8(key, version=0, algorithm=RSA + NULL, more=b"", inner=None):
    return sequence(integer(version), sequence(algorithm), der(4, inner or pkcs1(key)), more)


def public(key):
    return sequence(integer(key["n"]), integer(key["e"]))


def pem(label, content):
    text = base64.b64encode(content).decode()
    lines = [text[at:at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def write(name, content):
    (HERE / name).write_bytes(content)


def is_prime(number, draw):
    """Miller-Rabin with 20 bases, behind a few small factors."""
    if any(number % small == 0 for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31)):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(20):
        power = pow(draw.randrange(2, number - 1), odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def prime(bits, draw):
    while True:
        candidate = draw.getrandbits(bits) | 3 << bits - 2 | 1
        if candidate % 65537 != 1 and is_prime(candidate, draw):
            return candidate


def prime_above(least, draw):
    while not is_prime(least, draw) or least % 65537 == 1:
        least += 2
    return least


def key_of(p, q, e=65537):
    d = pow(e, -1, (p - 1) * (q - 1))
    return {"n": p * q, "e": e, "d": d, "p": p, "q": q, "dp": d % (p - 1), "dq": d % (q - 1), "qinv": pow(q, -1, p)}


def good_key():
    numbers = serialization.load_pem_private_key((HERE / "ok_pkcs8.pem").read_bytes(), None).private_numbers()
    return {"n": numbers.public_numbers.n, "e": numbers.public_numbers.e, "d": numbers.d, "p": numbers.p,
            "q": numbers.q, "dp": numbers.dmp1, "dq": numbers.dmq1, "qinv": numbers.iqmp}


def keys():
    """Keys whose numbers are at fault, or are unusual, and in order."""
    good, draw = good_key(), random.Random(1)
    other = key_of(prime(1024, draw), prime(1024, draw))
    d = good["d"]
    yield "ok", good
    # Primes the other way round, and an exponent reduced by less: both are allowed (RFC 8017, 3.2)
    yield "ok_smaller_prime_first", key_of(good["q"], good["p"])
    # Two primes just above half of the modulus
    yield "ok_2049_bits", key_of(*(prime_above((1 << 1024) + draw.getrandbits(1000) | 1, draw) for _ in range(2)))
    yield "fail_1024_bits", key_of(prime(512, draw), prime(512, draw))
    yield "fail_2047_bits", key_of(prime(1024, draw), prime(1023, draw))
    yield "fail_8193_bits", good | {"n": (1 << 8192) + 1}
    yield "fail_even_exponent", good | {"e": 65536}
    yield "fail_even_exponent_2", good | {"e": 2}
    yield "fail_zero_exponent", good | {"e": 0}
    yield "fail_exponent_1", good | {"e": 1, "d": 1, "dp": 1, "dq": 1}
    yield "fail_even_modulus", good | {"n": good["n"] - 1}
    yield "fail_mismatched_p", good | {"p": other["p"]}
    yield "fail_mismatched_q", good | {"q": other["q"]}
    yield "fail_mismatched_primes", good | {"p": other["p"], "q": other["q"]}
    yield "fail_mismatched_primes_of_1", good | {"p": 1, "q": 1}
    yield "fail_mismatched_primes_zero", good | {"p": 0, "q": 0}
    yield "fail_mismatched_d", good | {"d": other["d"]}
    yield "fail_mismatched_d_by_2", good | {"d": d ^ 2}
    yield "fail_mismatched_d_zero", good | {"d": 0}
    yield "fail_mismatched_d_over_modulus", good | {"d": d + (good["p"] - 1) * (good["q"] - 1) * 4}
    yield "fail_mismatched_dp", good | {"dp": good["dp"] ^ 2}
    yield "fail_mismatched_dq", good | {"dq": good["dq"] ^ 2}
    yield "fail_mismatched_qinv", good | {"qinv": good["qinv"] ^ 2}
    yield "fail_mismatched_public_half", good | {"n": other["n"]}
    yield "fail_mismatched_private_half", other | {"n": good["n"]}
    yield "fail_primes_of_unequal_length", key_of(prime(1100, draw), prime(948, draw))


def numbers():
    for name, key in keys():
        write(f"{name}_pkcs8.der", pkcs8(key))
        if name != "ok":
            write(f"{name}_pkcs1.pem", pem("RSA PRIVATE KEY", pkcs1(key)))
    write("ok_pkcs1.der", pkcs1(good_key()))


def forms():
    """Keys whose numbers are in order and whose form is not, or is unusual."""
    good = good_key()
    info, inner = pkcs8(good), pkcs1(good)
    bits = b"\0" + public(good)
    write("ok_attributes_pkcs8.der", pkcs8(good, more=der(0xa0, b"")))
    write("ok_public_key_pkcs8.der", pkcs8(good, version=1, more=der(0x81, bits)))
    write("ok_attributes_public_key_pkcs8.der", pkcs8(good, version=1, more=der(0xa0, b"") + der(0x81, bits)))
    other = b"\0" + public(good | {"n": good["n"] - 2})
    write("fail_mismatched_public_key_pkcs8.der", pkcs8(good, version=1, more=der(0x81, other)))
    write("fail_damaged_public_key_in_version_0_pkcs8.der", pkcs8(good, more=der(0x81, bits)))
    write("fail_damaged_version_2_pkcs8.der", pkcs8(good, version=2))
    write("fail_damaged_trailing_byte_pkcs8.der", info + b"\0")
    write("fail_damaged_trailing_byte_pkcs8.pem", pem("PRIVATE KEY", info + b"\0"))
    write("fail_damaged_trailing_byte_pkcs1.der", inner + b"\0")
    write("fail_damaged_trailing_byte_pkcs1.pem", pem("RSA PRIVATE KEY", inner + b"\0"))
    write("fail_damaged_trailing_byte_inside_pkcs8.der", pkcs8(good, inner=inner + b"\0"))
    write("fail_damaged_trailing_number_pkcs1.der", pkcs1(good, more=integer(1)))
    write("fail_damaged_cut_short_pkcs8.der", info[:-1])
    write("fail_damaged_cut_short_pkcs8.pem", pem("PRIVATE KEY", info[:-1]))
    write("fail_damaged_cut_short_pkcs1.der", inner[:-1])
    write("fail_damaged_cut_short_pkcs1.pem", pem("RSA PRIVATE KEY", inner[:-1]))
    write("fail_damaged_cut_in_the_middle_pkcs8.der", info[:600])
    write("fail_damaged_head_alone_pkcs8.der", info[:4])
    write("fail_damaged_empty.der", b"")
    write("fail_damaged_without_coefficient_pkcs1.der", sequence(integer(0), *(integer(good[f]) for f in FIELDS[:-1])))
    write("fail_damaged_negative_modulus_pkcs1.der",
          sequence(integer(0), der(2, good["n"].to_bytes(256, "big")), *(integer(good[f]) for f in FIELDS[1:])))
    write("fail_damaged_padded_modulus_pkcs1.der",
          sequence(integer(0), der(2, b"\0\0" + good["n"].to_bytes(256, "big")), *(integer(good[f]) for f in FIELDS[1:])))
    write("fail_damaged_empty_number_pkcs1.der", sequence(integer(0), der(2, b""), *(integer(good[f]) for f in FIELDS[1:])))
    write("fail_damaged_long_length_pkcs1.der", b"\x30\x83\0" + inner[2:])
    write("fail_damaged_indefinite_length_pkcs1.der", b"\x30\x80" + inner[4:] + b"\0\0")
    write("fail_damaged_algorithm_without_null_pkcs8.der", pkcs8(good, algorithm=RSA))
    write("fail_damaged_no_algorithm_pkcs8.der", pkcs8(good, algorithm=b""))
    pss = bytes.fromhex("06092a864886f70d01010a")
    write("fail_algorithm_rsa_pss_pkcs8.der", pkcs8(good, algorithm=pss))
    text = pem("PRIVATE KEY", info)
    write("fail_pem_cut_short_pkcs8.pem", text[:900])
    write("fail_pem_damaged_pkcs8.pem", text[:100] + b"*" + text[101:])
    three = sequence(sequence(integer(7), integer(3), integer(5)))
    write("fail_three_primes_pkcs1.der", pkcs1(good, version=1, more=three))
    write("fail_three_primes_pkcs8.der", pkcs8(good, inner=pkcs1(good, version=1, more=three)))


numbers()
forms()
