//~ path tests/TextTest.php
<?php
class TextTest { function helper($a) { return $a + 1; } } //~ class TextTest test ~ method TextTest.helper test
