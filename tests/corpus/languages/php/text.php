//~ path src/Text.php
//~ from src/Pages/home.php
<?php

namespace Shop\Text;

use Shop\Base;

const LIMIT = 3; //~ constant Shop.Text.LIMIT signature="const LIMIT = 3" import="use const Shop\Text\LIMIT;"
define('MOST', 40); //~ constant Shop.Text.MOST

/**
 * Makes a slug.
 *
 * @param string $title
 */
function slugify(string $title, ?int $most = null): string //~ function Shop.Text.slugify doc="Makes a slug." signature="function slugify(string $title, ?int $most = null): string" import="use function Shop\Text\slugify;"
{
    return cut($title, $most);
}

if (!function_exists('find')) {
    function find($a) { return $a + 1; } //~ function Shop.Text.find branch
}

/** Reads and writes. */
#[Service('text')]
final class Text extends Base implements Store //~ class Shop.Text.Text doc="Reads and writes." decorators=`Service('text')` import="use Shop\Text\Text;" signature="final class Text extends Base implements Store"
{
    use Loud;

    const SIZE = 5; //~ constant Shop.Text.Text.SIZE
    private ?int $size = 1;

    public function __construct(private int $p, $q = []) { $this->size = $p; } //~ method Shop.Text.Text.__construct

    public static function cut(string $a): string { //~ method Shop.Text.Text.cut signature="public static function cut(string $a): string" import="use Shop\Text\Text;"
        $f = function ($w) use ($a) {
            function inner() { return 1; } //~ function Shop.Text.Text.cut.inner local branch
            return $w;
        };
        return $f(1);
    }

    private function hidden() {} //~ method Shop.Text.Text.hidden trivial private
    abstract protected function owed(); //~ method Shop.Text.Text.owed trivial

    /** @test */
    #[Test]
    public function slugs() { $this->assertTrue(true); } //~ method Shop.Text.Text.slugs test decorators="Test"
}

interface Store { public function get($key); } //~ class Shop.Text.Store ~ method Shop.Text.Store.get trivial
trait Loud { function shout($a) { return $a . '!'; } } //~ class Shop.Text.Loud ~ method Shop.Text.Loud.shout
enum Suit: string { case A = 'a'; public function label() { return 1; } } //~ class Shop.Text.Suit ~ method Shop.Text.Suit.label

$made = new class extends Base {
    function one() { return 1; } //~ method Shop.Text.one local branch
};

namespace Other;

function far($a) { return $a + 1; } //~ function Other.far import="use function Other\far;"
