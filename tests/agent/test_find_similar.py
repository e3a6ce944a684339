from collections.abc import Callable
from typing import Any

from described_view import DescribedView
from steadyhand_agent.actions import Action
from steadyhand_agent.tools import registry
from steadyhand_agent.tools.registry import Outcome, ToolContext

ContextOf = Callable[..., tuple[ToolContext, Any]]

TEXT = '''
import re


def slugify(title, max_length=80):
    """Turn a title into something that can stand in a URL."""
    return re.sub(r"[^a-z]+", "-", title.lower())[:max_length]


class Post:
    """An article with its title."""

    def summary(self, words=30):
        """The first words of the article."""
        return " ".join(self.text.split()[:words])
'''


async def ask(context_of: ContextOf, **content: Any) -> Outcome:
    context, _ = context_of({"site/text.py": TEXT})
    context.view = DescribedView({"site/__init__.py": "", "site/text.py": TEXT})
    action = Action(kind="tool", tool="find_similar", content=content)
    return await registry().run(action, context, 12_000)


async def test_a_description_finds_it(context_of: ContextOf) -> None:
    outcome = await ask(context_of, description="turn a heading into a link")
    assert not outcome.error
    head, place, signature, doc, use, *_ = outcome.text.splitlines()
    assert head.endswith(":")
    assert place == "site/text.py:5  function slugify"
    assert signature == "  def slugify(title, max_length=80)"
    assert doc == "  Turn a title into something that can stand in a URL."
    assert use == "  from site.text import slugify"


async def test_code_finds_it(context_of: ContextOf) -> None:
    code = (
        "def make_url_safe(name: str) -> str:\n"
        '    """Create a URL-friendly title."""\n'
        "    return '-'.join(part for part in name.lower().split() if part.isalnum())\n"
    )
    outcome = await ask(context_of, code=code)
    assert outcome.text.splitlines()[1].endswith("function slugify")
    assert "class Post" not in outcome.text


async def test_a_method_is_shown_without_an_import(context_of: ContextOf) -> None:
    outcome = await ask(context_of, description="the first words of an article")
    assert "method Post.summary" in outcome.text.splitlines()[1]
    assert "import Post" not in outcome.text.split("slugify")[0].split("class Post")[0]


async def test_code_in_a_language_without_a_grammar_is_read_as_words(context_of: ContextOf) -> None:
    code = "function slugOf(title) { return title.lower().replace(/[^a-z]+/g, '-') }"
    outcome = await ask(context_of, code=code, path="web/slug.unknown")
    assert "slugify" in outcome.text


async def test_nothing_alike_says_that_it_can_be_written(context_of: ContextOf) -> None:
    outcome = await ask(context_of, description="decompress a tarball of satellite imagery")
    assert outcome.text == "Nothing in this workspace resembles it. You can write it."
    assert not outcome.error


async def test_distant_hits_are_called_distant(context_of: ContextOf) -> None:
    outcome = await ask(
        context_of, description="print the invoice of a customer with its title and tax"
    )
    assert outcome.text.startswith(("Only distant", "Nothing"))


async def test_a_call_without_a_word_is_told_what_to_send(context_of: ContextOf) -> None:
    for content in ({}, {"description": "  "}, {"code": "\n"}):
        outcome = await ask(context_of, **content)
        assert outcome.error
        assert "`description`" in outcome.text
    outcome = await ask(context_of, description="a of ?!")
    assert outcome.error
    assert "no word" in outcome.text
