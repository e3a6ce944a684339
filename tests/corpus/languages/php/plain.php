//~ path includes/plain.php
//~ from index.php
<html>
<?php
function shown($a) { //~ function shown import="require_once __DIR__ . '/includes/plain.php';"
    ?> <b><?php echo $a; ?></b> <?php
}
