import unittest

from pressroom.markup import render_markup
from pressroom.markup.inline import render_inline


class InlineTests(unittest.TestCase):
    def test_emphasis(self):
        self.assertEqual(
            render_inline("*soft* and **loud *and* clear**"),
            "<em>soft</em> and <strong>loud <em>and</em> clear</strong>",
        )

    def test_stars_around_spaces_are_text(self):
        self.assertEqual(render_inline("2 * 3 * 4"), "2 * 3 * 4")

    def test_code_is_left_alone(self):
        self.assertEqual(render_inline("`a *b* <c>`"), "<code>a *b* &lt;c&gt;</code>")

    def test_text_is_escaped(self):
        self.assertEqual(render_inline("<b> & co"), "&lt;b&gt; &amp; co")

    def test_backslash_keeps_a_mark(self):
        self.assertEqual(render_inline(r"\*not this\*"), "*not this*")

    def test_links_and_images(self):
        self.assertEqual(
            render_inline("[the *map*](map.html?a=1&b=2)"),
            '<a href="map.html?a=1&amp;b=2">the <em>map</em></a>',
        )
        self.assertEqual(
            render_inline('![a "map"](m.png)'), '<img src="m.png" alt="a &quot;map&quot;">'
        )


class BlockTests(unittest.TestCase):
    def test_paragraphs_are_split_by_blank_lines(self):
        self.assertEqual(render_markup("one\ntwo\n\n\nthree"), "<p>one\ntwo</p>\n<p>three</p>")
        self.assertEqual(render_markup("\n\n"), "")

    def test_headings_get_unique_anchors(self):
        self.assertEqual(
            render_markup("## The *path*\n\n### The path ###"),
            '<h2 id="the-path">The <em>path</em></h2>\n<h3 id="the-path-2">The path</h3>',
        )

    def test_lists(self):
        self.assertEqual(
            render_markup("- one\n  and more\n- two\n1. first"),
            "<ul>\n<li>one\nand more</li>\n<li>two</li>\n</ul>\n<ol>\n<li>first</li>\n</ol>",
        )

    def test_quotes_hold_blocks(self):
        self.assertEqual(
            render_markup("> said\n>\n> - twice"),
            "<blockquote>\n<p>said</p>\n<ul>\n<li>twice</li>\n</ul>\n</blockquote>",
        )

    def test_fenced_code(self):
        self.assertEqual(
            render_markup("```python\nif a < b:\n\n    # no heading\n```\nafter"),
            '<pre><code class="language-python">if a &lt; b:\n\n    # no heading\n'
            "</code></pre>\n<p>after</p>",
        )

    def test_unclosed_code_runs_to_the_end(self):
        self.assertEqual(render_markup("```\nx"), "<pre><code>x\n</code></pre>")

    def test_rules(self):
        self.assertEqual(render_markup("a\n\n---\nb"), "<p>a</p>\n<hr>\n<p>b</p>")
