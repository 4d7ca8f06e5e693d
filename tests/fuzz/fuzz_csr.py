"""Fuzz the rules of certification requests: mutated DER and text give a request or one of the named refusals."""

from __future__ import annotations

import base64
from typing import Final

from vedette.pki import BadCsr, decode_csr_text, parse_csr

_EC_P256: Final = (
    "MIHMMHMCAQAwETEPMA0GA1UEAwwGcHVtcC03MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKjNUo7StBTVa+0zLGNqnn4iXHU1l"
    "McoB/rUsVG6oOypTcnWteR/R2gfC5iWarYxejK8YdWEkksJR5p+qdXls/KAAMAoGCCqGSM49BAMCA0kAMEYCIQDW3FsIWLja93tV"
    "/llAie17Lawg8s9LlQ42AjxSj4FoRAIhAPSovwe30ajSBSNSFBq245gwwZwVuvHsyZyPWLQg4u1K"
)
_WITH_EXTENSIONS: Final = (
    "MIIBDzCBtQIBADARMQ8wDQYDVQQDDAZwdW1wLTcwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQqM1SjtK0FNVr7TMsY2qefiJcd"
    "TWUxygH+tSxUbqg7KlNyda15H9HaB8LmJZqtjF6Mrxh1YSSSwlHmn6p1eWz8oEIwQAYJKoZIhvcNAQkOMTMwMTARBgNVHREECjAI"
    "ggZwdW1wLTcwDAYDVR0TAQH/BAIwADAOBgNVHQ8BAf8EBAMCB4AwCgYIKoZIzj0EAwIDSQAwRgIhAKa38W6EHO/7QCzC8m5fmu3L"
    "OLeLo4UG+ePSPrKcgJLHAiEA4RiSpRB1XGdMYQQYPHcswF0ujDr1IHv8G5Xh/AgAGJ4="
)
_ASKS_TO_BE_AUTHORITY: Final = (
    "MIHuMIGVAgEAMBExDzANBgNVBAMMBnB1bXAtNzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCozVKO0rQU1WvtMyxjap5+Ilx1N"
    "ZTHKAf61LFRuqDsqU3J1rXkf0doHwuYlmq2MXoyvGHVhJJLCUeafqnV5bPygIjAgBgkqhkiG9w0BCQ4xEzARMA8GA1UdEwEB/wQF"
    "MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgDeMi+T4E6bHN2g9zAirJArxWQe54N1vHJH9BndaecSkCIQDah61RnTHDQ5sPwgHQ+T58"
    "aoWvC0ICxHyG9ZEWUdcEeg=="
)
_EC_P384_EMPTY_SUBJECT: Final = (
    "MIIBCTCBkQIBADAAMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEy1LDHZwxW0dqptCoHsnUXPmYi1CHdWlm8P6Ad5Ve1qWhG39BqspD"
    "FP+ecndtCXlT3B2HY6JYpzbZ7X0xw4JzY0koKpJQUamMeSRkZycpwmdQYVhkLR+IwJm1+vjq1ipWoBIwEAYJKoZIhvcNAQkHMQMM"
    "AXgwCgYIKoZIzj0EAwMDZwAwZAIwLSigr7UQZJoZmlMF/JlWpUvjtDHWkgLTVXf+7cHI0+ys4Dty6dIAmIEMSHY2mLmhAjB01JYu"
    "YgEbgR40/mVSF4Cv5KT3hzeAFsWgts8UE2BX6pT7/uomRmCqTQLNuZh9ne8="
)
_RSA_PSS: Final = (
    "MIICijCCAT4CAQAwETEPMA0GA1UEAwwGcHVtcC03MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA2xlULTJqXaZS23q2"
    "NKjhc0g1tQi/ZZbdkndJUVoiL+ileEoHRkZUtO5Y4NFgV3Kuk1cCnhjm1w85HzYJvbst4HrhdjMxFJmwXVE12z1mYtUNSBWsP9XV"
    "ZA8/TKHrf8uVpoV6CJd/P+yj4I8BhbWO/IAnarrzmTqmxGPCWvmheBwqxRjpSdRjbY9qqcYnxvKTtLQKKVJQ05YuRIow6OmngQKP"
    "VQb3lA6vH27AHqnswybaLb2OuXMWsLDNyBJCr131THe8lzZSJFYh8OCKJuA0zx91MDbIr1sjpr03MbD/5bojeEwaU/uBm3u38Zt6"
    "Rk6v9KBiEGPaUOU1fK7SfvFajQIDAQABoAAwQQYJKoZIhvcNAQEKMDSgDzANBglghkgBZQMEAgEFAKEcMBoGCSqGSIb3DQEBCDAN"
    "BglghkgBZQMEAgEFAKIDAgEgA4IBAQAtebbc7ds6zKFlnLkKKaf4u8Yif+BaXr86KHYlma/Bx2QIX+hJaWFgKEfz+4NHw3jgDijj"
    "3kI9a3xvhNcGjHyeHlonWDacWWaPZg90lCcmLQeJlsgFkrisI/10TkA52lthecbcK7GnINKdLN1iNjToNc/fe3en6G1bA047wd46"
    "mrEeYE/e6bA9ImB2HSQfCTiMjzWPsB/fdsRRc6LSmcYaWhx3ofKKgb22plUNfR1o0uhJ+1pphJ32q7Ew7aLXwl5V6UnJQJ2MznAQ"
    "Jiy5/jJ7f76UTeb4aMKWKIV5uzWn3ejrS/jobqx+bfWCp0eftYufGrug6qk4jpCcvZFh+lqI"
)
_ED25519: Final = (
    "MIGQMEQCAQAwETEPMA0GA1UEAwwGcHVtcC03MCowBQYDK2VwAyEAF1YRwOg21KpWd79p2F+S6TW0DolOcFH37d3gEDgS9eOgADAF"
    "BgMrZXADQQAqRyNkw3obk0O5bL2T3/Yb/tNFwTAvW0bLbD04cK6PrhpkhucO+Fgny3OvTDUtvvGE+uCR1FcoqYuehkhAP4MP"
)
SEEDS: Final = (
    *(
        base64.b64decode(text)
        for text in (_EC_P256, _WITH_EXTENSIONS, _ASKS_TO_BE_AUTHORITY, _EC_P384_EMPTY_SUBJECT, _RSA_PSS, _ED25519)
    ),
    _EC_P256.encode(),
    f"-----BEGIN CERTIFICATE REQUEST-----\n{_EC_P256}\n-----END CERTIFICATE REQUEST-----\n".encode(),
)


def fuzz_one(data: bytes) -> None:
    """Read the bytes as DER and as text: a request whose key is proved, or a refusal with a hint."""
    for der in (data, _decode(data)):
        if der is None:
            continue
        try:
            csr = parse_csr(der, allowed_names=("pump-7",))
        except BadCsr as problem:
            _check(problem)
        else:
            assert csr.common_name in {"", "pump-7"}


def _decode(data: bytes) -> bytes | None:
    try:
        return decode_csr_text(data)
    except BadCsr as problem:
        _check(problem)
        return None


def _check(problem: BadCsr) -> None:
    assert problem.detail
    assert problem.hint
