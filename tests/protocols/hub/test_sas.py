"""Shared access signatures, with the tokens real SDKs sent."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.protocols import LocalProtocolError, RemoteProtocolError, hub

KEY = hub.decode_symmetric_key("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=")
DEVICE = ("localhost", "devices", "dev1")
NOW = 1_795_340_000

CAPTURED = {
    "Python device": ("localhost%2Fdevices%2Fdev1", 1795340109, "X1lDMbIiz+LXxm5tVVCCTgveZ28/NvblQ2mH5QvAjKw=", DEVICE),
    "Python DPS": (
        "0ne00ABCDEF%2Fregistrations%2Fdev1",
        1795340105,
        "iCueHJeIS4ZjeBSc/qz3zBRcl/W3J2bfaz7PmxBjqaI=",
        ("0ne00ABCDEF", "registrations", "dev1"),
    ),
    "Node DPS": (
        "0ne00ABCDEF/registrations/dev1",
        1795340156,
        "G9FY48ZAXPrWMZLQUg18uDWM5fA+J7peORkBLjgxONE=",
        ("0ne00ABCDEF", "registrations", "dev1"),
    ),
    "service": ("localhost", 1795340278, "AXUZh4L0VmzjL+iS02VHToQ0j76jDg/1+LaaT4Vr99M=", ("localhost",)),
}


def encode(signature: str) -> str:
    return signature.replace("+", "%2B").replace("=", "%3D").replace("/", "%2F")


@pytest.mark.parametrize("case", CAPTURED.values(), ids=CAPTURED.keys())
def test_captured_token_verifies(case: tuple[str, int, str, tuple[str, ...]]) -> None:
    resource, expiry, signature, scope = case
    for sig in (encode(signature), encode(signature).replace("%2F", "/")):
        for text in (f"sr={resource}&sig={sig}&se={expiry}", f"se={expiry}&skn=&sig={sig}&sr={resource}"):
            token = hub.parse_sas_token("SharedAccessSignature " + text)
            verdict = hub.verify_sas_token(token, keys=[b"other", KEY], scope=scope, now_s=NOW)
            assert verdict is hub.SasVerdict.VALID
            assert token.expires_at_s == expiry
            assert signature not in repr(token)


def test_group_key_derives_the_device_key() -> None:
    derived = hub.derive_device_key(KEY, "dev1")
    assert base64.b64encode(derived).decode() == "z+mUo/ygZOm6FEUJyj2VGsOISA0Gh4L5mqwTYXTIaRY="


def sign(resource: str, expiry: int = NOW + 100, policy: str = "") -> hub.SasToken:
    import hashlib
    import hmac

    mac = hmac.digest(KEY, f"{resource}\n{expiry}".encode(), hashlib.sha256)
    sig = encode(base64.b64encode(mac).decode())
    policy_field = f"&skn={policy}" if policy else ""
    return hub.parse_sas_token(f"SharedAccessSignature sr={resource}&sig={sig}&se={expiry}{policy_field}")


SCOPES = {
    "exact": ("localhost%2Fdevices%2Fdev1", "", True),
    "host in capitals": ("LOCALHOST%2fdevices%2fdev1", "", True),
    "host with a port": ("localhost%3A8883%2Fdevices%2Fdev1", "", True),
    "id in capitals": ("localhost%2Fdevices%2FDEV1", "", False),
    "an id that begins alike": ("localhost%2Fdevices%2Fdev11", "", False),
    "a shorter id": ("localhost%2Fdevices%2Fdev", "", False),
    "a module of it": ("localhost%2Fdevices%2Fdev1%2Fmodules%2Fm", "", False),
    "another host": ("example%2Fdevices%2Fdev1", "", False),
    "the hub without a policy": ("localhost", "", False),
    "encoded twice": ("localhost%252Fdevices%252Fdev1", "", False),
    "the hub with a policy": ("localhost", "iothubowner", True),
    "all devices with a policy": ("localhost/devices", "device", True),
    "the device with a policy": ("localhost/devices/dev1", "device", True),
    "another device with a policy": ("localhost/devices/dev2", "device", False),
    "a module with a policy": ("localhost/devices/dev1/modules/m", "device", False),
    "part of a segment with a policy": ("localhost/dev", "device", False),
}


@pytest.mark.parametrize("case", SCOPES.values(), ids=SCOPES.keys())
def test_scope_is_compared_by_whole_segments(case: tuple[str, str, bool]) -> None:
    resource, policy, is_valid = case
    verdict = hub.verify_sas_token(sign(resource, policy=policy), keys=[KEY], scope=DEVICE, now_s=NOW)
    assert verdict is (hub.SasVerdict.VALID if is_valid else hub.SasVerdict.WRONG_SCOPE)


@pytest.mark.parametrize(("late_s", "verdict"), [(300, hub.SasVerdict.VALID), (301, hub.SasVerdict.EXPIRED)])
def test_expiry_allows_five_minutes_of_skew(late_s: int, verdict: hub.SasVerdict) -> None:
    token = sign("localhost/devices/dev1", NOW)
    assert hub.verify_sas_token(token, keys=[KEY], scope=DEVICE, now_s=NOW + late_s) is verdict


@pytest.mark.parametrize("keys", [[], [b""], [b"k" * 31], [b"x" * 32, b"y" * 32]])
def test_wrong_key_is_told_before_anything_else(keys: list[bytes]) -> None:
    token = sign("elsewhere", 0)
    assert hub.verify_sas_token(token, keys=keys, scope=DEVICE, now_s=NOW) is hub.SasVerdict.WRONG_SIGNATURE


def test_changed_expiry_breaks_the_signature() -> None:
    token = sign("localhost/devices/dev1", NOW)
    later = hub.SasToken(resource=token.resource, expiry=str(NOW + 1), signature=token.signature)
    assert hub.verify_sas_token(later, keys=[KEY], scope=DEVICE, now_s=NOW) is hub.SasVerdict.WRONG_SIGNATURE


SIG = encode(base64.b64encode(b"s" * 32).decode())
MALFORMED = {
    "empty": "",
    "another scheme": f"Bearer sr=a&sig={SIG}&se=1",
    "no resource": f"SharedAccessSignature sig={SIG}&se=1",
    "an empty resource": f"SharedAccessSignature sr=&sig={SIG}&se=1",
    "no signature": "SharedAccessSignature sr=a&se=1",
    "no expiry": f"SharedAccessSignature sr=a&sig={SIG}",
    "an unknown field": f"SharedAccessSignature sr=a&sig={SIG}&se=1&x=1",
    "a field twice": f"SharedAccessSignature sr=a&sig={SIG}&se=1&sr=b",
    "five fields": f"SharedAccessSignature sr=a&sig={SIG}&se=1&skn=p&skn=q",
    "a field without a value": f"SharedAccessSignature sr&sig={SIG}&se=1",
    "a signature that is no base64": "SharedAccessSignature sr=a&sig=***&se=1",
    "a signature that is not ASCII": "SharedAccessSignature sr=a&sig=é&se=1",
    "a signature of 31 bytes": f"SharedAccessSignature sr=a&sig={encode(base64.b64encode(b's' * 31).decode())}&se=1",
    "an expiry that is no number": f"SharedAccessSignature sr=a&sig={SIG}&se=1.5",
    "an expiry in other digits": f"SharedAccessSignature sr=a&sig={SIG}&se=٢",
    "an expiry of 13 digits": f"SharedAccessSignature sr=a&sig={SIG}&se=1234567890123",
    "a negative expiry": f"SharedAccessSignature sr=a&sig={SIG}&se=-1",
    "a policy name that is not UTF-8": f"SharedAccessSignature sr=a&sig={SIG}&se=1&skn=%FF",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_token_is_bad_credentials(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        hub.parse_sas_token(text)
    assert caught.value.connack_code == 4


def test_token_at_its_limit_passes_and_beyond_is_refused() -> None:
    text = f"SharedAccessSignature sr=a&sig={SIG}&se=1"
    hub.parse_sas_token(text, max_chars=len(text))
    with pytest.raises(RemoteProtocolError):
        hub.parse_sas_token(text, max_chars=len(text) - 1)


@pytest.mark.parametrize("key", ["", "!", "YQ"])
def test_key_that_is_no_base64_is_our_error(key: str) -> None:
    with pytest.raises(LocalProtocolError):
        hub.decode_symmetric_key(key)


@given(st.text(max_size=100))
def test_any_text_is_a_token_or_the_peers_error(text: str) -> None:
    for each in (text, "SharedAccessSignature " + text, f"SharedAccessSignature sr={text}&sig={SIG}&se=1"):
        try:
            token = hub.parse_sas_token(each)
        except RemoteProtocolError:
            continue
        assert hub.verify_sas_token(token, keys=[KEY], scope=DEVICE, now_s=0) is hub.SasVerdict.WRONG_SIGNATURE
