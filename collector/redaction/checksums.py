"""Check digits of cards, accounts and national numbers. All take plain ASCII digits unless said."""

from typing import Final

_VERHOEFF_PRODUCT: Final = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_VERHOEFF_PERMUTATION: Final = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
# Values of the characters in odd places (first, third, ...) of a codice fiscale; in even places A is 0, B 1, ...
_CF_ODD: Final = {
    **dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True)),
    **dict(
        zip(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
            strict=True,
        )
    ),
}


def luhn(digits: str) -> bool:
    total = sum(map(int, digits[-1::-2])) + sum(_DOUBLED[int(d)] for d in digits[-2::-2])
    return total % 10 == 0


def iban_mod_97(iban: str) -> bool:
    """ISO 13616: `iban` is upper-case letters and digits without spaces."""
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def verhoeff(digits: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = int(_VERHOEFF_PRODUCT[check][int(_VERHOEFF_PERMUTATION[place % 8][int(digit)])])
    return check == 0


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(d) * w for d, w in zip(digits, weights, strict=False))


def nhs(digits: str) -> bool:
    """10 digits, modulus 11."""
    check = 11 - _weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return check % 11 == int(digits[9]) and check != 10 and not _one_digit(digits)


def bsn(digits: str) -> bool:
    """9 digits, the Dutch eleven test, whose last weight is -1."""
    return _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and not _one_digit(digits)


def pesel(digits: str) -> bool:
    """11 digits: a date of birth with the century in the month, serial, check digit."""
    month, day = int(digits[2:4]), int(digits[4:6])
    dated = 1 <= month % 20 <= 12 and 1 <= day <= 31
    check = -_weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10
    return dated and check == int(digits[10])


def steuer_id(digits: str) -> bool:
    """11 digits: of the first ten, one stands twice or three times and the others once at most; ISO 7064 11,10."""
    counts = sorted(digits[:10].count(d) for d in set(digits[:10]))
    if digits[0] == "0" or counts[-1] not in (2, 3) or counts[-2] != 1:
        return False
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def nir(number: str) -> bool:
    """15 characters of the French number; Corsica's departments 2A and 2B count as 19 and 18."""
    department = {"2A": "19", "2B": "18"}.get(number[5:7].upper(), number[5:7])
    body = number[:5] + department + number[7:13]
    if not (body + number[13:]).isdigit():
        return False
    month = int(number[3:5])
    dated = 1 <= month <= 12 or 20 <= month <= 42 or month >= 50
    return number[0] in "123478" and dated and 97 - int(body) % 97 == int(number[13:])


def cpf(digits: str) -> bool:
    """11 digits, two check digits modulo 11."""
    first = _weighted(digits, tuple(range(10, 1, -1))) * 10 % 11 % 10
    second = _weighted(digits, tuple(range(11, 1, -1))) * 10 % 11 % 10
    return digits[9:] == f"{first}{second}" and not _one_digit(digits)


def ssn(digits: str) -> bool:
    """9 digits: there is no check digit, but areas 000, 666, 9xx, group 00 and serial 0000 were never issued."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def dni(number: str) -> bool:
    """8 digits and a letter, or X, Y, Z, 7 digits and a letter; upper case."""
    digits = str("XYZ".index(number[0])) + number[1:8] if number[0] in "XYZ" else number[:8]
    return _DNI_LETTERS[int(digits) % 23] == number[8]


def codice_fiscale(code: str) -> bool:
    """16 characters, upper case."""
    odd = sum(_CF_ODD[c] for c in code[0:15:2])
    even = sum(int(c) if c.isdigit() else ord(c) - ord("A") for c in code[1:15:2])
    return chr(ord("A") + (odd + even) % 26) == code[15]


def _one_digit(digits: str) -> bool:
    return len(set(digits)) == 1
