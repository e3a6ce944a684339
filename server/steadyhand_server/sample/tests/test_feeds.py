import datetime
import unittest
import xml.etree.ElementTree as ET

from pressroom.config import SiteConfig
from pressroom.feeds import ATOM_NAMESPACE, entry_id, feed_path, render_atom
from pressroom.sitemap import SITEMAP_NAMESPACE, render_sitemap
from tests import make_post

CONFIG = SiteConfig(title="Salt & Sand", base_url="https://blog.example/notes/", feed_size=2)


class FeedPathTests(unittest.TestCase):
    def test_the_site_and_each_tag_have_a_feed(self):
        self.assertEqual(feed_path(), "feed.xml")
        self.assertEqual(feed_path("Long walks"), "feeds/long-walks.xml")

    def test_entry_ids_are_tag_uris(self):
        self.assertEqual(entry_id(CONFIG, make_post()), "tag:blog.example,2026-11-14:a-fine-day")
        post = make_post("2026", slug_override="This year")
        self.assertEqual(entry_id(CONFIG, post), "tag:blog.example,2026-11-14:this-year")


class AtomTests(unittest.TestCase):
    def test_the_feed_describes_itself(self):
        feed = ET.fromstring(render_atom(CONFIG, [make_post()], "fog"))
        self.assertEqual(feed.tag, f"{{{ATOM_NAMESPACE}}}feed")
        self.assertEqual(feed.findtext("{*}title"), "Salt & Sand: fog")
        self.assertEqual(feed.findtext("{*}id"), "https://blog.example/notes/feeds/fog.xml")

    def test_entries_hold_the_post(self):
        post = make_post(tags=("sea", "fog"), body="*Fog* & rain.")
        entry = ET.fromstring(render_atom(CONFIG, [post])).find("{*}entry")
        address = "https://blog.example/notes/posts/a-fine-day.html"
        self.assertEqual(entry.find("{*}link").get("href"), address)
        self.assertEqual(entry.findtext("{*}content"), "<p><em>Fog</em> &amp; rain.</p>")
        terms = [category.get("term") for category in entry.findall("{*}category")]
        self.assertEqual(terms, ["sea", "fog"])

    def test_only_the_first_posts_are_included(self):
        posts = [make_post(f"Day {day}", f"2026-11-0{day}") for day in (3, 2, 1)]
        feed = ET.fromstring(render_atom(CONFIG, posts))
        titles = [title.text for title in feed.findall("{*}entry/{*}title")]
        self.assertEqual(titles, ["Day 3", "Day 2"])
        self.assertEqual(feed.findtext("{*}updated"), "2026-11-03T00:00:00Z")

    def test_an_empty_feed_is_still_valid(self):
        feed = ET.fromstring(render_atom(CONFIG, []))
        self.assertEqual(feed.findtext("{*}updated"), "1970-01-01T00:00:00Z")


class SitemapTests(unittest.TestCase):
    def test_pages_and_dates(self):
        day = datetime.date(2026, 11, 14)
        root = ET.fromstring(render_sitemap(CONFIG, {"posts/a.html": day, "index.html": None}))
        home, page = ([child.text for child in entry] for entry in root)
        self.assertEqual(home, ["https://blog.example/notes/"])
        self.assertEqual(page, ["https://blog.example/notes/posts/a.html", "2026-11-14"])
        self.assertEqual(root.tag, f"{{{SITEMAP_NAMESPACE}}}urlset")
