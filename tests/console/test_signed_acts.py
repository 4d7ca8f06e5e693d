"""A real browser signs one very act with its passkey: what is sent must be what was signed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final

from journey import Platform
from passkey_page import PasskeyPage

NewBrowser = Callable[[], PasskeyPage]
_numbers: Final = itertools.count(1)
_SIGN: Final = """
async ([path, signed, sent]) => {
  const own = {'X-Requested-With': 'vedette-console', 'Content-Type': 'application/json'};
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(signed)));
  const body_sha256 = [...hash].map((each) => each.toString(16).padStart(2, '0')).join('');
  const asked = await fetch('/v1/acts', {
    method: 'POST', headers: own, body: JSON.stringify({method: 'POST', path, body_sha256}),
  });
  const act = await asked.json();
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(act.options);
  const credential = (await navigator.credentials.get({publicKey})).toJSON();
  const told = btoa(JSON.stringify({nonce: act.nonce, credential}));
  const assertion = told.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const headers = {...own, 'Vedette-Act-Assertion': assertion};
  const answer = await fetch(path, {method: 'POST', headers, body: sent});
  return [answer.status, await answer.json()];
}
"""


def _post(browser: PasskeyPage, path: str, signed: str, sent: str) -> tuple[int, dict[str, Any]]:
    status, body = browser.page.evaluate(_SIGN, [path, signed, sent])
    return int(status), body


def test_a_browser_signs_the_act_that_it_sends_and_no_other(platform: Platform, new_browser: NewBrowser) -> None:
    browser, name = new_browser(), f"signer-{next(_numbers)}"
    browser.become(f"Sig {name}")
    path, text = "/v1/service-policies", f'{{"name": "{name}", "rights": ["registry_read"]}}'
    other = text.replace("registry_read", "registry_write")
    status, refused = _post(browser, path, text, other)
    assert (status, refused["code"]) == (403, "operators.confirmation_failed")
    status, made = _post(browser, path, text, text)
    assert status == 201, made
    assert made["name"] == name
