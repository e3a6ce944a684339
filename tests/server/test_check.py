"""`steadyhand check` on real repositories: which paths, since when, beside which baseline."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from checked_repository import BODY, Repository, function

FILE = ".steadyhand-baseline.json"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Three files; `shop/till.py` repeats `shop/sums.py`."""
    made = Repository(tmp_path / "repo")
    made.put(shop__sums=function("total"), shop__till=function("sum_up"), other__x="X = 1\n")
    made.commit()
    return made


TILL = ("T1", "shop/till.py:1", "sum_up")


def test_the_whole_repository_is_read_whatever_is_asked_for(repository: Repository) -> None:
    assert repository.found() == [TILL]
    assert repository.found("shop/till.py") == [TILL]
    assert repository.found("shop/till.py", "other") == [TILL]
    assert repository.found("shop") == [TILL]
    assert repository.found("shop/sums.py", "other") == []
    assert repository.found("other") == []
    # Paths in a report count from the repository's root, from wherever it is run.
    done = repository.check("till.py", cwd=repository.root / "shop")
    assert done.stdout.decode().startswith("shop/till.py:1: T1: ")
    assert repository.check("../other", cwd=repository.root / "shop").returncode == 0


def test_a_folder_is_no_name_s_beginning(repository: Repository) -> None:
    repository.put(shop_two__till=function("again"))
    assert [place for _, place, _ in repository.found("shop")] == ["shop/till.py:1"]


def test_without_git_the_folder_that_is_named_counts(
    tmp_path: Path, repository: Repository
) -> None:
    plain = tmp_path / "plain"
    for name, text in (("a.py", function("a")), ("sub/b.py", function("b"))):
        (plain / name).parent.mkdir(parents=True, exist_ok=True)
        (plain / name).write_text(text)
    assert repository.check(str(plain)).returncode == 1
    assert repository.check(str(plain / "a.py"), str(plain / "sub" / "b.py")).returncode == 1
    assert repository.check(str(plain / "sub")).returncode == 0, "its neighbour is not looked at"
    # A settings file marks a root as well.
    (plain / "steadyhand.toml").write_text("")
    assert repository.check(str(plain / "sub")).returncode == 1


def test_wrong_usage_is_one_sentence(repository: Repository, tmp_path: Path) -> None:
    Repository(tmp_path / "second")
    assert "several repositories" in repository.refused(".", str(tmp_path / "second"))
    assert "does not exist" in repository.refused("none.py")
    assert "no revision" in repository.refused("--diff=--output=x")
    assert "names no commit" in repository.refused("--diff", "nowhere")
    assert "no git repository" in repository.refused("--diff", "HEAD", str(_plain(tmp_path)))
    assert "none.json" in repository.refused("--baseline", "none.json")
    assert "whole repository" in repository.refused("--write-baseline", FILE, "shop")
    assert "whole repository" in repository.refused("--write-baseline", FILE, "--diff", "HEAD")
    assert "--output" in repository.refused("--output", "no/such/folder/x")
    assert not (repository.root / FILE).exists()
    for words in (["--format", "xml"], ["--min-tier", "T9"], ["--diff"]):
        assert repository.check(*words).returncode == 2


def _plain(tmp_path: Path) -> Path:
    folder = tmp_path / "plain"
    folder.mkdir()
    return folder


def test_since_a_revision_the_old_is_not_told(repository: Repository) -> None:
    base = repository.commit()
    assert repository.found("--diff", "HEAD") == []
    # Untracked files are new; so is what was added to a file that is known.
    repository.put(shop__new=function("brand_new"))
    sums = function("total") + "\n\n" + function("other", "eu") + "\n\n" + function("third", "eu")
    repository.put(shop__sums=sums)
    expected = [("T1", "shop/new.py:1", "brand_new"), ("T1", "shop/sums.py:17", "third")]
    assert repository.found("--diff", "HEAD") == expected
    assert repository.found("--diff", "HEAD", "shop/new.py") == expected[:1]
    repository.commit()
    assert repository.found("--diff", "HEAD") == []
    assert repository.found("--diff", base[:12]) == expected
    assert repository.found("--diff", "HEAD~1") == expected


def test_layout_is_no_change_and_a_new_body_is(repository: Repository) -> None:
    text = function("sum_up")
    repository.put(shop__till="# a comment\n\n" + text.replace("total", "amount") + "\n# more\n")
    assert repository.found("--diff", "HEAD") == []
    repository.put(shop__till=function("sum_up", "gross"), shop__sums=function("total", "gross"))
    assert repository.found("--diff", "HEAD") == [TILL]


def test_the_newer_of_two_equals_is_told(tmp_path: Path) -> None:
    """Which one is canonical goes by the path else, and the change would not be told of."""
    made = Repository(tmp_path / "repo")
    made.put(z_helpers=function("total"))
    made.commit()
    made.put(a_new=function("copied"))
    assert made.found() == [("T1", "z_helpers.py:1", "total")]
    assert made.found("--diff", "HEAD") == [("T1", "a_new.py:1", "copied")]
    # As a hook that is handed the changed files asks.
    assert made.found("--diff", "HEAD", "a_new.py") == [("T1", "a_new.py:1", "copied")]
    assert made.found("--diff", "HEAD", "z_helpers.py") == []
    done = made.check("--diff", "HEAD").stdout.decode()
    assert done == (
        "a_new.py:1: T1: `copied` is new or changed, and `total` in z_helpers.py:1 does the same.\n"
    )
    # A comment where it is told is heard.
    made.put(a_new="# steadyhand: ignore[another team's]\n" + function("copied"))
    assert made.found("--diff", "HEAD") == []
    # A private one in favour of the new public one stays as it was found.
    made.put(a_new=function("copied"), z_helpers=function("_total"))
    made.commit()
    made.put(a_new="", b_new=function("copied"))
    made.commit()
    made.put(c_new=function("public", "eu"), z_helpers=function("_old", "eu"))
    assert made.found("--diff", "HEAD") == [("T1", "z_helpers.py:1", "_old")]


def test_a_clash_of_names_is_told_of_the_newer(tmp_path: Path) -> None:
    made = Repository(tmp_path / "repo")
    made.put(z=function("total"))
    made.commit()
    made.put(a=function("total", "other"))
    done = made.check("--diff", "HEAD").stdout.decode()
    assert done == (
        "a.py:1: T0x: `total` is new here; z.py already has a function of that name (z.py:1).\n"
    )


def test_a_renamed_file_is_not_new(repository: Repository) -> None:
    base = repository.commit()
    repository.git("mv", "shop/till.py", "shop/zest.py")
    text = (repository.root / "shop/zest.py").read_text()
    repository.put(shop__zest=text + "\n\nY = 2\n")
    repository.commit()
    assert repository.found("--diff", base) == []
    assert repository.found() == [("T1", "shop/zest.py:1", "sum_up")]


def test_line_ends_that_git_changes_are_no_change(tmp_path: Path) -> None:
    made = Repository(tmp_path / "repo")
    made.git("config", "core.autocrlf", "true")
    made.put(a=function("one").replace("\n", "\r\n"), b=function("two").replace("\n", "\r\n"))
    made.commit()
    assert made.found() == [("T1", "b.py:1", "two")]
    assert made.found("--diff", "HEAD") == []


def test_a_repository_below_which_a_folder_is_marked(repository: Repository) -> None:
    """The commit's paths are then below that folder."""
    repository.write("shop/steadyhand.toml", "")
    repository.commit()
    repository.put(shop__new=function("brand_new"))
    assert repository.found("--diff", "HEAD", "shop") == [("T1", "new.py:1", "brand_new")]


def test_a_hostile_repository_runs_nothing(repository: Repository, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    command = tmp_path / "command.sh"
    command.write_text(f"#!/bin/sh\necho ran >> {marker}\ncat\n")
    command.chmod(0o755)
    repository.write(".gitattributes", "* filter=evil diff=evil\n")
    repository.commit()
    for key in ("core.fsmonitor", "core.pager", "diff.external", "diff.evil.textconv",
                "diff.evil.command", "filter.evil.clean", "filter.evil.smudge"):  # fmt: skip
        repository.git("config", key, str(command))
    repository.put(shop__till=function("sum_up", "eu"), shop__sums=function("total", "eu"))
    assert repository.found("--diff", "HEAD") == [TILL]
    assert not marker.exists()
    repository.git("status")
    assert marker.exists(), "or this would prove nothing"


def test_adopting_an_old_repository(repository: Repository) -> None:
    done = repository.check("--write-baseline", FILE)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"1 finding settled" in done.stderr
    written = (repository.root / FILE).read_bytes()
    assert repository.found("--baseline", FILE) == []
    assert repository.found() == [TILL], "only where it is asked for"
    # Lines move and other files come: it stays settled, and the file stays the same.
    repository.put(shop__till=f"import os\n\n\n{function('sum_up')}")
    assert repository.found("--baseline", FILE) == []
    repository.check("--write-baseline", FILE)
    assert (repository.root / FILE).read_bytes() == written
    # What is new is told.
    repository.put(shop__new=function("brand_new"))
    expected = [("T1", "shop/new.py:1", "brand_new")]
    assert repository.found("--baseline", FILE) == expected
    assert repository.found("--baseline", FILE, "shop/till.py") == []
    # And what was changed, though it still repeats something.
    repository.put(
        shop__new="", shop__till=function("sum_up", "eu"), shop__sums=function("total", "eu")
    )
    assert repository.found("--baseline", FILE) == [TILL]


def test_a_new_copy_is_told_of_and_not_the_old_ones(repository: Repository) -> None:
    """Though by its path it comes first, and the old ones would have to go in its favour."""
    repository.check("--write-baseline", FILE)
    repository.put(a_new=function("brand_new"))
    expected = [("T1", "a_new.py:1", "brand_new")]
    assert repository.found() == [
        ("T1", "shop/sums.py:1", "total"),
        ("T1", "shop/till.py:1", "sum_up"),
    ]
    assert repository.found("--baseline", FILE) == expected
    assert repository.found("--baseline", FILE, "a_new.py") == expected
    assert repository.found("--baseline", FILE, "shop") == []
    assert repository.found("--baseline", FILE, "--diff", "HEAD") == expected
    # A comment where it is told is heard.
    repository.put(a_new="# steadyhand: ignore[another team's]\n" + function("brand_new"))
    assert repository.found("--baseline", FILE) == []


def test_a_baseline_says_what_is_no_longer_found(repository: Repository) -> None:
    repository.check("--write-baseline", FILE)
    repository.put(shop__till="X = 2\n")
    done = repository.check("--baseline", FILE)
    assert done.returncode == 0
    assert "no longer found: 1" in done.stderr.decode()
    assert "no longer found" not in repository.check("--baseline", FILE, "shop").stderr.decode()


def test_settings_and_comments_count_as_in_the_editor(repository: Repository) -> None:
    repository.write("steadyhand.toml", '[ignore]\n"shop/**" = ["T1"]\n')
    done = repository.check("--stats")
    assert done.returncode == 0
    assert "settled: 1 settings" in done.stderr.decode()
    repository.write("steadyhand.toml", 'tiers = ["T0"]\n')
    assert repository.found() == []
    repository.write("steadyhand.toml", 'ignore = ["other/**"]\n')
    assert repository.found() == [TILL]
    repository.put(shop__till=f"# steadyhand: ignore[why]\n{function('sum_up')}")
    assert repository.found() == []
    repository.put(shop__till=f"# steadyhand: ignore\n{function('sum_up')}")
    assert repository.found() == [
        ("ignore", "shop/till.py:1", ""),
        ("T1", "shop/till.py:2", "sum_up"),
    ]
    assert repository.found("--diff", "HEAD") == [("ignore", "shop/till.py:1", "")]
    repository.write("steadyhand.toml", 'tiers = ["T9"]\n')
    assert "tiers" in repository.refused()


def test_the_least_tier_that_is_shown(tmp_path: Path) -> None:
    made = Repository(tmp_path / "repo")
    made.put(
        a=function("one") + "\n\n" + function("same", "x"),
        b=function("two") + "\n\n" + function("same", "y") + "\n\ndef f():\n    return 1\n" * 2,
    )
    assert [tier for tier, _, _ in made.found()] == ["T1", "T0"]
    assert [tier for tier, _, _ in made.found("--min-tier", "T0x")] == ["T1", "T0x", "T0"]
    assert [tier for tier, _, _ in made.found("--min-tier", "T3")] == ["T1", "T0"]
    assert [tier for tier, _, _ in made.found("--min-tier", "T1")] == ["T1", "T0"]
    assert [tier for tier, _, _ in made.found("--min-tier", "T0")] == ["T0"]


def test_stats_and_quiet(repository: Repository) -> None:
    done = repository.check("--stats")
    said = done.stderr.decode()
    assert "findings in shop" in said
    assert "1 finding in 3 files, 3 definitions." in said
    quiet = repository.check("--quiet")
    assert quiet.stderr == b""
    assert quiet.stdout == done.stdout
    assert repository.check("--quiet", "--write-baseline", FILE).stderr == b""
    loud = orjson.loads(repository.check("--format", "json").stdout)
    assert loud["stats"]["files"] == 3
    assert loud["stats"]["tiers"] == {"T1": 1}
    assert loud["stats"]["repeated_lines"] == BODY.count("\n") + 1


def test_a_file_is_written_whole(repository: Repository, tmp_path: Path) -> None:
    target = tmp_path / "report.txt"
    target.write_text("old " * 1000)
    done = repository.check("--output", str(target))
    assert (done.returncode, done.stdout) == (1, b"")
    assert target.read_text().startswith("shop/till.py:1: T1: ")
    assert target.read_text().count("\n") == 1
    assert target.stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("tmp")] == []
    link = tmp_path / "link.txt"
    link.symlink_to(target)
    repository.check("--output", str(link))
    assert link.is_symlink()
    # A device is written to and not replaced.
    assert repository.check("--output", "/dev/stdout").stdout.startswith(b"shop/till.py:1: T1: ")
    assert repository.check("--output", os.devnull).returncode == 1
    assert Path(os.devnull).is_char_device()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_the_hook_for_pre_commit_is_one(repository: Repository) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", ".pre-commit-hooks.yaml"]
    done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    (entry,) = re.findall(r"entry: (.*)", (root / ".pre-commit-hooks.yaml").read_text())
    assert entry == "steadyhand check"
    assert "id: steadyhand-check" in (root / ".pre-commit-hooks.yaml").read_text()
    # As the hook is run by those who follow docs/check.md: with the files that are staged.
    repository.put(shop__new=function("brand_new"))
    repository.git("add", "-A")
    staged = repository.git("diff", "--cached", "--name-only").splitlines()
    assert repository.found("--diff", "HEAD", *staged) == [("T1", "shop/new.py:1", "brand_new")]


def test_another_tier_brings_no_rows_of_the_first(tmp_path: Path) -> None:
    """What stands apart for a reason is as it was; only what is new is held to more."""
    made = Repository(tmp_path / "repo")
    hooks = (function("_one"), function("_two"))
    once, again = ("".join(f"    {line}" for line in hook.splitlines(True)) for hook in hooks)
    lax = "class Lax(Till):\n    def _two(self, items):\n        return items\n"
    made.put(a=f"class Till:\n{once}\n{again}\n\n{lax}")
    made.commit()
    assert made.found() == made.found("--min-tier", "T1") == made.found("--min-tier", "T3") == []
    made.put(a=f"class Till:\n{once}\n\n{lax}")
    made.commit()
    made.put(a=f"class Till:\n{once}\n{again}\n\n{lax}")
    assert made.found("--diff", "HEAD") == [("T1", "a.py:9", "Till._two")]


def test_what_stands_in_for_an_import_is_no_change_for_the_worse(tmp_path: Path) -> None:
    made = Repository(tmp_path / "repo")
    made.put(b=function("alpha"))
    made.commit()
    inside = "".join(f"    {line}" for line in function("alpha").splitlines(True))
    made.put(a=f"try:\n    from fast import alpha\nexcept ImportError:\n{inside}")
    assert made.found() == made.found("--diff", "HEAD") == made.found("--min-tier", "T0x") == []
