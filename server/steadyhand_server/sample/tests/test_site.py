import contextlib
import io
import re
import unittest
from pathlib import Path
from posixpath import dirname, join, normpath

from pressroom.cli import main
from pressroom.config import SiteConfig, load_config
from pressroom.errors import PressroomError
from pressroom.loader import load_posts
from pressroom.site import render_site, write_site
from tests import FolderTestCase, make_post

PROJECT = Path(__file__).resolve().parent.parent
SETTINGS = PROJECT / "pyproject.toml"


class RenderSiteTests(unittest.TestCase):
    def test_every_link_leads_to_a_file(self):
        config = load_config(SETTINGS)
        files = render_site(config, load_posts(PROJECT / "posts"))
        for path, content in files.items():
            if path.endswith(".html"):
                links = re.findall(r'href="([^":]+)"', content)
                targets = {normpath(join(dirname(path), link)) for link in links}
                self.assertEqual(targets - files.keys(), set(), path)

    def test_the_expected_files_are_rendered(self):
        files = render_site(SiteConfig(), [make_post(tags=("fog",))])
        expected = """
            archive.html feed.xml feeds/fog.xml index.html posts/a-fine-day.html
            sitemap.xml style.css tags.html tags/fog.html
        """
        self.assertEqual(sorted(files), expected.split())

    def test_two_posts_on_one_path_are_an_error(self):
        with self.assertRaisesRegex(PressroomError, "posts/a-fine-day.html"):
            render_site(SiteConfig(), [make_post(), make_post("A fine day!")])


class WriteSiteTests(FolderTestCase):
    def test_folders_are_made_and_old_files_replaced(self):
        for text in ("old", "new"):
            write_site({"index.html": "home", "posts/a.html": text}, self.folder / "out")
        self.assertEqual((self.folder / "out" / "posts" / "a.html").read_text(), "new")


class ConfigTests(FolderTestCase):
    def load(self, text):
        file = self.folder / "site.toml"
        file.write_text(text, encoding="utf-8")
        return load_config(file)

    def test_missing_settings_have_defaults(self):
        config = self.load('[tool.pressroom]\ntitle = "Notes"\n')
        self.assertEqual(config, SiteConfig(title="Notes"))
        self.assertEqual(self.load(""), SiteConfig())

    def test_bad_settings_are_refused(self):
        for line in ('colour = "red"', 'base_url = "blog.example"', "="):
            with self.subTest(line=line), self.assertRaises(PressroomError):
                self.load(f"[tool.pressroom]\n{line}\n")

    def test_addresses_are_quoted_and_joined(self):
        config = SiteConfig(base_url="https://blog.example/notes/")
        self.assertEqual(config.absolute("index.html"), "https://blog.example/notes/")
        self.assertEqual(config.absolute("a b.html"), "https://blog.example/notes/a%20b.html")


class CommandTests(FolderTestCase):
    def command(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main([str(argument) for argument in arguments])
        return status, out.getvalue() + err.getvalue()

    def test_build(self):
        posts = PROJECT / "posts"
        status, message = self.command("build", posts, self.folder, "--config", SETTINGS)
        self.assertEqual(status, 0)
        self.assertTrue(message.startswith("3 posts, "), message)
        self.assertTrue((self.folder / "posts" / "ete-a-la-plage.html").is_file())

    def test_errors_are_one_line(self):
        nowhere = self.folder / "nowhere"
        status, message = self.command("build", nowhere, self.folder, "--config", SETTINGS)
        self.assertEqual(status, 1)
        self.assertRegex(message, r"^pressroom: .* is not a folder\n$")
