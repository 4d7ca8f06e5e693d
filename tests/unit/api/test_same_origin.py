from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from vedette.api.errors import CrossSiteRequest
from vedette.api.same_origin import check_own_page, check_own_script, check_reading

HOST = ("host", "iot.example:8480")
OWN = ("x-requested-with", "vedette-console")


def headers(*pairs: tuple[str, str]) -> Headers:
    return Headers(raw=[(name.encode(), value.encode("latin-1")) for name, value in pairs])


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([HOST, ("sec-fetch-site", "same-origin")], id="the browser says so"),
        pytest.param([HOST, ("origin", "https://iot.example:8480")], id="own origin"),
        pytest.param([HOST, ("origin", "https://IOT.example:8480")], id="own origin in capitals"),
        pytest.param(
            [("host", "backend"), ("sec-fetch-site", "same-origin"), ("origin", "https://iot.example")],
            id="behind a proxy that renames the host",
        ),
    ],
)
@pytest.mark.parametrize("is_tls", [True, False])
def test_our_own_page_is_known(pairs: list[tuple[str, str]], is_tls: bool) -> None:  # noqa: FBT001 - of the table
    check_own_page(headers(*pairs), is_tls=is_tls)
    check_own_script(headers(*pairs, OWN), is_tls=is_tls)


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([HOST], id="nothing said"),
        pytest.param([HOST, ("sec-fetch-site", "cross-site")], id="elsewhere"),
        pytest.param([HOST, ("sec-fetch-site", "same-site")], id="another port"),
        pytest.param([HOST, ("sec-fetch-site", "none")], id="address bar"),
        pytest.param([HOST, ("sec-fetch-site", "")], id="empty"),
        pytest.param([HOST, ("sec-fetch-site", "Same-Origin")], id="not as the standard spells it"),
        pytest.param([HOST, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], id="both"),
        pytest.param(
            [HOST, ("sec-fetch-site", "cross-site"), ("origin", "https://iot.example:8480")],
            id="its word wins",
        ),
        pytest.param([HOST, ("origin", "null")], id="nobody's origin"),
        pytest.param([HOST, ("origin", "")], id="empty origin"),
        pytest.param([("origin", "https://")], id="neither has a host"),
        pytest.param([HOST, ("origin", "https://iot.example")], id="another port's origin"),
        pytest.param([HOST, ("origin", "https://evil.example:8480")], id="another host's origin"),
        pytest.param([HOST, ("origin", "https://evil.example#iot.example:8480")], id="own host behind a sign"),
        pytest.param([HOST, ("origin", "https://x@iot.example:8480")], id="own host behind a name"),
        pytest.param([HOST, ("origin", "file://iot.example:8480")], id="another scheme"),
        pytest.param([HOST, ("origin", "https://[")], id="malformed"),
        pytest.param(
            [HOST, ("origin", "https://iot.example:8480"), ("origin", "https://evil.example")], id="two origins"
        ),
    ],
)
def test_every_other_page_is_refused(pairs: list[tuple[str, str]]) -> None:
    for is_tls in (True, False):
        with pytest.raises(CrossSiteRequest):
            check_own_page(headers(*pairs), is_tls=is_tls)
        with pytest.raises(CrossSiteRequest):
            check_own_script(headers(*pairs, OWN), is_tls=is_tls)


def test_over_tls_a_plain_page_of_the_same_name_is_another_origin() -> None:
    plain = headers(HOST, ("origin", "http://iot.example:8480"))
    check_own_page(plain, is_tls=False)
    with pytest.raises(CrossSiteRequest):
        check_own_page(plain, is_tls=True)


@pytest.mark.parametrize("value", ["", "XMLHttpRequest", "vedette-console, x", "VEDETTE-CONSOLE"])
def test_a_script_sends_our_own_header(value: str) -> None:
    with pytest.raises(CrossSiteRequest):
        check_own_script(headers(HOST, ("sec-fetch-site", "same-origin"), ("x-requested-with", value)), is_tls=True)
    with pytest.raises(CrossSiteRequest):
        check_own_script(headers(HOST, ("sec-fetch-site", "same-origin"), OWN, OWN), is_tls=True)


@pytest.mark.parametrize(
    ("sites", "is_allowed"),
    [
        ([], True),
        (["none"], True),
        (["same-origin"], True),
        (["same-site"], False),
        (["cross-site"], False),
        (["none", "cross-site"], False),
    ],
)
def test_who_may_read(sites: list[str], is_allowed: bool) -> None:  # noqa: FBT001 - of the table
    told = headers(HOST, *(("sec-fetch-site", site) for site in sites))
    if is_allowed:
        check_reading(told)
    else:
        with pytest.raises(CrossSiteRequest):
            check_reading(told)
