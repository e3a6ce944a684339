#~ path lib/shop/text.rb
#~ from lib/home.rb
require 'set'

module Shop #~ class Shop
  # Reads and writes.
  #
  # @api public
  class Text < Base #~ class Shop.Text doc="Reads and writes." signature="class Text < Base" import="require_relative 'shop/text'"
    LIMIT = 3 #~ constant Shop.Text.LIMIT signature="LIMIT = 3"
    attr_reader :size

    # Makes a slug.
    def self.slugify(title, most: LIMIT) #~ method Shop.Text.slugify doc="Makes a slug." signature="def self.slugify(title, most: LIMIT)" import="require_relative 'shop/text'"
      cut(title, most)
    end

    def initialize title, *rest, &block #~ method Shop.Text.initialize signature="def initialize title, *rest, &block"
      @title = title
      def inner(a) #~ function Shop.Text.initialize.inner local
        a + 1
      end
    end

    def empty?; end #~ method Shop.Text.empty? trivial

    def owed(a) #~ method Shop.Text.owed trivial
      raise NotImplementedError, "later"
    end

    def short = @title #~ method Shop.Text.short

    def ==(other) #~ method Shop.Text.==
      title == other.title
    end

    class << self
      def build(a) #~ method Shop.Text.build branch
        new(a)
      end
    end

    private def hidden #~ method Shop.Text.hidden
      1
    end

    def _own(a) = a + 1 #~ method Shop.Text._own private
  end

  class Other::Deep #~ class Shop.Other.Deep
    def one #~ method Shop.Other.Deep.one
      1
    end
  end

  Point = Struct.new(:x) do #~ constant Shop.Point
    def dist #~ function Shop.dist local branch
      x
    end
  end
end

def plain(a) #~ function plain signature="def plain(a)" import="require_relative 'shop/text'"
  a + 1
end

if RUBY_VERSION > "3"
  def find(a) #~ function find branch
    a + 1
  end
else
  def find(a) #~ function find branch
    a + 2
  end
end

def test_slug #~ function test_slug test
  assert true
end
