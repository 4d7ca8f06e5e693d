"""Tokens against keys: the captured ones are believed, and whatever differs from them in anything is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.pki.records.tokens import HeldKey, named_registration, prove_identity, prove_registration
from vedette.protocols.hub import derive_device_key
from vedette.trust import TOKEN_REFUSALS, Reason, TokenProof

KEY = HeldKey("key_primary", b"k" * 32)
OTHER = HeldKey("key_other", b"o" * 32)
SCOPE = "0ne00ABCDEF"


def sign(
    resource: str, expiry: int | str, key: bytes = KEY.value, policy: str | None = None, *, is_raw: bool = False
) -> bytes:
    """Make a token as SDKs do."""
    mac = hmac.digest(key, f"{resource}\n{expiry}".encode(), hashlib.sha256)
    signature = base64.b64encode(mac).decode()
    shown = signature if is_raw else quote(signature, safe="")
    token = f"SharedAccessSignature sr={resource}&sig={shown}&se={expiry}"
    return (token if policy is None else f"{token}&skn={policy}").encode()


def prove(
    password: bytes,
    keys: tuple[HeldKey, ...] = (OTHER, KEY),
    *,
    device_id: str = "dev1",
    module_id: str | None = None,
    hostnames: tuple[str, ...] = ("localhost", "Hub.Example"),
    now: datetime,
) -> TokenProof | Reason:
    return prove_identity(password, keys, hostnames=hostnames, device_id=device_id, module_id=module_id, now=now)


def before(expiry: int, seconds: float = 60) -> datetime:
    return datetime.fromtimestamp(expiry - seconds, UTC)


# Captured from real clients; the key is 32 bytes of "k".
CAPTURED = [
    ("Python device", "localhost%2Fdevices%2Fdev1", 1795340109, "X1lDMbIiz+LXxm5tVVCCTgveZ28/NvblQ2mH5QvAjKw="),
    ("Python DPS", f"{SCOPE}%2Fregistrations%2Fdev1", 1795340105, "iCueHJeIS4ZjeBSc/qz3zBRcl/W3J2bfaz7PmxBjqaI="),
    ("Node DPS", f"{SCOPE}/registrations/dev1", 1795340156, "G9FY48ZAXPrWMZLQUg18uDWM5fA+J7peORkBLjgxONE="),
    ("service", "localhost", 1795340278, "AXUZh4L0VmzjL+iS02VHToQ0j76jDg/1+LaaT4Vr99M="),
]


@pytest.mark.parametrize("is_raw", [True, False])
@pytest.mark.parametrize(("client", "resource", "expiry", "signature"), CAPTURED)
def test_captured_tokens_prove_what_they_name_and_nothing_else(
    client: str,
    resource: str,
    expiry: int,
    signature: str,
    is_raw: bool,  # noqa: FBT001 - a table
) -> None:
    shown = signature if is_raw else quote(signature, safe="")
    password = f"SharedAccessSignature sr={resource}&sig={shown}&se={expiry}".encode()
    now = before(expiry)
    at_hub = prove(password, now=now)
    at_dps = prove_registration(password, (KEY,), id_scope=SCOPE, registration_id="dev1", now=now)
    proof = TokenProof(key_id=KEY.key_id, expires_at=datetime.fromtimestamp(expiry, UTC))
    assert at_hub == (proof if client == "Python device" else Reason.TOKEN_WRONG_SCOPE)
    assert at_dps == (proof if "DPS" in client else Reason.TOKEN_WRONG_SCOPE)


def test_a_derived_key_is_the_one_that_clients_compute() -> None:
    assert base64.b64encode(derive_device_key(KEY.value, "dev1")) == b"z+mUo/ygZOm6FEUJyj2VGsOISA0Gh4L5mqwTYXTIaRY="


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
END = int(NOW.timestamp()) + 3600
DEVICE = "localhost%2Fdevices%2Fdev1"
PROVED = TokenProof(key_id=KEY.key_id, expires_at=datetime.fromtimestamp(END, UTC))


@pytest.mark.parametrize(
    ("case", "password", "expected"),
    [
        ("as it should be", sign(DEVICE, END), PROVED),
        ("a raw resource", sign("localhost/devices/dev1", END), PROVED),
        ("the host in another case", sign("LocalHost%2Fdevices%2Fdev1", END), PROVED),
        ("the host with a port", sign("localhost%3A8883%2Fdevices%2Fdev1", END), PROVED),
        ("another name of the hub", sign("hub.example%2Fdevices%2Fdev1", END), PROVED),
        ("another host", sign("evil.example%2Fdevices%2Fdev1", END), Reason.TOKEN_WRONG_SCOPE),
        ("another device", sign("localhost%2Fdevices%2Fdev2", END), Reason.TOKEN_WRONG_SCOPE),
        ("the device in another case", sign("localhost%2Fdevices%2FDEV1", END), Reason.TOKEN_WRONG_SCOPE),
        ("the beginning of its name", sign("localhost%2Fdevices%2Fdev", END), Reason.TOKEN_WRONG_SCOPE),
        ("its name and more", sign("localhost%2Fdevices%2Fdev1x", END), Reason.TOKEN_WRONG_SCOPE),
        ("a module of it", sign("localhost%2Fdevices%2Fdev1%2Fmodules%2Fm", END), Reason.TOKEN_WRONG_SCOPE),
        ("all devices", sign("localhost%2Fdevices", END), Reason.TOKEN_WRONG_SCOPE),
        ("the whole hub", sign("localhost", END), Reason.TOKEN_WRONG_SCOPE),
        ("encoded twice", sign("localhost%252Fdevices%252Fdev1", END), Reason.TOKEN_WRONG_SCOPE),
        ("a slash at the end", sign(f"{DEVICE}%2F", END), Reason.TOKEN_WRONG_SCOPE),
        ("a policy's name", sign(DEVICE, END, policy="device"), Reason.TOKEN_INVALID),
        ("a policy that acts for all", sign("localhost", END, policy="iothubowner"), Reason.TOKEN_INVALID),
        ("another key", sign(DEVICE, END, b"x" * 32), Reason.TOKEN_INVALID),
        ("over", sign(DEVICE, END - 3600 - 301), Reason.TOKEN_EXPIRED),
        ("no token at all", b"password", Reason.TOKEN_INVALID),
        ("not even text", b"\xff\xfe", Reason.TOKEN_INVALID),
        ("empty", b"", Reason.TOKEN_INVALID),
        ("too long", sign(DEVICE, END) + b" " * 2048, Reason.TOKEN_INVALID),
        ("no end", sign(DEVICE, ""), Reason.TOKEN_INVALID),
        ("an end that is no number", sign(DEVICE, "never"), Reason.TOKEN_INVALID),
    ],
)
def test_a_token_proves_one_identity_at_this_hub(case: str, password: bytes, expected: TokenProof | Reason) -> None:
    assert prove(password, now=NOW) == expected


@pytest.mark.parametrize(
    ("case", "resource", "is_proved"),
    [
        ("its own", "localhost%2Fdevices%2Fdev1%2Fmodules%2Ffilter", True),
        ("its device's", "localhost%2Fdevices%2Fdev1", False),
        ("another module's", "localhost%2Fdevices%2Fdev1%2Fmodules%2Fother", False),
        ("of the name on another device", "localhost%2Fdevices%2Fdev2%2Fmodules%2Ffilter", False),
    ],
)
def test_a_modules_token_names_the_module(case: str, resource: str, is_proved: bool) -> None:  # noqa: FBT001 - a table
    found = prove(sign(resource, END), module_id="filter", now=NOW)
    assert isinstance(found, TokenProof) is is_proved


@pytest.mark.parametrize("device_id", ["a%2Fb", "50%", "x=1", "a,b", "$me"])
def test_ids_with_odd_characters_are_compared_as_they_are(device_id: str) -> None:
    password = sign(f"localhost%2Fdevices%2F{quote(device_id, safe='')}", END)
    assert isinstance(prove(password, device_id=device_id, now=NOW), TokenProof)
    assert prove(password, device_id="other", now=NOW) is Reason.TOKEN_WRONG_SCOPE


@pytest.mark.parametrize(
    ("ends_in_s", "expected_s"),
    [(3600, 3600), (1, 1), (0, 300), (-1, 299), (-300, 0), (-301, None)],
)
def test_a_clock_that_lags_by_five_minutes_is_borne_with(ends_in_s: int, expected_s: int | None) -> None:
    found = prove(sign(DEVICE, int(NOW.timestamp()) + ends_in_s), now=NOW)
    if expected_s is None:
        assert found is Reason.TOKEN_EXPIRED
    else:
        assert isinstance(found, TokenProof)
        assert found.expires_at == NOW + timedelta(seconds=expected_s)


def test_an_end_beyond_every_calendar_is_the_last_day() -> None:
    found = prove(sign(DEVICE, 999_999_999_999), now=NOW)
    assert isinstance(found, TokenProof)
    assert found.expires_at.year == 9999


@pytest.mark.parametrize(
    ("keys", "key_id"), [((KEY, OTHER), KEY.key_id), ((OTHER, KEY), KEY.key_id), ((OTHER,), None), ((), None)]
)
def test_either_slot_may_have_signed(keys: tuple[HeldKey, ...], key_id: str | None) -> None:
    found = prove(sign(DEVICE, END), keys, now=NOW)
    assert found == (Reason.TOKEN_INVALID if key_id is None else PROVED)


def test_the_same_id_in_another_case_registers_with_the_key_derived_from_its_spelling() -> None:
    password = sign(f"{SCOPE}%2Fregistrations%2FDev1", END, policy="registration")
    assert named_registration(password, "dev1") == "Dev1"
    assert named_registration(password, "dev2") == "dev2"
    assert named_registration(b"noise", "dev1") == "dev1"
    found = prove_registration(password, (KEY,), id_scope=SCOPE.lower(), registration_id="dev1", now=NOW)
    assert isinstance(found, TokenProof)


def test_a_policy_of_another_name_registers_nothing() -> None:
    password = sign(f"{SCOPE}%2Fregistrations%2Fdev1", END, policy="iothubowner")
    found = prove_registration(password, (KEY,), id_scope=SCOPE, registration_id="dev1", now=NOW)
    assert found is Reason.TOKEN_INVALID


@given(st.binary(max_size=300))
def test_noise_is_refused_with_a_word_that_enforcement_points_know(noise: bytes) -> None:
    for password in (noise, b"SharedAccessSignature " + noise):
        assert prove(password, now=NOW) in TOKEN_REFUSALS
        assert prove_registration(password, (KEY,), id_scope=SCOPE, registration_id="d", now=NOW) in TOKEN_REFUSALS


@given(st.data())
def test_no_token_with_a_changed_character_proves_anything(data: st.DataObject) -> None:
    password = sign(DEVICE, END)
    position = data.draw(st.integers(len("SharedAccessSignature "), len(password) - 1))
    other = data.draw(st.integers(33, 126))
    changed = password[:position] + bytes((other,)) + password[position + 1 :]
    found = prove(changed, now=NOW)
    # Two spellings of one signature or host are one token; whatever is proved is what was signed.
    assert found == PROVED if isinstance(found, TokenProof) else found in TOKEN_REFUSALS


def test_no_value_of_a_key_reaches_a_representation() -> None:
    assert "kkkk" not in repr(KEY)
