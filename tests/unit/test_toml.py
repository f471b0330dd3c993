"""What is wrong in a TOML file is named by file, key and nearest key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from harness.base import toml
from harness.base.errors import UsageError


class Leaf(toml.Strict):
    size: int = Field(default=1, gt=0)
    colour: str = "green"


class Branch(toml.Strict):
    name: str
    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = Field(default_factory=dict)


class Tree(toml.Strict):
    height_m: float
    branch: tuple[Branch, ...] = ()
    roots: Leaf = Leaf()


class Wood(toml.Strict):
    tree: tuple[Tree, ...] = Field(min_length=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # a key too many: the nearest known key of the very table that it stands in
        ("height_m = 1\nheigth_m = 2", "unknown key 'heigth_m'; did you mean 'height_m'?"),
        ("height_m = 1\nrots = 2", "unknown key 'rots'; did you mean 'roots'?"),
        ("height_m = 1\nzzz = 2", "unknown key 'zzz'; known keys: branch, height_m, roots."),
        ("height_m = 1\n[roots]\nsise = 2", "unknown key 'roots.sise'; did you mean 'size'?"),
        (
            'height_m = 1\n[[branch]]\nname = "a"\n[[branch]]\nname = "b"\nleafs = 1',
            "unknown key 'branch.1.leafs'; did you mean 'leaf'?",
        ),
        (
            'height_m = 1\n[[branch]]\nname = "a"\nleaf = { color = "red" }',
            "unknown key 'branch.0.leaf.color'; did you mean 'colour'?",
        ),
        (
            'height_m = 1\n[[branch]]\nname = "a"\n[[branch.leaves]]\nsize_ = 2',
            "unknown key 'branch.0.leaves.0.size_'; did you mean 'size'?",
        ),
        (
            'height_m = 1\n[[branch]]\nname = "a"\n[branch.by_name.any]\ncolor = "red"',
            "unknown key 'branch.0.by_name.any.color'; did you mean 'colour'?",
        ),
        # a key too few
        ("", "key 'height_m' is missing."),
        ("height_m = 1\n[[branch]]", "key 'branch.0.name' is missing."),
        # a wrong value
        ('height_m = "tall"', "key 'height_m': Input should be a valid number"),
        ("height_m = 1\nroots = 3", "key 'roots': Input should be a valid dictionary"),
        ("height_m = 1\n[roots]\nsize = 0", "key 'roots.size': Input should be greater than 0"),
        # no TOML
        ("height_m = ", "can't be read as TOML: Invalid value (at end of document)"),
        ("height_m = 1\nheight_m = 1", "can't be read as TOML: Cannot overwrite a value"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "tree.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        toml.load(path, Tree)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "tree.toml"
    path.write_text("heigth_m = 1\n[roots]\nsize = -1", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        toml.load(path, Tree)
    assert len(str(caught.value).splitlines()) == 3


def test_what_only_follows_from_something_else_is_not_said(tmp_path: Path) -> None:
    path = tmp_path / "wood.toml"
    path.write_text("[[tree]]\nheigth_m = 1", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        toml.load(path, Wood)
    assert "at least 1" not in str(caught.value)
    path.write_text("tree = []", encoding="utf-8")
    with pytest.raises(UsageError, match=r"key 'tree': .* at least 1 item"):
        toml.load(path, Wood)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"tree\.toml is missing\.$"):
        toml.load(tmp_path / "tree.toml", Tree)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "tree.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"tree\.toml can't be read as TOML"):
        toml.load(path, Tree)


def test_a_file_that_is_right(tmp_path: Path) -> None:
    path = tmp_path / "tree.toml"
    path.write_text('height_m = 2\n[[branch]]\nname = "a"\nleaf = { size = 3 }', encoding="utf-8")
    assert toml.load(path, Tree) == Tree(
        height_m=2.0, branch=(Branch(name="a", leaf=Leaf(size=3)),), roots=Leaf()
    )
