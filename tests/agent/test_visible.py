"""Characters that nobody sees: which are written out, which stay, and the way back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand_agent.errors import PathRefused
from steadyhand_agent.guard import paths
from steadyhand_agent.guard.visible import exact, unseen, visible, visible_line, without_colours

TAGS = "".join(chr(0xE0000 + ord(c)) for c in "hi")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a<U+202E>b"),
        ("a\u200bb", "a<U+200B>b"),
        ("a\x1b[2Jb", "a<U+001B>[2Jb"),
        ("a\x00b", "a<U+0000>b"),
        ("a\rb", "a<U+000D>b"),
        ("a\x0cb", "a<U+000C>b"),
        (f"a{TAGS}", "a<U+E0068><U+E0069>"),
        ("\u2066x\u2069", "<U+2066>x<U+2069>"),
        ("a\ufe0e\ufe0f\ufe0f", "a<U+FE0E><U+FE0F><U+FE0F>"),
        ("if\u3164x", "if<U+3164>x"),
        ("a\u2028b", "a<U+2028>b"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert exact(shown, text) == text


@pytest.mark.parametrize(
    "text",
    [
        "plain\ttext\r\nwith lines\n",
        "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}",
        "\N{HEAVY BLACK HEART}\ufe0f",
        "1\ufe0f\u20e3",
        "می\u200cخواهم",
        "क्\u200dष",
        "naïve café ü \u00a0 中文 עברית",
    ],
)
def test_what_belongs_to_a_script_or_an_emoji_stays(text: str) -> None:
    assert visible(text) == text
    assert unseen(text) == set()


def test_a_line_stays_one_line() -> None:
    assert visible_line("a\nb\tc") == "a<U+000A>b<U+0009>c"


def test_what_a_file_writes_out_itself_is_meant_as_it_stands() -> None:
    assert exact("see <U+202E>", "the sign <U+202E> is \u202e") == "see <U+202E>"
    assert exact("see <U+202E>", "nothing") == "see <U+202E>"
    assert exact("see <U+0041>", "A") == "see <U+0041>"


def test_colours_of_a_terminal_go() -> None:
    assert without_colours("\x1b[1;31mred\x1b[0m \x1b[K") == "red "


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_what_is_shown_holds_nothing_unseen_and_comes_back(text: str) -> None:
    shown = visible(text)
    assert unseen(shown) == set()
    assert visible(shown) == shown
    if "<U+" not in text:
        assert exact(shown, text) == text


@given(st.characters(categories=["Cc", "Cf"]))
def test_every_control_and_format_character_between_letters_is_written_out(char: str) -> None:
    if char in "\t\n":
        return
    # Prepended marks of scripts, such as an Arabic number's, are seen.
    if (
        unicodedata.name(char, "").startswith(
            ("ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN", "SHORTHAND")
        )
        and char != "\u061c"
    ):
        return
    assert visible(f"a{char}b") == f"a<U+{ord(char):04X}>b"


@pytest.mark.parametrize(
    "path",
    [
        ".env", "a/.env.local", "prod.env", ".ENV", "x/id_rsa", "id_ed25519", "tls/server.pem",
        "server.KEY", "a.p12", ".netrc", "credentials.json", ".aws/credentials", "home/.ssh/config",
        "terraform.tfstate", "service-account-7.json", ".e\u200bnv", "．env",
    ],
)  # fmt: skip
def test_files_of_secrets_are_closed(path: str) -> None:
    with pytest.raises(PathRefused, match="allow_secret_files"):
        paths.refuse_secret(path)


@pytest.mark.parametrize(
    "path",
    [
        ".env.example", ".env.sample", "id_rsa.pub", "env.py", "keys.py", "src/credentials.py",
        "monkey.md", "environment.yml", "a/secrets.py", "key.ts", "pem.go", ".envoy/x",
    ],
)  # fmt: skip
def test_other_files_are_open(path: str) -> None:
    paths.refuse_secret(path)


def test_some_files_are_closed_only_where_they_hold_a_token() -> None:
    paths.refuse_secret(".npmrc", text="save-exact=true\n")
    with pytest.raises(PathRefused):
        paths.refuse_secret(".npmrc", text="//registry.example.org/:_authToken=x\n")


def test_a_persons_setting_opens_what_it_names() -> None:
    paths.refuse_secret("tests/certs/ca.pem", allowed=["tests/certs/*"])
    paths.refuse_secret("a/ca.pem", allowed=["ca.pem"])
    with pytest.raises(PathRefused):
        paths.refuse_secret("other.pem", allowed=["tests/certs/*"])


@pytest.mark.parametrize(
    "path",
    [
        ".vscode/settings.json", "web/.vscode/tasks.json", ".nvim.lua", ".github/workflows/ci.yml",
        ".pre-commit-config.yaml", "steadyhand.toml", "AGENTS.md", ".gitattributes", ".exrc",
        ".husky/pre-commit", ".VSCode/settings.json",
    ],
)  # fmt: skip
def test_files_that_are_obeyed_are_remarked_upon(path: str) -> None:
    assert paths.remark(path).startswith(path)


@pytest.mark.parametrize("path", ["src/app.py", "README.md", "github/workflows.py", "vscode.json"])
def test_others_are_not(path: str) -> None:
    assert paths.remark(path) == ""


DIFF = """diff --git a/.env b/.env
index 1..2 100644
--- a/.env
+++ b/.env
@@ -1 +1 @@
-A=one
+A=two
diff --git a/src/app.py b/src/app.py
--- a/src/app.py
+++ b/src/app.py
@@ -1 +1 @@
-a = 1
+a = 2
diff --git "a/k\\303\\251y.pem" "b/k\\303\\251y.pem"
new file mode 100644
--- /dev/null
+++ "b/k\\303\\251y.pem"
@@ -0,0 +1 @@
+hidden
diff --git a/id_rsa b/notes.txt
similarity index 90%
rename from id_rsa
rename to notes.txt
--- a/id_rsa
+++ b/notes.txt
@@ -1 +1 @@
-key
+clef
"""


def test_a_diff_leaves_files_of_secrets_out() -> None:
    shown = paths.without_secret_files(f"commit 1\n\n{DIFF}")
    assert shown.startswith("commit 1\n")
    assert "+a = 2" in shown
    for line in ("A=one", "A=two", "hidden", "clef", "-key"):
        assert line not in shown
    assert shown.count("left out") == 3
    assert "A=two" in paths.without_secret_files(DIFF, [".env"])


@pytest.mark.parametrize(
    "header",
    [
        "diff --cc .env\nindex 1,2..3\n--- a/.env\n+++ b/.env\n@@@ -1 -1 +1 @@@\n",
        "diff --combined .env\nindex 1,2..3\n",
        "diff --git c/.env w/.env\n--- c/.env\n+++ w/.env\n@@ -1 +1 @@\n",
        "diff --git .env .env\n--- .env\n+++ .env\n@@ -1 +1 @@\n",
    ],
)
def test_a_diff_whose_header_is_not_the_usual_one_lets_nothing_through(header: str) -> None:
    plain = "diff --git a/b.py b/b.py\n--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-a = 1\n+a = 2\n"
    shown = paths.without_secret_files(f"{plain}{header}+A=three\n{plain}")
    assert "A=three" not in shown
    assert shown.count("+a = 2") == 2
