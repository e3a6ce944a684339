#~ path src/shop/text.py
#~ from src/shop/home.py
"""Text."""

LIMIT = 3  #~ constant LIMIT signature="LIMIT = 3"
lower = 4


def slugify(title: str, *, most: int = 40) -> str:  #~ function slugify doc="Makes a slug." signature="def slugify(title: str, *, most: int = 40) -> str" import="from shop.text import slugify"
    """Makes a slug."""
    return title.lower()[:most]


# Saves it.
async def save(  #~ function save doc="Saves it." signature="async def save( path, text, )"
    path,
    text,
):
    def opened():  #~ function save.opened local
        return open(path)

    return opened().write(text)


class Post:  #~ class Post doc="What is written." import="from shop.text import Post"
    """What is written."""

    SIZE = 5

    @property
    @cache
    def slug(self):  #~ method Post.slug decorators="property | cache" import="from shop.text import Post"
        class Local:  #~ class Post.slug.Local local
            def inside(self):  #~ method Post.slug.Local.inside local
                return 1

        return Local()

    def empty(self):  #~ method Post.empty trivial
        pass

    def owed(self):  #~ method Post.owed trivial doc="Comes later."
        """Comes later."""
        raise NotImplementedError

    class Meta:  #~ class Post.Meta
        def order(self):  #~ method Post.Meta.order
            return "date"


def _hidden():  #~ function _hidden private
    return 1


def declared(): ...  #~ function declared trivial


if WINDOWS:

    def find():  #~ function find branch
        return 1
else:

    def find():  #~ function find branch
        return 2


def test_slug():  #~ function test_slug test
    assert slugify("a")


class TestPost:  #~ class TestPost test
    def check(self):  #~ method TestPost.check test
        assert Post()
