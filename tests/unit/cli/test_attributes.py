from __future__ import annotations

import pytest

from vedette.cli.attributes import given_only, merge, read_tags, removed_tags
from vedette.cli.problems import Usage


def test_tags_are_texts_at_dotted_paths() -> None:
    assert read_tags(["line=A", "owner.team=red", "owner.phone=a=b", "empty="]) == {
        "line": "A",
        "owner": {"team": "red", "phone": "a=b"},
        "empty": "",
    }


@pytest.mark.parametrize("text", ["line", "=A", ".a=b", "a.=b", "a..b=c", ""])
def test_a_tag_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        read_tags([text])


@pytest.mark.parametrize("texts", [["a=x", "a.b=y"], ["a.b=y", "a=x"]])
def test_tags_that_contradict_each_other_are_refused(texts: list[str]) -> None:
    with pytest.raises(Usage):
        read_tags(texts)


def test_removed_tags_are_nulls_of_a_merge_patch() -> None:
    assert merge(read_tags(["owner.team=red"]), removed_tags(["line", "owner.phone"])) == {
        "owner": {"team": "red", "phone": None},
        "line": None,
    }


@pytest.mark.parametrize("path", ["", ".", "a.", ".a"])
def test_a_path_with_an_empty_part_is_refused(path: str) -> None:
    with pytest.raises(Usage):
        removed_tags([path])


def test_options_that_were_not_given_are_left_out() -> None:
    assert given_only(site="north", zone=None, hold_s=0, tags=None) == {"site": "north", "hold_s": 0}
