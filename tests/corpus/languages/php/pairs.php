//~ same: layout
<?php
function f($items, $limit) {
    if (count($items) > $limit) { return g($items[0], $limit); }
    return 0;
}
//~ and
<?php
function f(
    $items,
    $limit,
)
{
    if (count($items) > $limit)
    {
        return (g($items[0],
            $limit));
    }

    return 0;
}
//~ same: types
<?php
function f($a, ...$b) { return $a->b; }
//~ and
<?php
function f(?B $a, string ...$b): array { return $a->b; }
//~ same: visibility
<?php
class A { function f($a) { return $a->b; } }
//~ and
<?php
class A { final protected function f($a) { return $a->b; } }
//~ same: comments
<?php
function f($a) { return $a->b; }
//~ and
<?php
function f($a /* here */) { // there
    # and
    /** everywhere */
    return $a->b;
}
//~ same: quotation marks
<?php
function f($a) { return $a['one']; }
//~ and
<?php
function f($a) { return $a["one"]; }
//~ same: renamed locals
<?php
function f($a, &...$b) {
    static $c = 0;
    foreach ($a as $d => $e) { $c += $e->g($d); }
    foreach ($b as &$h) { $h = 'x'.$c; }
    [$i, $j] = $a; list($k, 'l' => $m) = $a;
    $n = fn($o) => $o + $k; $p = function ($q) use ($i, &$j) { return $q . $j; };
    try { $n($m); } catch (E | F $r) { $p($r); }
    return "x $c {$a->b} $e[0] $h->g" . <<<EOT
 heredoc $i
EOT;
}
//~ and
<?php
function f($aa, &...$bb) {
    static $cc = 0;
    foreach ($aa as $dd => $ee) { $cc += $ee->g($dd); }
    foreach ($bb as &$hh) { $hh = 'x'.$cc; }
    [$ii, $jj] = $aa; list($kk, 'l' => $mm) = $aa;
    $nn = fn($oo) => $oo + $kk; $pp = function ($qq) use ($ii, &$jj) { return $qq . $jj; };
    try { $nn($mm); } catch (E | F $rr) { $pp($rr); }
    return "x $cc {$aa->b} $ee[0] $hh->g" . <<<EOT
 heredoc $ii
EOT;
}
//~ shape: literals
<?php
function f($a) { return $a->b('one', 1); }
//~ and
<?php
function f($a) { return $a->b('two', 1); }
//~ and
<?php
function f($a) { return $a->b('one', 2.5); }
//~ differ: called name
<?php
function f($a) { return g($a); }
//~ and
<?php
function f($a) { return h($a); }
//~ differ: attribute
<?php
function f($a) { return $a->b; }
//~ and
<?php
function f($a) { return $a->c; }
//~ differ: class
<?php
function f($a) { return A::b($a); }
//~ and
<?php
function f($a) { return B::b($a); }
//~ differ: operator
<?php
function f($a, $b) { return $a . $b; }
//~ and
<?php
function f($a, $b) { return $a + $b; }
//~ differ: order
<?php
function f($a, $b) { return g($a, $b); }
//~ and
<?php
function f($a, $b) { return g($b, $a); }
//~ differ: global
<?php
function f($a) { global $b; return $a + $b; }
//~ and
<?php
function f($a) { global $c; return $a + $c; }
//~ differ: reference
<?php
function f($a) { $a = 1; }
//~ and
<?php
function f(&$a) { $a = 1; }
//~ differ: attributes
<?php
function f($a) { return $a->b; }
//~ and
<?php
#[Cached]
function f($a) { return $a->b; }
