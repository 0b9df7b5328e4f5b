"""The tables of the phonenumbers library, read directly, must say what the library says."""

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from collector.redaction.phone import international, is_valid

_TYPES = [PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE, PhoneNumberType.VOIP]


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_numbers_are_valid_where_the_library_says_so(region: str) -> None:
    for kind in _TYPES:
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        national = phonenumbers.national_significant_number(number)
        assert is_valid(national, region)
        assert international(f"{number.country_code}{national}")
        for digits in (national[:-1], national + "0", "0" + national[1:], national[::-1]):
            other = phonenumbers.PhoneNumber(country_code=number.country_code, national_number=int(digits))
            other.italian_leading_zero = digits.startswith("0")
            if phonenumbers.national_significant_number(other) == digits:
                assert is_valid(digits, region) == phonenumbers.is_valid_number_for_region(other, region), digits


def test_no_country_code_no_number() -> None:
    assert not international("999123456789")
    assert not international("491")
