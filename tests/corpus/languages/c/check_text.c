//~ path tests/check_text.c
static int helper(int a) { return a + 1; } //~ function helper test private
