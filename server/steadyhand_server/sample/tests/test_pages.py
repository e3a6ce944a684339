import unittest

from pressroom.archive import group_by_month, group_by_year, render_archive
from pressroom.config import SiteConfig
from pressroom.pages import render_home, render_post
from pressroom.tags import group_by_tag, render_tag_index, render_tag_page
from pressroom.templates import relative_link
from tests import make_post


class LayoutTests(unittest.TestCase):
    def test_links_are_relative_to_the_page(self):
        self.assertEqual(relative_link("index.html", "posts/a.html"), "posts/a.html")
        self.assertEqual(relative_link("posts/a.html", "index.html"), "../index.html")
        self.assertEqual(relative_link("posts/a.html", "posts/b.html"), "b.html")

    def test_titles_and_settings_are_escaped(self):
        config = SiteConfig(title="Salt & Sand")
        html = render_post(config, make_post("1 < 2"))
        self.assertIn("<title>1 &lt; 2 - Salt &amp; Sand</title>", html)
        self.assertNotIn("1 < 2", html)


class PostPageTests(unittest.TestCase):
    def test_date_tags_and_body(self):
        html = render_post(SiteConfig(), make_post(tags=("Long walks",), body="*Fog.*"))
        self.assertIn('<time datetime="2026-11-14">14 November 2026</time>', html)
        self.assertIn('<a rel="tag" href="../tags/long-walks.html">Long walks</a>', html)
        self.assertIn("<p><em>Fog.</em></p>", html)

    def test_the_description_prefers_the_summary(self):
        self.assertEqual(make_post(body="Long *story*.").description, "Long story.")
        self.assertEqual(make_post(summary="Short.").description, "Short.")


class HomeTests(unittest.TestCase):
    def test_the_newest_posts_are_shown(self):
        html = render_home(SiteConfig(home_size=2), [make_post(f"Post {n}") for n in range(5)])
        self.assertEqual(html.count("<article>"), 2)
        self.assertIn('<a href="posts/post-1.html">Post 1</a>', html)

    def test_a_site_without_posts_has_a_home_page(self):
        self.assertIn("Nothing here yet.", render_home(SiteConfig(), []))


class TagTests(unittest.TestCase):
    def test_spellings_of_a_tag_are_one_group(self):
        first = make_post("First", tags=("Sea Side", "sea-side"))
        second = make_post("Second", tags=("sea side", "fog"))
        groups = group_by_tag([first, second])
        self.assertEqual([group.label for group in groups], ["fog", "Sea Side"])
        self.assertEqual(groups[1].posts, [first, second])

    def test_the_page_of_a_tag_lists_posts_and_feed(self):
        [group] = group_by_tag([make_post(tags=("fog",))])
        html = render_tag_page(SiteConfig(), group, "feeds/fog.xml")
        self.assertIn('<a href="../posts/a-fine-day.html">A fine day</a>', html)
        self.assertIn('href="../feeds/fog.xml"', html)

    def test_the_index_counts_posts(self):
        posts = [make_post("A", tags=("fog", "sea")), make_post("B", tags=("fog",))]
        html = render_tag_index(SiteConfig(), group_by_tag(posts))
        self.assertIn('href="tags/fog.html">fog</a> (2 posts)', html)
        self.assertIn('href="tags/sea.html">sea</a> (1 post)', html)


class ArchivePageTests(unittest.TestCase):
    posts = (
        make_post("Early", "2025-11-02"),
        make_post("Late", "2026-11-20"),
        make_post("Middle", "2026-03-09"),
        make_post("Later", "2026-11-28"),
    )

    def test_months_are_newest_first(self):
        months = group_by_month(self.posts)
        self.assertEqual([month.anchor for month in months], ["m2026-11", "m2026-03", "m2025-11"])
        self.assertEqual([post.title for post in months[0].posts], ["Later", "Late"])
        self.assertEqual(list(group_by_year(self.posts)), [2026, 2025])

    def test_the_page_has_a_heading_for_each_month(self):
        html = render_archive(SiteConfig(), self.posts)
        self.assertIn('<h2>2026 <span class="meta">3 posts</span></h2>', html)
        self.assertIn('<h3 id="m2025-11">November</h3>', html)
        self.assertIn('<a href="posts/early.html">Early</a>', html)
